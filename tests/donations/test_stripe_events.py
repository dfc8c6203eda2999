"""Stripe events: verified, stored once, fetched, booked; in any order, any number of times."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pgtrigger
import pytest
from django.core import mail
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from config.celery import app as celery_app
from donations.disputes.models import Dispute
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from donations.refunds.models import Refund
from donations.stripe import gateway
from donations.stripe_events import booking, snapshots
from donations.stripe_events import services as stripe_events
from donations.stripe_events.models import StripeEvent
from logistics.jobs.models import Job
from logistics.mail.models import Email
from tests.donations.giving import (
    DECLINED,
    FROZEN,
    GOOD,
    Giving,
    donation_of,
    events_of,
    mails,
    paid,
    paid_twice,
    receipts_of,
)
from tests.rights import as_superuser

EVENTS = "/api/v1/stripe/events/"
NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)  # in Hong Kong


# --- The door -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "t=1,v1=00", "nonsense", "t=1", "v1=00", None],
)
def test_a_forged_event_is_refused_and_not_stored(giving: Giving, header: str | None) -> None:
    paid(giving)
    body = json.dumps(giving.happened()[0])
    headers = {} if header is None else {"Stripe-Signature": header}
    answer = giving.client.post(EVENTS, body, content_type="application/json", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    assert StripeEvent.objects.count() == 0


def test_a_changed_body_or_another_secret_or_an_old_signature_is_refused(giving: Giving) -> None:
    paid(giving)
    event = giving.happened()[0]
    raw = json.dumps(event).encode()
    signature = giving.stand_in.webhooks.headers(raw)["Stripe-Signature"]
    changed = raw.replace(b"hkd", b"usd")
    assert changed != raw
    for body in (changed, raw + b" ", b"\xff" + raw):
        answer = giving.client.post(
            EVENTS, body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        assert answer.status_code == 400
    for switches in (
        {"signature": "wrong"},
        {"signature": "missing"},
        {"signature": "", "skew_s": -600},
        {"skew_s": 600},
    ):
        giving.stand_in.control.switch(**switches)
        assert giving.deliver(event) == [400]
    assert StripeEvent.objects.count() == 0


def test_an_event_is_stored_without_its_personal_data(giving: Giving) -> None:
    paid(giving)
    giving.deliver()

    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM donations_stripeevent e")
        text = cursor.fetchone()[0]
    assert "example.org" not in text and "Chan" not in text


def test_a_repeated_event_changes_nothing(giving: Giving) -> None:
    gift = paid(giving)
    [event] = events_of(giving, "payment_intent.succeeded")
    assert giving.deliver_one(event).json() == {"is_new": True}
    giving.work()

    assert giving.deliver_one(event).json() == {"is_new": False}
    giving.deliver()
    giving.work()

    assert StripeEvent.objects.filter(stripe_id=event["id"]).count() == 1
    assert len(receipts_of(donation_of(gift))) == 1
    assert len(mails()) == 1


def test_the_same_event_twenty_times_in_eight_threads_is_one_receipt_and_one_mail(committed_giving: Giving) -> None:
    giving = committed_giving
    gift = paid(giving)
    copies = giving.happened() * 20

    def send(event: dict[str, Any]) -> int:
        try:
            return Giving(giving.stand_in, Client()).deliver_one(event).status_code
        finally:
            connection.close()

    def work(pk: Any) -> None:
        try:
            celery_app.tasks[StripeEvent.TASK](str(pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, copies)) == {200}
        list(pool.map(work, [*StripeEvent.objects.values_list("pk", flat=True)] * 8))
    giving.work()

    donation = donation_of(gift)
    assert donation.status == Donation.Status.RECEIVED
    assert len(receipts_of(donation)) == 1
    assert (ReceiptDelivery.objects.count(), Email.objects.count(), len(mail.outbox)) == (1, 1, 1)
    assert StripeEvent.objects.exclude(state=Job.State.DONE).count() == 0


# --- Order ------------------------------------------------------------------------------------------------


FIVE = (
    "checkout.session.completed",
    "payment_intent.succeeded",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
)


class Rewind:
    """Roll back what was booked, repeatedly."""

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT before")

    def __exit__(self, *_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK TO SAVEPOINT before")


def test_five_events_in_any_order_end_in_the_same_state(giving: Giving) -> None:
    """Completed, succeeded, partially refunded, disputed, dispute lost: delivered late and in another order."""
    gift = paid(giving)
    [intent] = giving.stand_in.world.store.newest_first("payment_intent")
    giving.stand_in.control.refund(payment_intent=intent["id"], amount=10000)
    dispute = giving.stand_in.control.dispute(intent["id"])
    giving.stand_in.control.close_dispute(dispute["id"], status="lost")
    five = events_of(giving, *FIVE)
    assert len(five) == 5
    seen = set()
    for turn in range(5):
        with Rewind():
            for event in [*five[turn:], *five[:turn]][:: -1 if turn % 2 else 1]:
                giving.deliver(event)
                giving_applies()
            seen.add(state_of(gift))

    assert len(seen) == 1
    [(status, refunded, charged_back, *_)] = seen
    assert (status, refunded, charged_back) == ("charged_back", 10000, 40050)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_five_snapshots_in_any_order_end_in_the_same_state(giving: Giving, every: int) -> None:
    """Snapshots of five moments, booked in every nth of the 120 orders, as slow workers would."""
    gift, control = giving.give(), giving.stand_in.control
    attempt = donation_of(gift).attempts.get()
    giving.type_card(gift["checkout_url"], DECLINED)
    taken = [snapshots.of_session(str(attempt.session_id))]
    giving.type_card(gift["checkout_url"])
    intent = giving.stand_in.world.store.newest_first("payment_intent")[0]["id"]
    taken.append(snapshots.of_payment(intent))
    control.refund(payment_intent=intent, amount=10000)
    taken.append(snapshots.of_payment(intent))
    dispute = control.dispute(intent)
    taken.append(snapshots.of_payment(intent))
    control.close_dispute(dispute["id"], status="lost")
    taken.append(snapshots.of_payment(intent))
    seen = set()
    for order in list(itertools.permutations(taken))[::every]:
        with Rewind():
            for snapshot in order:
                booking.book(attempt, snapshot, at=NOON)
            # An old snapshot issued a receipt that a newer one cancelled; in the end none is valid.
            valid = Receipt.objects.filter(state=ReceiptState.ISSUED).count()
            seen.add((valid, *state_of(gift)[:-1]))

    assert len(seen) == 1
    [(valid, status, refunded, charged_back, *_)] = seen
    assert (valid, status, refunded, charged_back) == (0, "charged_back", 10000, 40050)


def giving_applies() -> None:
    for pk in StripeEvent.objects.due().values_list("pk", flat=True):
        celery_app.tasks[StripeEvent.TASK](str(pk))


def state_of(gift: dict[str, Any]) -> tuple[Any, ...]:
    donation = donation_of(gift)
    attempt = donation.attempts.get()
    return (
        donation.status,
        donation.refunded_minor,
        donation.charged_back_minor,
        donation.received_on,
        attempt.state,
        attempt.session_id,
        attempt.payment_intent_id,
        attempt.charge_id,
        attempt.fee_minor,
        tuple(Refund.objects.values_list("stripe_id", "state", "amount_minor")),
        tuple(Dispute.objects.values_list("stripe_id", "state", "amount_minor")),
        tuple(Receipt.objects.values_list("state", "amount_minor", "kind")),
    )


def test_an_event_may_arrive_before_we_saved_the_session(giving: Giving) -> None:
    gift = giving.give()
    with connection.cursor() as cursor:  # as if we were killed between Stripe's response and saving it
        cursor.execute("UPDATE donations_paymentattempt SET state='created', session_id=NULL, checkout_url=''")
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert donation.status == Donation.Status.RECEIVED
    assert donation.attempts.get().session_id is not None


def test_a_payment_after_the_expiry_is_booked(giving: Giving) -> None:
    gift = giving.give()
    session_id = donation_of(gift).attempts.get().session_id
    giving.stand_in.control.advance(24 * 3600)
    giving.deliver()
    giving.work()
    assert donation_of(gift).attempts.get().state == AttemptState.EXPIRED

    giving.stand_in.control.pay(str(session_id), GOOD, late=True)
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, donation.attempts.get().state) == (Donation.Status.RECEIVED, AttemptState.SUCCEEDED)
    assert len(receipts_of(donation)) == 1


def test_a_second_payment_of_one_gift_is_shown_to_staff_and_not_receipted(giving: Giving) -> None:
    gift = paid_twice(giving)

    donation = donation_of(gift)
    assert [attempt.counts for attempt in donation.attempts.order_by("number")].count(True) == 1
    assert len(receipts_of(donation)) == 1
    assert receipts_of(donation)[0].amount_minor == 50050
    assert StripeEvent.objects.filter(outcome=StripeEvent.Outcome.PAID_TWICE).exists()


@pytest.mark.parametrize("counts", [True, False], ids=["the one that counts", "the other one"])
def test_a_gift_paid_twice_stays_received_when_one_payment_is_refunded(giving: Giving, counts: bool) -> None:
    donation = donation_of(paid_twice(giving))
    [receipt] = receipts_of(donation)
    intent = str(donation.attempts.get(counts=counts).payment_intent_id)

    for amount in (100_00, 400_50):
        giving.stand_in.control.refund(payment_intent=intent, amount=amount)
        giving.deliver()
        giving.work()

    donation.refresh_from_db()
    assert (donation.status, donation.kept_minor) == (Donation.Status.RECEIVED, 50050)
    [appeal] = giving.client.get("/api/v1/appeals/").json()["results"]
    assert [one["amount"] for one in appeal["received"]] == ["500.50"]
    assert [(one.number, one.state) for one in receipts_of(donation)] == [(receipt.number, "issued")]
    assert donation.attempts.get(counts=True).payment_intent_id != intent


def test_a_gift_paid_twice_is_refunded_when_both_payments_are(giving: Giving) -> None:
    donation = donation_of(paid_twice(giving))

    for attempt in donation.attempts.all():
        giving.stand_in.control.refund(payment_intent=str(attempt.payment_intent_id))
    giving.deliver()
    giving.work()

    donation.refresh_from_db()
    assert (donation.status, donation.kept_minor) == (Donation.Status.REFUNDED, 0)
    assert [one.state for one in receipts_of(donation)] == ["cancelled"]


# --- Stripe is silent -------------------------------------------------------------------------------------------


def test_events_that_were_never_delivered_are_found_by_the_sweep(giving: Giving) -> None:
    gift = paid(giving)
    celery_app.tasks["donations.catch_up_with_stripe"]()
    giving.work()

    assert donation_of(gift).status == Donation.Status.RECEIVED
    assert set(StripeEvent.objects.values_list("source", flat=True)) == {"list"}


def test_an_overdue_checkout_without_events_is_refreshed(giving: Giving) -> None:
    gift = giving.give()
    giving.stand_in.control.advance(24 * 3600)
    attempt = donation_of(gift).attempts.get()

    stripe_events.catch_up(at=attempt.expires_at + timedelta(minutes=1))

    attempt.refresh_from_db()
    assert attempt.state == AttemptState.EXPIRED


def test_a_mismatched_overdue_checkout_does_not_block_the_others(giving: Giving) -> None:
    wrong, right = (donation_of(giving.give()).attempts.get() for _ in range(2))
    with as_superuser(), pgtrigger.ignore(FROZEN):
        PaymentAttempt.objects.filter(pk=wrong.pk).update(amount_minor=1)
    giving.stand_in.control.advance(24 * 3600)

    stripe_events.catch_up(at=right.expires_at + timedelta(minutes=1))

    right.refresh_from_db()
    wrong.refresh_from_db()
    assert (right.state, wrong.state) == (AttemptState.EXPIRED, AttemptState.SESSION_OPEN)


def test_while_stripe_is_down_the_sweep_is_postponed(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise gateway.PaymentProviderUnavailable("down")

    monkeypatch.setattr(gateway, "list_events", down)
    celery_app.tasks["donations.catch_up_with_stripe"]()

    assert StripeEvent.objects.count() == 0


def test_while_stripe_is_down_an_event_is_retried_and_not_dead(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    gift = paid(giving)
    giving.deliver(*events_of(giving, "payment_intent.succeeded"))

    def down(*_: Any) -> Any:
        raise gateway.PaymentProviderUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "find_checkout_sessions", down)
        for _ in range(20):
            StripeEvent.objects.update(run_after=Now())
            giving_applies()
    event = StripeEvent.objects.get()
    assert (event.state, event.attempts) == ("pending", 0)

    giving.work()
    assert donation_of(gift).status == Donation.Status.RECEIVED
