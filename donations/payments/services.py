"""Stripe's events come in, and what they point at is booked."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from donations.gifts import services as gifts
from donations.gifts.models import Donation
from donations.payments import machine
from donations.payments.machine import Books, Picture
from donations.payments.models import (
    LIVING,
    AttemptState,
    Dispute,
    DisputeState,
    PaymentAttempt,
    Refund,
    RefundState,
    StripeEvent,
)
from donations.receipts import services as receipts
from donations.stripe import gateway
from logistics.audit import services as audit
from logistics.errors import WrongState
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.transactions import enqueue_on_commit, lock

log = logging.getLogger(__name__)

# What can change our books. Others are stored and ignored.
KINDS: Final = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.updated",  # now the fee is known
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
PROVIDER_WAIT: Final = timedelta(seconds=15)
SHORT_LOOK_BACK: Final = timedelta(hours=2)
LONG_LOOK_BACK: Final = timedelta(days=3)
DAILY_LOOK_HOUR: Final = 4


@transaction.atomic
def keep_event(event: gateway.Event, *, source: StripeEvent.Source, at: datetime) -> bool:
    """Store a message of Stripe's and have a worker look; say whether it was new. A repeat changes nothing."""
    if StripeEvent.objects.filter(stripe_id=event.id).exists():
        return False
    row = StripeEvent(
        stripe_id=event.id,
        kind=event.kind,
        object_type=event.object_type,
        object_id=event.object_id,
        payment_intent_id=event.payment_intent_id or "",
        api_version=event.api_version or "",
        livemode=event.livemode,
        happened_at=event.created_at,
        received_at=at,
        source=source,
    )
    if event.kind not in KINDS:  # nothing to look at: no worker need be told
        row.state, row.ended_at, row.outcome = Job.State.DONE, at, StripeEvent.Outcome.IGNORED
    try:
        with transaction.atomic():
            if row.state == Job.State.PENDING:
                jobs.enqueue(row)
            else:
                row.save(force_insert=True)
    except IntegrityError:  # another thread stored it between our look and our insert
        return False
    return True


def apply_event(event_id: str, *, at: datetime) -> bool:
    """Look at Stripe for what one stored event points at, book it, and say whether we did.

    Safe twice, at once, or in any order. What does not fit is quarantined: the event is dead, with the reason.
    """
    return jobs.run(StripeEvent, event_id, _look, lambda event, picture: _book_event(event, picture, at=at))


def _look(event: StripeEvent) -> Picture | None:
    if event.kind not in KINDS:
        return None
    if event.api_version != gateway.API_VERSION:
        raise jobs.GiveUp("api_version_mismatch")
    if event.livemode != gateway.is_live():
        raise jobs.GiveUp("livemode_mismatch")
    try:
        if event.object_type == "checkout.session":
            return picture_of_session(event.object_id)
        if event.payment_intent_id:
            return picture_of_payment(event.payment_intent_id)
    except gateway.PaymentProviderUnavailable as error:
        raise jobs.NotYet(PROVIDER_WAIT) from error
    except gateway.PaymentObjectMissing as error:
        raise jobs.GiveUp(error.code) from error
    return None


def picture_of_session(session_id: str) -> Picture:
    """Return all that Stripe shows now of the payment made, or not made, in a checkout session."""
    session = gateway.fetch_checkout_session(session_id)
    if session.payment_intent_id is None:
        return Picture(session)
    return _whole(session, gateway.fetch_payment_intent(session.payment_intent_id))


def picture_of_payment(payment_intent_id: str) -> Picture:
    """Return all that Stripe shows now of a payment."""
    intent = gateway.fetch_payment_intent(payment_intent_id)
    sessions = gateway.find_checkout_sessions(payment_intent_id)
    return _whole(sessions[0] if sessions else None, intent)


def _whole(session: gateway.CheckoutSession | None, intent: gateway.PaymentIntent) -> Picture:
    if intent.status != "succeeded":
        return Picture(session, intent)
    return Picture(session, intent, tuple(gateway.fetch_refunds(intent.id)), tuple(gateway.fetch_disputes(intent.id)))


def _book_event(event: StripeEvent, picture: Picture | None, *, at: datetime) -> dict[str, Any]:
    if picture is None:
        return {"outcome": StripeEvent.Outcome.IGNORED}
    attempt = _attempt_of(picture)
    if attempt is None:
        return {"outcome": StripeEvent.Outcome.NOT_OURS}
    try:
        attempt = book(attempt, picture, at=at)
    except machine.Mismatch as error:
        log.error("a payment is not what we asked for", extra={"attempt": str(attempt.pk), "code": error.code})
        raise jobs.GiveUp(error.code) from error
    is_surplus = attempt.state == AttemptState.SUCCEEDED and not attempt.counts
    outcome = StripeEvent.Outcome.PAID_TWICE if is_surplus else StripeEvent.Outcome.APPLIED
    return {"outcome": outcome, "attempt_id": attempt.pk}


def _attempt_of(picture: Picture) -> PaymentAttempt | None:
    """Find the attempt by the id that we gave Stripe: known before Stripe's own ids are saved here."""
    try:
        attempt_id = UUID(picture.metadata.get("attempt", ""))
    except ValueError:
        return None
    return PaymentAttempt.objects.filter(pk=attempt_id).first()


@transaction.atomic
def book(attempt: PaymentAttempt, picture: Picture, *, at: datetime) -> PaymentAttempt:
    """Make our books say what Stripe shows: the attempt, its refunds and disputes, the donation, its receipt.

    The first attempt that succeeds receives the donation. Raises machine.Mismatch, and books nothing, when
    the picture is not of what we asked for.
    """
    donation = lock(attempt.donation)
    attempt = lock(attempt)
    attempt.donation = donation
    refunds = {row.stripe_id: row for row in attempt.refunds.all()}
    disputes = {row.stripe_id: row for row in attempt.disputes.all()}
    before = _books(attempt, refunds, disputes)
    after = machine.advance(before, picture, livemode=gateway.is_live())
    if after != before:
        _write(attempt, refunds, disputes, after)
    if attempt.state == AttemptState.SUCCEEDED:
        _derive(donation, *_that_counts(attempt, after), at=at)
    return attempt


def opened(attempt: PaymentAttempt, session: gateway.CheckoutSession) -> PaymentAttempt:
    """Note the checkout session just opened for a new attempt; an event that was faster is left as it is.

    Raises machine.Mismatch when the session is not for what we asked.
    """
    books = machine.advance(_books(attempt, {}, {}), Picture(session), livemode=gateway.is_live())
    facts = {"session_id": session.id, "checkout_url": session.url or ""}
    mine = PaymentAttempt.objects.filter(pk=attempt.pk)
    if mine.filter(state=AttemptState.CREATED).update(state=books.state, **facts):
        attempt.state, attempt.session_id, attempt.checkout_url = books.state, session.id, session.url or ""
        return attempt
    mine.filter(checkout_url="").update(**facts)
    donation = attempt.donation
    attempt.refresh_from_db()
    attempt.donation = donation
    return attempt


def _books(attempt: PaymentAttempt, refunds: Mapping[str, Refund], disputes: Mapping[str, Dispute]) -> Books:
    return Books(
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        state=AttemptState(attempt.state),
        refunds={
            key: machine.RefundBook(
                RefundState(row.state), row.amount_minor, row.reason, row.failure_reason, row.created_at
            )
            for key, row in refunds.items()
        },
        disputes={
            key: machine.DisputeBook(
                DisputeState(row.state), row.amount_minor, row.reason, row.evidence_due_at, row.created_at
            )
            for key, row in disputes.items()
        },
        **{name: getattr(attempt, name) for name in FACTS},
    )


FACTS: Final = (
    "session_id",
    "payment_intent_id",
    "charge_id",
    "decline_code",
    "card_brand",
    "card_last4",
    "succeeded_at",
    "balance_transaction_id",
    "fee_minor",
    "fee_currency",
)


def _write(
    attempt: PaymentAttempt, refunds: Mapping[str, Refund], disputes: Mapping[str, Dispute], books: Books
) -> None:
    for name in FACTS:
        setattr(attempt, name, getattr(books, name))
    if attempt.state != books.state:
        attempt.become(books.state)
    if attempt.state == AttemptState.SUCCEEDED and not attempt.counts:
        attempt.counts = not attempt.donation.attempts.filter(counts=True).exists()
    attempt.save(update_fields=["state", "counts", *FACTS])
    for key, refund in books.refunds.items():
        row = refunds.get(key) or Refund(attempt=attempt, stripe_id=key, currency=attempt.currency)
        _set(row, state=refund.state, amount_minor=refund.amount_minor, reason=refund.reason,
             failure_reason=refund.failure_reason, created_at=refund.created_at)  # fmt: skip
    for key, dispute in books.disputes.items():
        case = disputes.get(key) or Dispute(attempt=attempt, stripe_id=key, currency=attempt.currency)
        _set(case, state=dispute.state, amount_minor=dispute.amount_minor, reason=dispute.reason,
             evidence_due_at=dispute.evidence_due_at, created_at=dispute.created_at)  # fmt: skip


def _set(row: Refund | Dispute, **values: Any) -> None:
    if row._state.adding or any(getattr(row, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(row, name, value)
        row.save()


def _that_counts(attempt: PaymentAttempt, books: Books) -> tuple[PaymentAttempt, Books]:
    """Return the payment by which the gift is received: of several, the one of which most is still ours.

    So a gift that was paid twice stays received when either payment goes back.
    """
    others = attempt.donation.attempts.filter(state=AttemptState.SUCCEEDED).exclude(pk=attempt.pk)
    paid = [(attempt, books)]
    for other in others.prefetch_related("refunds", "disputes"):
        refunds = {row.stripe_id: row for row in other.refunds.all()}
        disputes = {row.stripe_id: row for row in other.disputes.all()}
        paid.append((other, _books(other, refunds, disputes)))
    best, books_of_best = max(paid, key=lambda one: (_kept_minor(one[1]), one[0].counts))
    if not best.counts:
        attempt.donation.attempts.filter(counts=True).update(counts=False)
        attempt.donation.attempts.filter(pk=best.pk).update(counts=True)
        attempt.counts, best.counts = attempt is best, True
    return best, books_of_best


def _kept_minor(books: Books) -> int:
    standing = machine.standing(books.amount_minor, books.refunds.values(), books.disputes.values())
    return books.amount_minor - standing.refunded_minor - standing.charged_back_minor


def _derive(donation: Donation, attempt: PaymentAttempt, books: Books, *, at: datetime) -> None:
    """Let the donation follow from the attempt that counts, and its receipt from the donation."""
    assert attempt.succeeded_at is not None
    standing = machine.standing(donation.amount_minor, books.refunds.values(), books.disputes.values())
    now = (standing.status, standing.refunded_minor, standing.charged_back_minor)
    changed = now != (donation.status, donation.refunded_minor, donation.charged_back_minor)
    if changed:
        donation = gifts.settle(
            donation,
            status=standing.status,
            refunded_minor=standing.refunded_minor,
            charged_back_minor=standing.charged_back_minor,
            received_at=attempt.succeeded_at,
            at=at,
        )
        receipts.follow(donation, at=at)


@transaction.atomic
def retry_event(event: StripeEvent, *, by: Any, at: datetime) -> StripeEvent:
    """Take an event out of quarantine and look again. Raises WrongState unless it is there."""
    event = lock(event)
    if refusal := refusal_to_retry(event):
        raise refusal
    StripeEvent.objects.filter(pk=event.pk).retry()
    enqueue_on_commit(event.TASK, event)
    audit.record("event retried", event, by=by, at=at)
    return lock(event)


def refusal_to_retry(event: StripeEvent) -> WrongState | None:
    """Return why an event cannot be tried again now, or None."""
    if event.state == Job.State.DEAD:
        return None
    return WrongState(
        _("Only an event in quarantine can be retried; this one is %(state)s.")
        % {"state": event.get_state_display().lower()},
        state=event.state,
    )


def catch_up(*, at: datetime) -> int:
    """Store what Stripe did and never told us, and look at checkouts that should have ended; say how many.

    The net under lost webhooks: from two hours before the last event that reached us, and once a day from
    three days back, which is as long as Stripe itself tries. Raises PaymentProviderUnavailable.
    """
    found = 0
    for event in gateway.list_events(_look_since(at), kinds=KINDS):
        found += keep_event(event, source=StripeEvent.Source.LIST, at=at)
    overdue = PaymentAttempt.objects.filter(state__in=LIVING, expires_at__lt=at).select_related("donation")
    for attempt in overdue.order_by("expires_at")[:200]:
        try:
            refresh(attempt, at=at)
            found += 1
        except (machine.Mismatch, gateway.PaymentObjectMissing) as error:
            # One that needs a person must not keep the others waiting; its events are in quarantine.
            log.error("an overdue checkout does not fit", extra={"attempt": str(attempt.pk), "code": error.code})
    return found


def _look_since(at: datetime) -> datetime:
    newest = StripeEvent.objects.order_by("-id").values_list("received_at", flat=True).first()
    if newest is None or (at.hour == DAILY_LOOK_HOUR and at.minute < 5):
        return at - LONG_LOOK_BACK
    return max(newest - SHORT_LOOK_BACK, at - LONG_LOOK_BACK)


def refresh(attempt: PaymentAttempt, *, at: datetime) -> PaymentAttempt:
    """Look at Stripe, outside any transaction, for what became of an attempt, and book it.

    An attempt whose checkout was never opened, or of which Stripe never told us, ends as expired.
    """
    if attempt.session_id is not None:
        return book(attempt, picture_of_session(attempt.session_id), at=at)
    if attempt.expires_at < at:
        return expire(attempt)
    return attempt


@transaction.atomic
def expire(attempt: PaymentAttempt) -> PaymentAttempt:
    """End an attempt whose checkout nobody can reach any more; money that arrives all the same is still booked."""
    attempt = lock(attempt)
    if attempt.state == AttemptState.CREATED:
        attempt.become(AttemptState.EXPIRED)
        attempt.save(update_fields=["state"])
    return attempt


def quarantined() -> Any:
    """Events that a person must look at."""
    return StripeEvent.objects.filter(state=Job.State.DEAD)
