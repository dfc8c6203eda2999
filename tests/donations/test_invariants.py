"""The invariants checked by `manage.py verify`: they hold after a busy day, and each finds a planted fault."""

import pytest

from donations.invariants import INVARIANTS
from logistics.documents.models import NumberSeries
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.broken import broken
from tests.donations.giving import Giving
from tests.donations.offline import send
from tests.rights import as_superuser


@pytest.fixture
def busy(giving: Giving) -> Giving:
    """Gifts received, pending, refunded in part and in full, disputed, lost, nameless, by cheque."""
    control = giving.stand_in.control
    giving.give()
    giving.gift_paid(anonymous=True, donor={"email": "someone@example.org"})
    intents = [str(giving.gift_paid().attempts.get().payment_intent_id) for _ in range(5)]
    control.refund(payment_intent=intents[0])
    control.refund(payment_intent=intents[1], amount=10000)
    control.dispute(intents[2])
    control.close_dispute(control.dispute(intents[3])["id"], status="lost")
    giving.deliver()
    send(signed_in(Role.FINANCE))
    giving.work()
    return giving


PLANTED: list[tuple[str, str, str]] = [
    (
        "The total of an appeal in a currency is the sum of what is kept of its gifts.",
        "donations_gifttotal",
        "UPDATE donations_gifttotal SET amount_minor = amount_minor + 1",
    ),
    ("Receipt numbers have no gaps.", "logistics_numberseries", "UPDATE logistics_numberseries SET last = last + 1"),
    (
        "A receipt's number consists of its series, year and sequence.",
        "donations_receipt",
        "UPDATE donations_receipt SET number = 'HK-1999-000001' WHERE sequence = 1",
    ),
    (
        "A valid receipt is for the amount kept of its gift.",
        "donations_receipt",
        "UPDATE donations_receipt SET amount_minor = amount_minor + 1 WHERE state = 'issued'",
    ),
    (
        "A received gift has a valid receipt, unless it went back, is disputed, or lacks information.",
        "donations_receipt",
        "UPDATE donations_receipt SET state = 'cancelled', ended_at = now(), end_reason = 'x' WHERE state = 'issued'",
    ),
    (
        "A receipt and its document agree.",
        "logistics_document",
        "UPDATE logistics_document SET context = context || '{\"amount_minor\": 1}'",
    ),
    (
        "A receipt is valid exactly when its document is.",
        "logistics_document",
        "UPDATE logistics_document SET superseded_at = now(), superseded_on = now() WHERE superseded_at IS NULL",
    ),
    (
        "A gift given online is received exactly when one of its payments counts.",
        "donations_paymentattempt",
        "UPDATE donations_paymentattempt SET counts = false",
    ),
    (
        "What is kept of a gift is what its payments hold together, at most its amount.",
        "donations_dispute",
        "UPDATE donations_dispute SET state = 'lost'",
    ),
    (
        "Refunded and charged-back amounts are the sums of succeeded refunds and lost disputes.",
        "donations_refund",
        "UPDATE donations_refund SET state = 'failed'",
    ),
    (
        "A payment has the amount and currency of its gift.",
        "donations_paymentattempt",
        "UPDATE donations_paymentattempt SET amount_minor = amount_minor + 1",
    ),
    (
        "Every receipt has a delivery by mail.",
        "donations_receiptdelivery",
        "DELETE FROM donations_receiptdelivery",
    ),
    (
        "No due job of donations has waited for more than an hour.",
        "donations_signinrequest",
        "INSERT INTO donations_signinrequest (id, email, language, address_hash, email_hash, state, attempts, progress,"
        " last_error_code, run_after) VALUES (gen_random_uuid(), '', 'en', '', '', 'pending', 0, 0, '',"
        " now() - interval '2 hours')",
    ),
]


def test_every_invariant_has_a_planted_fault() -> None:
    assert {statement for statement, _, _ in PLANTED} == {statement for statement, _ in INVARIANTS}


def test_all_hold_after_a_busy_day_and_each_finds_its_planted_fault(busy: Giving) -> None:
    assert NumberSeries.objects.get(name="HK receipts").last == 7
    assert broken() == []
    with as_superuser() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that triggers can be switched off below
        for statement, table, fault in PLANTED:
            cursor.execute("SAVEPOINT before")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(fault)
            assert statement in broken(), statement
            cursor.execute("ROLLBACK TO SAVEPOINT before")
    assert broken() == []
