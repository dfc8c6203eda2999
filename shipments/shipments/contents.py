"""Interface to a shipment's packages, implemented by the room `packing` (see shipments/apps.py)."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Protocol
from uuid import UUID

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
    """What the room `packing` implements."""

    def count(self, shipment: Shipment, site_id: UUID | None = None) -> Totals:
        """Return the current totals of the packages and lines; with `site_id`, of those for this site."""

    def only_site(self, shipment: Shipment) -> UUID | None:
        """Return the site that all packages go to; None if there are several, or none."""

    def sha256(self, shipment: Shipment) -> str:
        """Return the fingerprint of the packages and lines."""

    def has_lines(self, shipment: Shipment) -> bool:
        """Return whether there are lines, which have values in the customs currency."""

    def goes_to(self, sites: Collection[ShipmentSite]) -> bool:
        """Return whether any package goes to one of these sites."""


_manifests: list[Manifest] = []


def register(implementation: Manifest) -> None:
    """Register the implementation. Called once, when the app is ready."""
    _manifests[:] = [implementation]


def manifest() -> Manifest:
    """Return the registered implementation."""
    return _manifests[0]


def totals(shipment: Shipment, site_id: UUID | None = None) -> Totals:
    """Return the totals frozen when the shipment was sealed, or the current ones of an unsealed manifest.

    With `site_id`: the totals of the packages for this site.
    """
    if site_id is not None:
        return manifest().count(shipment, site_id)
    if shipment.package_count is None:
        return manifest().count(shipment)
    return Totals(**{name: getattr(shipment, name) for name in FIGURES})
