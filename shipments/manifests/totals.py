"""The figures of a shipment, by the one rule that holds on every list and paper.

Net, gross and volume are rounded half up to 3 places per package and then summed; the value of a line is its unit
value times its quantity, exactly, in minor units. PostgreSQL rounds numerics half away from zero: for weights, up.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from uuid import UUID

from django.db import connection

from shipments.manifests.models import Shipment

SQL = """
    SELECT p.shipment_id,
           count(*),
           coalesce(sum(l.lines), 0),
           coalesce(sum(l.pieces), 0),
           coalesce(sum(round(l.net_kg, 3)), 0),
           coalesce(sum(round(p.gross_kg, 3)), 0),
           coalesce(sum(round(p.gross_kg, 3)) FILTER (WHERE p.gross_measured), 0),
           coalesce(sum(p.volume_m3), 0),
           coalesce(sum(l.value_minor), 0)
    FROM shipments_package p
    LEFT JOIN LATERAL (
        SELECT count(*) AS lines, sum(quantity) AS pieces, sum(net_kg) AS net_kg, sum(value_minor) AS value_minor
        FROM shipments_manifestline WHERE package_id = p.id
    ) AS l ON true
    WHERE p.shipment_id = ANY(%s)
    GROUP BY p.shipment_id
"""
THREE_PLACES = Decimal("0.001")


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


def counted(shipment_ids: Iterable[UUID]) -> dict[UUID, Totals]:
    """Count these shipments' packages and lines as they stand now, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(SQL, [list(shipment_ids)])
        return {row[0]: _totals(*row[1:]) for row in cursor.fetchall()}


def of(shipment: Shipment) -> Totals:
    """Return the figures that were frozen when it was sealed, or those of the manifest as it stands."""
    if shipment.package_count is not None:
        return Totals(**{name: getattr(shipment, name) for name in FIGURES})
    return counted([shipment.pk]).get(shipment.pk, Totals())


def _totals(packages: int, lines: int, pieces: int, *kilograms_metres_and_value: Decimal) -> Totals:
    *measures, value_minor = kilograms_metres_and_value
    net, gross, measured, volume = (Decimal(measure).quantize(THREE_PLACES) for measure in measures)
    return Totals(packages, int(lines), int(pieces), net, gross, measured, volume, int(value_minor))
