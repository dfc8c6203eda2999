"""What drf-spectacular needs to know to describe the API: its title, its hooks and its tags."""

from pathlib import Path

SPECTACULAR = {
    "TITLE": "Relief API",
    "DESCRIPTION": Path(__file__).with_name("introduction.md").read_text(encoding="utf-8"),
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["logistics.permissions.Anyone"],
    "SERVE_AUTHENTICATION": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "GET_LIB_DOC_EXCLUDES": "config.openapi.words_for_us",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.without_impossible_defaults",
        "config.openapi.with_shared_errors",
    ],
    # Two fields named `status` are two things; each set of values gets a name that says of what.
    "ENUM_NAME_OVERRIDES": {
        "JobState": "logistics.jobs.models.Job.State",
        "PartnerStatus": "logistics.partners.models.Partner.Status",
        "ShipmentStatus": "shipments.shipments.states.Status",
        "DeliverySource": "shipments.deliveries.models.Delivery.Source",
        "DonationStatus": "donations.gifts.models.Donation.Status",
    },
    "TAGS": [
        {"name": "me", "description": "Who you are."},
        {"name": "appeals", "description": "What gifts are asked for."},
        {"name": "donations", "description": "Gifts of money, from the promise to the payment."},
        {"name": "gifts", "description": "What a donor may see of a gift, by the token that only the donor has."},
        {"name": "shipments", "description": "Goods on their way, from the first package to the last signature."},
        {"name": "manifests", "description": "Packages and lines of a shipment; frozen once it is sealed."},
        {"name": "imports", "description": "A manifest from a spreadsheet: whole, or refused with every reason."},
        {"name": "papers", "description": "Packing lists and goods-received notes as PDF; issued ones never change."},
        {"name": "deliveries", "description": "What a receiver confirms, in one small call."},
        {"name": "discrepancies", "description": "Where what arrived differs from what was sent."},
        {"name": "partners", "description": "Organisations that receive what we send, and the keys of their programs."},
        {"name": "contacts", "description": "People at partners who are told of shipments."},
        {"name": "sites", "description": "Where goods are used. Where a confidential site is stands nowhere."},
        {"name": "items", "description": "What we send, each described once."},
        {"name": "documents", "description": "Papers that are being printed or were issued, and the progress of each."},
        {"name": "audit-entries", "description": "Who did what to which row, when."},
        {"name": "verify", "description": "Is this paper genuine?"},
    ],
}
