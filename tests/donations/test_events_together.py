"""Several events of one payment: those that came before a look at Stripe need no look of their own."""

from typing import Any

import pgtrigger
import pytest
from django.db.models.functions import Now
from django.utils import timezone

from config.celery import app as celery_app
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.stripe_events import services as stripe_events
from donations.stripe_events.models import StripeEvent
from logistics.jobs.models import Job
from tests.donations.giving import (
    DECLINED,
    FROZEN,
    GOOD,
    Giving,
    donation_of,
    events_of,
    intent_of,
    paid,
    receipts_of,
)
from tests.logistics.queues import queued_in
from tests.rights import as_superuser

DONE_AND_APPLIED = (Job.State.DONE, StripeEvent.Outcome.APPLIED)
DONE = {DONE_AND_APPLIED}


def asked(giving: Giving) -> list[str]:
    """Return what Stripe was asked for so far, oldest first."""
    return [request["path"] for request in giving.stand_in.control.requests() if request["method"] == "GET"]


def apply(event: StripeEvent) -> None:
    celery_app.tasks[StripeEvent.TASK](str(event.pk))


def outcomes() -> set[tuple[str, str]]:
    return set(StripeEvent.objects.filter(kind__in=stripe_events.KINDS).values_list("state", "outcome"))


@pytest.fixture
def waiting(committed_giving: Giving) -> tuple[Giving, dict[str, Any]]:
    """A gift that was paid, whose events are all stored, and none applied."""
    gift = paid(committed_giving)
    committed_giving.deliver()
    assert StripeEvent.objects.filter(state=Job.State.PENDING).count() >= 2
    return committed_giving, gift


def test_events_that_came_before_a_look_need_no_look_of_their_own(waiting: tuple[Giving, dict[str, Any]]) -> None:
    giving, gift = waiting
    before = len(asked(giving))

    giving.work()

    assert len(asked(giving)) - before == 1  # checkout, payment and refunds in one request
    assert outcomes() == DONE
    assert not StripeEvent.objects.filter(kind__in=stripe_events.KINDS, attempt=None).exists()
    assert donation_of(gift).status == Donation.Status.RECEIVED
    assert len(receipts_of(donation_of(gift))) == 1


def test_what_happens_after_a_look_is_looked_at(waiting: tuple[Giving, dict[str, Any]]) -> None:
    """The refund is made after the first event was applied; its event comes before the others are applied."""
    giving, gift = waiting
    pending = StripeEvent.objects.filter(state=Job.State.PENDING).order_by("pk")
    apply(pending[0])
    [intent] = giving.stand_in.world.store.newest_first("payment_intent")
    giving.stand_in.control.refund(payment_intent=intent["id"], amount=10000)
    giving.deliver()

    for event in pending.all():  # those of the payment first
        apply(event)

    assert outcomes() == DONE
    donation = donation_of(gift)
    assert (donation.status, donation.refunded_minor) == (Donation.Status.PARTIALLY_REFUNDED, 10000)


def test_a_look_that_could_not_be_booked_spares_no_event(waiting: tuple[Giving, dict[str, Any]]) -> None:
    giving, gift = waiting
    with as_superuser(), pgtrigger.ignore(FROZEN):
        PaymentAttempt.objects.update(amount_minor=1)

    giving.work()

    states = StripeEvent.objects.filter(kind__in=stripe_events.KINDS).values_list("state", "last_error_code")
    assert set(states) == {(Job.State.DEAD, "amount_mismatch")}
    assert donation_of(gift).status == Donation.Status.PENDING


def test_a_retried_event_is_looked_at_again(waiting: tuple[Giving, dict[str, Any]]) -> None:
    giving, _gift = waiting
    late, *_others = StripeEvent.objects.filter(state=Job.State.PENDING).order_by("pk")
    StripeEvent.objects.filter(pk=late.pk).update(state=Job.State.DEAD, ended_at=timezone.now())
    giving.work()
    before = len(asked(giving))

    stripe_events.retry(late, by=None, at=timezone.now())
    giving.work()

    assert len(asked(giving)) > before
    late.refresh_from_db()
    assert (late.state, late.outcome) == (Job.State.DONE, StripeEvent.Outcome.APPLIED)


def test_a_decline_is_counted_although_the_payment_was_looked_at_since(committed_giving: Giving) -> None:
    giving = committed_giving
    gift = giving.give()
    giving.type_card(gift["checkout_url"], DECLINED)
    giving.type_card(gift["checkout_url"], GOOD)
    giving.deliver()
    [late] = StripeEvent.objects.filter(kind=stripe_events.DECLINED)
    for event in StripeEvent.objects.filter(state=Job.State.PENDING).exclude(pk=late.pk):
        apply(event)

    apply(late)

    assert outcomes() == DONE
    [attempt] = PaymentAttempt.objects.all()
    assert attempt.looked_at is not None and attempt.looked_at > late.run_after
    assert attempt.declines.count() == 1


SUCCESS = ("checkout.session.completed", "payment_intent.succeeded", "charge.updated")


def stored(kind: str) -> StripeEvent:
    return StripeEvent.objects.get(kind=kind)


def test_of_the_events_of_a_success_one_is_applied_and_the_others_are_done_with_it(committed_giving: Giving) -> None:
    giving = committed_giving
    gift = paid(giving)
    first, *others = events_of(giving, *SUCCESS)
    giving.deliver(first, *others)
    held = StripeEvent.objects.filter(kind__in=[event["type"] for event in others])
    assert len(queued_in("1-now")) == 1
    assert not held.due().exists()

    apply(stored(first["type"]))

    assert outcomes() == DONE
    assert {(row.attempts, row.attempt_id) for row in held} == {(0, donation_of(gift).attempts.get().pk)}
    assert len(asked(giving)) == 1


def test_events_of_a_success_that_is_booked_are_done_when_they_come(committed_giving: Giving) -> None:
    giving = committed_giving
    paid(giving)
    first, *others = events_of(giving, *SUCCESS)
    giving.deliver(first)
    apply(stored(first["type"]))
    before = len(queued_in("1-now"))

    giving.deliver(*others)

    assert outcomes() == DONE
    assert (len(queued_in("1-now")), len(asked(giving))) == (before, 1)


def test_an_event_waits_in_vain_if_the_one_before_it_cannot_be_applied(committed_giving: Giving) -> None:
    giving = committed_giving
    paid(giving)
    first, second, _ = events_of(giving, *SUCCESS)
    giving.deliver(first, second)
    StripeEvent.objects.filter(kind=first["type"]).update(state=Job.State.DEAD, ended_at=timezone.now())
    assert not StripeEvent.objects.due().exists()

    StripeEvent.objects.update(run_after=Now())  # seconds later

    apply(StripeEvent.objects.due().get())
    assert (stored(second["type"]).state, stored(second["type"]).outcome) == DONE_AND_APPLIED


def test_a_fee_that_is_not_booked_yet_is_looked_for(committed_giving: Giving) -> None:
    """Stripe books it moments after the payment, and then sends this event."""
    giving = committed_giving
    paid(giving)
    giving.deliver(*events_of(giving, "payment_intent.succeeded"))
    apply(stored("payment_intent.succeeded"))
    PaymentAttempt.objects.update(fee_minor=None)

    giving.deliver(*events_of(giving, "charge.updated", "checkout.session.completed"))

    assert stored("checkout.session.completed").state == Job.State.DONE
    apply(StripeEvent.objects.due().get())
    assert PaymentAttempt.objects.get().fee_minor is not None
    assert len(asked(giving)) == 2


def test_an_inquiry_is_looked_at_although_the_payment_was_looked_at_since(committed_giving: Giving) -> None:
    """It leaves no mark on the charge, so other looks do not see it."""
    giving = committed_giving
    gift = paid(giving)
    giving.deliver()
    giving.work()
    intent = intent_of(gift)
    giving.stand_in.control.dispute(intent, inquiry=True)
    giving.stand_in.control.refund(payment_intent=intent, amount=100)
    giving.deliver()

    apply(StripeEvent.objects.due().exclude(kind__startswith="charge.dispute")[0])
    assert not PaymentAttempt.objects.get().disputes.exists()
    giving.work()

    assert PaymentAttempt.objects.get().disputes.count() == 1
    assert outcomes() == DONE
