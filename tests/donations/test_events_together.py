"""Several events of one payment: those that came before a look at Stripe need no look of their own."""

from typing import Any

import pgtrigger
import pytest
from django.utils import timezone

from config.celery import app as celery_app
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.stripe_events import services as stripe_events
from donations.stripe_events.models import StripeEvent
from logistics.jobs.models import Job
from tests.donations.giving import DECLINED, FROZEN, GOOD, Giving, donation_of, paid, receipts_of
from tests.rights import as_superuser

DONE = {(Job.State.DONE, StripeEvent.Outcome.APPLIED)}


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

    assert len(asked(giving)) - before == 4  # payment, checkout, refunds, disputes: once
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
