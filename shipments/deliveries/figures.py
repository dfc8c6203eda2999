"""Count deliveries in SQL: confirming a container of 10,000 lines takes as few statements as one of ten."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Count

from shipments.deliveries.counting import Counted
from shipments.deliveries.models import Delivery
from shipments.packing.models import GOES_TO, Package
from shipments.shipments.models import Shipment

# One statement writes the delivery's lines and adds them to the tallies: first the named lines, then, if the default is
# good, all lines neither named nor accounted for. Existing tallies are updated and new ones inserted separately: an
# upsert would check the constraints on each new row before adding it to the old one.
COUNT = """
    WITH counted AS (
        INSERT INTO shipments_deliveryline (delivery_id, line_id, good, damaged, missing, surplus, reason)
        SELECT %(delivery)s, named.*
        FROM unnest(%(lines)s::uuid[], %(good)s::int[], %(damaged)s::int[], %(missing)s::int[], %(surplus)s::int[],
                    %(reasons)s::text[]) AS named
        UNION ALL
        SELECT %(delivery)s, l.id, l.quantity - coalesce(t.good + t.damaged + t.missing - t.surplus, 0), 0, 0, 0, ''
        FROM shipments_manifestline l
        JOIN shipments_package p ON p.id = l.package_id
        LEFT JOIN shipments_tally t ON t.line_id = l.id
        WHERE %(rest_is_good)s AND p.shipment_id = %(shipment)s AND {of_site} AND l.id <> ALL(%(except)s::uuid[])
          AND l.quantity > coalesce(t.good + t.damaged + t.missing - t.surplus, 0)
        RETURNING line_id, good, damaged, missing, surplus
    ), known AS (
        UPDATE shipments_tally t
        SET good = t.good + s.good, damaged = t.damaged + s.damaged,
            missing = t.missing + s.missing, surplus = t.surplus + s.surplus
        FROM counted s WHERE s.line_id = t.line_id
        RETURNING t.line_id
    ), new AS (
        INSERT INTO shipments_tally (line_id, shipment_id, shipped, good, damaged, missing, surplus)
        SELECT s.line_id, %(shipment)s, l.quantity, s.good, s.damaged, s.missing, s.surplus
        FROM counted s JOIN shipments_manifestline l ON l.id = s.line_id
        WHERE NOT EXISTS (SELECT FROM shipments_tally t WHERE t.line_id = s.line_id)
        RETURNING line_id
    )
    SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM new)
"""
TAKE_BACK = """
    WITH counted AS (
        INSERT INTO shipments_deliveryline (delivery_id, line_id, good, damaged, missing, surplus, reason)
        SELECT %(reversal)s, line_id, -good, -damaged, -missing, -surplus, reason
        FROM shipments_deliveryline WHERE delivery_id = %(delivery)s
        RETURNING line_id, good, damaged, missing, surplus
    )
    UPDATE shipments_tally t
    SET good = t.good + s.good, damaged = t.damaged + s.damaged,
        missing = t.missing + s.missing, surplus = t.surplus + s.surplus
    FROM counted s WHERE s.line_id = t.line_id
"""
RECEIVED = """
    SELECT count(*),
           count(*) FILTER (WHERE has_come), count(*) FILTER (WHERE is_sound),
           coalesce(sum(lines), 0), coalesce(sum(sound_lines), 0), coalesce(sum(resolved), 0),
           coalesce(sum(sent), 0), coalesce(sum(good), 0), coalesce(sum(damaged), 0),
           coalesce(sum(missing), 0), coalesce(sum(surplus), 0)
    FROM (
        SELECT count(*) AS lines,
               bool_or(coalesce(t.good + t.damaged, 0) > 0) AS has_come,
               bool_and(coalesce(t.good >= l.quantity AND t.damaged + t.missing = 0, false)) AS is_sound,
               count(*) FILTER (WHERE t.good >= l.quantity AND t.damaged + t.missing = 0) AS sound_lines,
               count(*) FILTER (WHERE t.is_resolved) AS resolved,
               sum(l.quantity) AS sent, sum(t.good) AS good, sum(t.damaged) AS damaged,
               sum(t.missing) AS missing, sum(t.surplus) AS surplus
        FROM shipments_package p
        JOIN shipments_manifestline l ON l.package_id = p.id
        LEFT JOIN shipments_tally t ON t.line_id = l.id
        WHERE p.shipment_id = %(shipment)s AND {of_site}
        GROUP BY p.id
    ) AS package
"""


@dataclass(frozen=True)
class ReceivedSoFar:
    """Totals of a whole shipment, or of one of its sites, over all deliveries so far.

    Pieces are sums of quantities, whatever their unit.
    """

    packages_sent: int
    packages_counted: int  # of which something has arrived
    packages_sound: int
    lines_sent: int
    lines_sound: int
    lines_resolved: int
    pieces_sent: int
    pieces_good: int
    pieces_damaged: int
    pieces_missing: int
    pieces_surplus: int


def received(shipment: Shipment, site_id: UUID | None = None) -> ReceivedSoFar:
    """Return the totals of a shipment; with `site_id`, of its packages for this site."""
    with connection.cursor() as cursor:
        cursor.execute(_of_site(RECEIVED, site_id), {"shipment": shipment.pk, "site": site_id})
        return _received(cursor.fetchone())


def _received(row: Iterable[int | Decimal]) -> ReceivedSoFar:
    return ReceivedSoFar(*map(int, row))


def _of_site(statement: str, site_id: UUID | None) -> str:
    return statement.replace("{of_site}", "true" if site_id is None else GOES_TO)


def count(delivery: Delivery, named: Sequence[Counted], *, rest_is_good: bool) -> tuple[int, ReceivedSoFar]:
    """Write the delivery's lines, add them to the tallies; return the number of lines, and the shipment's totals then.

    If the delivery is of one site, the rest is what goes to this site. Two statements in one message: the second
    begins when the first has ended.
    """
    kept = [line for line in named if not line.is_empty]
    params: dict[str, UUID | bool | list[UUID] | list[str] | list[int] | None] = {
        "delivery": delivery.pk,
        "site": delivery.site_id,
        "shipment": delivery.shipment_id,
        "lines": [line.line.pk for line in kept],
        "reasons": [line.reason for line in kept],
        "except": [line.line.pk for line in named],
        "rest_is_good": rest_is_good,
    }
    params |= {name: [getattr(line, name) for line in kept] for name in ("good", "damaged", "missing", "surplus")}
    with connection.cursor() as cursor:
        cursor.execute(f"{_of_site(COUNT, delivery.site_id)}; {_of_site(RECEIVED, None)}", params)
        lines = int(cursor.fetchone()[0])
        cursor.nextset()
        return lines, _received(cursor.fetchone())


def take_back(delivery: Delivery, reversal: Delivery) -> None:
    """Write the delivery's lines again, negated. Raises IntegrityError if later deliveries depend on them."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK, {"delivery": delivery.pk, "reversal": reversal.pk})


def lines_in(package_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return the number of lines of each of these packages."""
    wanted = list(package_ids)
    if not wanted:
        return {}
    return dict(
        Package.objects.filter(pk__in=wanted).annotate(lines_in_it=Count("lines")).values_list("id", "lines_in_it")
    )
