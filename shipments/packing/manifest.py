"""A shipment's packages and lines as a whole: what the shipment itself must know of them."""

import hashlib
import json
from collections.abc import Collection
from decimal import Decimal

from shipments.packing import totals
from shipments.packing.models import ManifestLine, Package
from shipments.shipments.contents import Totals
from shipments.shipments.models import Shipment, ShipmentSite


def count(shipment: Shipment) -> Totals:
    """Return the totals of the packages and lines as they are now."""
    return totals.counted([shipment.pk]).get(shipment.pk, Totals())


def has_lines(shipment: Shipment) -> bool:
    """Say whether there are lines, with values in the customs currency."""
    return ManifestLine.objects.filter(package__shipment=shipment).exists()


def goes_to(sites: Collection[ShipmentSite]) -> bool:
    """Say whether some package goes to one of these sites."""
    return Package.objects.filter(destination__in=sites).exists()


def sha256(shipment: Shipment) -> str:
    """Return SHA-256 over all that packages and lines say, in order of number: the fingerprint of the manifest."""
    lines = ManifestLine.objects.filter(package__shipment=shipment).order_by("package__number", "position")
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
