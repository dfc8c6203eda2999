"""The shipment invariants of `manage.py verify`: they hold after a busy day, and each finds a planted fault."""

import pytest
from django.db import connection

from shipments.invariants import INVARIANTS
from shipments.shipments import lifecycle
from tests.makers.deliveries import confirm, reverse
from tests.makers.moments import NOON
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched, make_packed, make_sealed
from tests.rights import as_superuser

pytestmark = pytest.mark.django_db

PLANTED = [
    (
        "The totals of a sealed shipment match its packages and lines.",
        "shipments_shipment",
        "UPDATE shipments_shipment SET gross_kg = gross_kg + 1 WHERE sealed_at IS NOT NULL",
    ),
    (
        "The packages of a sealed shipment are numbered from 1 without gaps.",
        "shipments_package",
        "UPDATE shipments_package SET number = number + 1000",
    ),
    (
        "A package goes to a site of its own shipment.",
        "shipments_package",
        "UPDATE shipments_package SET destination_id = (SELECT id FROM shipments_shipmentsite ORDER BY id LIMIT 1)",
    ),
    (
        "A site of a shipment belongs to its consignee.",
        "shipments_shipmentsite",
        "UPDATE logistics_site SET partner_id = (SELECT id FROM logistics_partner ORDER BY id LIMIT 1)",
    ),
    (
        "A sealed shipment has exactly one valid packing list, and no other shipment has one.",
        "logistics_document",
        "UPDATE logistics_document SET superseded_at = now(), superseded_on = now() WHERE kind = 'packing-list'",
    ),
    ("Shipment numbers have no gaps.", "logistics_numberseries", "UPDATE logistics_numberseries SET last = last + 1"),
    (
        "A tally is the sum of its delivery lines.",
        "shipments_tally",
        "UPDATE shipments_tally SET good = good - 1, missing = missing + 1 WHERE good > 0",
    ),
    (
        "A tally has the quantity of its manifest line.",
        "shipments_tally",
        "UPDATE shipments_tally SET shipped = shipped + 1",
    ),
    (
        "A reversal negates exactly the figures of its delivery.",
        "shipments_deliveryline",
        "UPDATE shipments_deliveryline SET good = good - 1 WHERE good < 0",
    ),
    (
        "Every line of a shipment that was received or closed is accounted for.",
        "shipments_tally",
        "UPDATE shipments_tally SET good = good - 1 WHERE good > 0",
    ),
    (
        "A closed shipment has no open discrepancy.",
        "shipments_discrepancy",
        "UPDATE shipments_shipment SET status = 'closed', closed_at = now()"
        " WHERE id IN (SELECT shipment_id FROM shipments_discrepancy WHERE state = 'open')",
    ),
    (
        "Every delivery except a reversal has a goods-received note.",
        "shipments_paper",
        "UPDATE shipments_paper SET number = number || 'x' WHERE kind = 'goods-received-note'",
    ),
]


def broken() -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for statement, sql in INVARIANTS:
            assert isinstance(sql, str)
            cursor.execute(sql)
            if cursor.fetchall():
                found.append(statement)
    return found


@pytest.fixture
def busy() -> None:
    """Shipments packed, sealed, reopened, cancelled, lost, received in parts, with differences and a reversal."""
    make_packed(2, lines=2)
    lifecycle.reopen(make_sealed(), reason="again", by=make_packer(), at=NOON)
    lifecycle.cancel(make_sealed(), reason="declined", by=make_packer(), at=NOON)
    lifecycle.lose(make_dispatched(), reason="no news", by=make_packer(), at=NOON)
    partly = make_dispatched(3)
    confirm(partly, {"package": 3, "later": True})
    corrected = make_dispatched(2, lines=2)
    reverse(confirm(corrected, {"package": 2, "missing": True}))
    corrected.refresh_from_db()
    confirm(
        corrected, {"package": 1, "line": 1, "damaged": 2, "reason": "wet"}, {"package": 1, "line": 2, "surplus": 1}
    )


@pytest.mark.usefixtures("busy")
def test_all_invariants_hold_after_a_busy_day() -> None:
    assert broken() == []


def test_every_invariant_has_a_planted_fault() -> None:
    assert {statement for statement, _, _ in PLANTED} == {statement for statement, _ in INVARIANTS}


@pytest.mark.usefixtures("busy")
def test_each_invariant_finds_its_planted_fault() -> None:
    with as_superuser() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that triggers can be switched off below
        for statement, table, fault in PLANTED:
            cursor.execute("SAVEPOINT before")
            for written in {table, "shipments_shipment"}:
                cursor.execute(f"ALTER TABLE {written} DISABLE TRIGGER USER")
            cursor.execute(fault)
            assert statement in broken(), statement
            cursor.execute("ROLLBACK TO SAVEPOINT before")
    assert broken() == []
