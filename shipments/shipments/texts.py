"""Which texts of shipments are compared with the sealed addresses of the consignee (logistics.partners.texts)."""

from collections.abc import Iterator

from django.db import models

from logistics.partners.models import Partner
from logistics.partners.texts import CODE, MADE, RANDOM
from shipments.shipments.models import Shipment
from shipments.shipments.states import NO_LONGER_CARRIED, Status

GUARDED: dict[str, tuple[str, ...]] = {
    "shipments.shipment": (
        *("title", "reference", "purpose", "notify_party", "hand_over_point", "incoterm_place", "seal_number"),
        *("cargo_tracking_note", "bill_of_lading"),
        # A code, but papers print its name: the town must not be that of a site.
        "place_of_delivery",
    ),
    "shipments.shipmentsite": ("label",),
    "shipments.package": ("marks", "remark"),
    "shipments.manifestline": ("description_en", "description_fr", "serials", "remark"),
    "shipments.delivery": ("received_by", "delivered_by", "seal_read", "note"),
    "shipments.deliveryline": ("reason",),
    "shipments.unlistedgoods": ("description", "remark"),
    "shipments.discrepancy": ("decision_note",),
    "shipments.reveal": ("driver", "reason"),
    # The leg of a waybill, kept in the context of its document.
    "shipments.paper": (
        *("carrier", "loading_place", "hand_over_place", "vehicle", "registration", "driver", "instructions"),
    ),
}
EXEMPT: dict[str, dict[str, str]] = {
    "shipments.shipment": {
        "number": MADE,
        **dict.fromkeys(("status", "mode", "incoterm", "port_of_loading", "port_of_discharge"), CODE),
        "container_number": "ISO 6346: four letters, seven digits, one of them a check digit",
        **dict.fromkeys(("container_type", "customs_currency", "freight_currency"), CODE),
        "manifest_sha256": RANDOM,
    },
    "shipments.package": {
        "token": RANDOM,
        **dict.fromkeys(("kind", "flags"), CODE),
        "sscc": "eighteen digits of GS1 with a check digit",
    },
    "shipments.manifestline": dict.fromkeys(("unit", "hs6", "origin", "condition", "grade", "un_number"), CODE),
    "shipments.delivery": {"body_sha256": RANDOM, **dict.fromkeys(("source", "default"), CODE)},
    "shipments.unlistedgoods": {"unit": CODE},
    "shipments.discrepancy": {
        **dict.fromkeys(("kind", "state", "decision"), CODE),
        "reason": "copied from a delivery or from the reason of a loss, guarded there",
    },
    "shipments.upload": {
        **dict.fromkeys(("state", "last_error_code", "lane", "outcome"), CODE),
        "sha256": RANDOM,
        "content": "the file as sent: deleted once it is read, and shown to nobody",
        "plan": "figures and codes; names of new items, checked on their lines",
        "errors": "without free text from the sheet",
    },
    "shipments.paper": {"kind": CODE, "number": MADE},
    "shipments.reveal": {"token_sha256": RANDOM, "ended_because": CODE},
}


def in_use(partner: Partner) -> Iterator[models.Model]:
    """Yield a partner's open shipments with their sites, packages and lines, whose texts papers may still print."""
    ended = (*NO_LONGER_CARRIED, Status.RECEIVED)
    for shipment in Shipment.objects.filter(consignee=partner).exclude(status__in=ended).order_by("pk"):
        yield shipment
        yield from shipment.sites.order_by("pk")
        for package in shipment.packages.prefetch_related("lines").order_by("pk"):
            yield package
            yield from package.lines.all()
