"""What a shipment must know of its packages. The room `packing` has them, and answers (see shipments/apps.py)."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Protocol

from shipments.shipments.models import Shipment, ShipmentSite


@dataclass(frozen=True)
class Totals:
    """Kilograms and cubic metres with 3 places; `value_minor` in the shipment's customs currency."""

    package_count: int = 0
    line_count: int = 0
    piece_count: int = 0
    net_kg: Decimal = Decimal("0.000")
    gross_kg: Decimal = Decimal("0.000")
    measured_kg: Decimal = Decimal("0.000")
    volume_m3: Decimal = Decimal("0.000")
    value_minor: int = 0


FIGURES = tuple(field.name for field in fields(Totals))


class Manifest(Protocol):
    """The questions that the room of packages answers."""

    def count(self, shipment: Shipment) -> Totals:
        """Return the totals of the packages and lines as they are now."""

    def sha256(self, shipment: Shipment) -> str:
        """Return the fingerprint of all that packages and lines say."""

    def has_lines(self, shipment: Shipment) -> bool:
        """Say whether there are lines, with values in the customs currency."""

    def goes_to(self, sites: Collection[ShipmentSite]) -> bool:
        """Say whether some package goes to one of these sites."""


_manifests: list[Manifest] = []


def register(answers: Manifest) -> None:
    """Name who answers for the packages of shipments. Called once, when the app is ready."""
    _manifests[:] = [answers]


def manifest() -> Manifest:
    """Return who answers for the packages of shipments."""
    return _manifests[0]


def totals(shipment: Shipment) -> Totals:
    """Return the figures that were frozen when it was sealed, or those of the manifest as it is now."""
    if shipment.package_count is None:
        return manifest().count(shipment)
    return Totals(**{name: getattr(shipment, name) for name in FIGURES})
