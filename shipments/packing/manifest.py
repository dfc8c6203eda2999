"""A shipment's packages and lines as a whole; implements shipments.shipments.contents.Manifest."""

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from shipments.packing import totals
from shipments.packing.models import ManifestLine, Package
from shipments.shipments.contents import Totals
from shipments.shipments.models import Shipment, ShipmentSite


def count(shipment: Shipment, site_id: UUID | None = None) -> Totals:
    """Return the current totals of the packages and lines; with `site_id`, of those for this site."""
    return totals.counted([shipment.pk], site_id).get(shipment.pk, Totals())


def only_site(shipment: Shipment) -> UUID | None:
    """Return the site that all packages go to; None if there are several, or none."""
    found = set(shipment.packages.order_by().values_list("destination__site", flat=True).distinct()[:3])
    if None in found:  # a shipment to one site may leave it out
        found = set(shipment.sites.order_by().values_list("site", flat=True)[:2])
    return found.pop() if len(found) == 1 else None


def has_lines(shipment: Shipment) -> bool:
    """Return whether there are lines, which have values in the customs currency."""
    return ManifestLine.objects.filter(shipment=shipment).exists()


def goes_to(sites: Collection[ShipmentSite]) -> bool:
    """Return whether any package goes to one of these sites."""
    return Package.objects.filter(destination__in=sites).exists()


def sha256(shipment: Shipment) -> str:
    """Return the fingerprint of the manifest: SHA-256 over its packages and lines, in order of number."""
    lines = ManifestLine.objects.filter(shipment=shipment).order_by("package__number", "position")
    rows = lines.values_list(
        "package__number",
        "package__kind",
        "package__marks",
        "package__gross_kg",
        "position",
        "item__code",
        "description_en",
        "description_fr",
        "quantity",
        "unit",
        "net_kg",
        "hs6",
        "origin",
        "condition",
        "value_minor",
        "un_number",
        "serials",
    )
    digest = hashlib.sha256()
    for row in rows.iterator(chunk_size=2000):
        digest.update(json.dumps([str(v) if isinstance(v, Decimal) else v for v in row], ensure_ascii=False).encode())
    return digest.hexdigest()
