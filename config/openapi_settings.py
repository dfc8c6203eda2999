"""Settings of drf-spectacular: the API's title, hooks and tags."""

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
    "GET_LIB_DOC_EXCLUDES": "config.openapi.undescribed_classes",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.without_impossible_defaults",
        "config.openapi.with_shared_errors",
    ],
    # Several fields are named `status`; each set of values gets a name of its own.
    "ENUM_NAME_OVERRIDES": {
        "Language": "django.conf.settings.LANGUAGES",
        "JobState": "logistics.jobs.models.Job.State",
        "PartnerStatus": "logistics.partners.models.Partner.Status",
        "ShipmentStatus": "shipments.shipments.states.Status",
        "DeliverySource": "shipments.deliveries.models.Delivery.Source",
        "RefundState": "donations.refunds.models.RefundState",
        "DonationStatus": "donations.gifts.models.Donation.Status",
        "DonationChannel": "donations.gifts.models.Donation.Channel",
        "OfflineChannel": "donations.gifts.serializers.OFFLINE",
    },
    "TAGS": [
        {"name": "me", "description": "Who you are."},
        {"name": "appeals", "description": "What the charity asks gifts for."},
        {"name": "donations", "description": "Gifts of money, from the promise to the payment."},
        {"name": "gifts", "description": "What a donor may see of a gift, with the token that only the donor has."},
        {"name": "refunds", "description": "Money that goes back to a donor's card."},
        {"name": "shipments", "description": "Goods on their way, from the first package to the last signature."},
        {"name": "manifests", "description": "Packages and lines of a shipment; frozen once it is sealed."},
        {
            "name": "imports",
            "description": "Manifests from spreadsheets: imported whole or refused with every error.",
        },
        {"name": "papers", "description": "Packing lists and goods-received notes as PDF; issued ones never change."},
        {"name": "deliveries", "description": "What the consignee confirms as received, in one small call."},
        {"name": "discrepancies", "description": "Differences between what was sent and what arrived."},
        {"name": "partners", "description": "Organisations that receive our shipments, and their API keys."},
        {"name": "contacts", "description": "People at partners who are notified of shipments."},
        {"name": "sites", "description": "Where goods are used. The address of a confidential site is never shown."},
        {"name": "items", "description": "The catalogue: what we send, each item described once."},
        {"name": "documents", "description": "Papers that are being printed or were issued, with their progress."},
        {"name": "audit-entries", "description": "Who did what to which row, when."},
        {"name": "verify", "description": "Whether a paper is genuine."},
    ],
}
