"""The counting itself, in SQL: a container of 10,000 lines is confirmed by as few statements as one of ten."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count

from shipments.deliveries.models import Delivery
from shipments.manifests.models import Package, Shipment

# What is neither accounted for nor named by the delivery arrived sound.
THE_REST = """
    INSERT INTO shipments_deliveryline (delivery_id, line_id, good, damaged, missing, surplus, reason)
    SELECT %(delivery)s, l.id, l.quantity - coalesce(t.good + t.damaged + t.missing - t.surplus, 0), 0, 0, 0, ''
    FROM shipments_manifestline l
    JOIN shipments_package p ON p.id = l.package_id
    LEFT JOIN shipments_tally t ON t.line_id = l.id
    WHERE p.shipment_id = %(shipment)s
      AND l.id <> ALL(%(except)s)
      AND l.quantity > coalesce(t.good + t.damaged + t.missing - t.surplus, 0)
"""
# Known tallies first: an upsert would judge each new row by the constraints before it is added to the old one.
ADD_UP = """
    WITH known AS (
        UPDATE shipments_tally t
        SET good = t.good + d.good, damaged = t.damaged + d.damaged,
            missing = t.missing + d.missing, surplus = t.surplus + d.surplus
        FROM shipments_deliveryline d
        WHERE d.line_id = t.line_id AND d.delivery_id = %(delivery)s
        RETURNING t.line_id
    ), new AS (
        INSERT INTO shipments_tally (line_id, shipment_id, shipped, good, damaged, missing, surplus)
        SELECT d.line_id, %(shipment)s, l.quantity, d.good, d.damaged, d.missing, d.surplus
        FROM shipments_deliveryline d JOIN shipments_manifestline l ON l.id = d.line_id
        WHERE d.delivery_id = %(delivery)s AND d.line_id NOT IN (SELECT line_id FROM known)
        RETURNING line_id
    )
    SELECT (SELECT count(*) FROM known) + (SELECT count(*) FROM new)
"""
TAKE_BACK = """
    INSERT INTO shipments_deliveryline (delivery_id, line_id, good, damaged, missing, surplus, reason)
    SELECT %(reversal)s, line_id, -good, -damaged, -missing, -surplus, reason
    FROM shipments_deliveryline WHERE delivery_id = %(delivery)s
"""
STANDING = """
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
        WHERE p.shipment_id = %s
        GROUP BY p.id
    ) AS package
"""


@dataclass(frozen=True)
class Standing:
    """A whole shipment as all deliveries so far count it. Pieces are sums of quantities, whatever their unit."""

    packages_sent: int
    packages_counted: int  # something of them has come
    packages_sound: int
    lines_sent: int
    lines_sound: int
    lines_resolved: int
    pieces_sent: int
    pieces_good: int
    pieces_damaged: int
    pieces_missing: int
    pieces_surplus: int


def standing(shipment: Shipment) -> Standing:
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [shipment.pk])
        return Standing(*(int(figure) for figure in cursor.fetchone()))


def count_the_rest_as_good(delivery: Delivery, *, except_lines: list[UUID]) -> None:
    with connection.cursor() as cursor:
        told: dict[str, Any] = {"delivery": delivery.pk, "shipment": delivery.shipment_id, "except": except_lines}
        cursor.execute(THE_REST, told)


def add_up(delivery: Delivery) -> int:
    """Add the delivery's lines to the tallies, and say how many there are."""
    with connection.cursor() as cursor:
        cursor.execute(ADD_UP, {"delivery": delivery.pk, "shipment": delivery.shipment_id})
        return int(cursor.fetchone()[0])


def take_back(delivery: Delivery, reversal: Delivery) -> None:
    """Write the delivery's lines once more below zero. IntegrityError where later deliveries build on them."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK, {"delivery": delivery.pk, "reversal": reversal.pk})
    add_up(reversal)


def lines_in(package_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return how many lines each of these packages has."""
    wanted = list(package_ids)
    if not wanted:
        return {}
    return dict(
        Package.objects.filter(pk__in=wanted).annotate(lines_in_it=Count("lines")).values_list("id", "lines_in_it")
    )
