"""The totals of a shipment, by the one rule used on every list and paper.

Net, gross and volume are rounded half up to 3 places per package and then summed; the value of a line is its unit
value times its quantity, exactly, in minor units. PostgreSQL rounds numerics half away from zero: for weights, up.
"""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from django.db import connection

from shipments.packing.models import GOES_TO
from shipments.shipments.contents import Totals

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
    WHERE p.shipment_id = ANY(%(shipments)s)
    GROUP BY p.shipment_id
"""
SQL_OF_SITE = SQL.replace("GROUP BY", f"AND {GOES_TO} GROUP BY")
THREE_PLACES = Decimal("0.001")


def counted(shipment_ids: Iterable[UUID], site_id: UUID | None = None) -> dict[UUID, Totals]:
    """Return the current totals of these shipments, in one query; with `site_id`, of their packages for this site."""
    with connection.cursor() as cursor:
        cursor.execute(SQL_OF_SITE if site_id else SQL, {"shipments": list(shipment_ids), "site": site_id})
        return {row[0]: _totals(*row[1:]) for row in cursor.fetchall()}


def _totals(packages: int, lines: int, pieces: int, *kilograms_metres_and_value: Decimal) -> Totals:
    *measures, value_minor = kilograms_metres_and_value
    net, gross, measured, volume = (Decimal(measure).quantize(THREE_PLACES) for measure in measures)
    return Totals(packages, int(lines), int(pieces), net, gross, measured, volume, int(value_minor))
