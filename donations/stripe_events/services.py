"""The inbox of Stripe events: each is stored once, then applied by a worker that fetches the payment from Stripe."""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from donations.payments import services as payments
from donations.payments.machine import Mismatch
from donations.payments.models import AttemptState, PaymentAttempt
from donations.stripe import gateway
from donations.stripe_events import booking, snapshots
from donations.stripe_events.models import StripeEvent
from donations.stripe_events.snapshots import Snapshot
from logistics.audit import services as audit
from logistics.errors import WrongState
from logistics.health import services as health
from logistics.jobs import services as jobs
from logistics.jobs import statements
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from logistics.people.models import User
from logistics.transactions import lock

log = logging.getLogger(__name__)

# Events that can change our rows. Others are stored and ignored.
KINDS: Final = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.updated",
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
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
)
FRAUD: Final = "radar.early_fraud_warning"  # the type of the object
DECLINED: Final = "payment_intent.payment_failed"
DISPUTE: Final = "charge.dispute."
# Once a payment is booked as succeeded, these can tell nothing new.
SUCCESS: Final = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "payment_intent.succeeded",
)
FEE: Final = "charge.updated"  # nor can this one, once the fee is booked
# How long an event waits for the look at its payment that is under way or about to begin.
LOOK_WAIT: Final = timedelta(seconds=30)
PROVIDER_WAIT: Final = timedelta(seconds=15)
# Stripe shows a new event within seconds; what is read twice is stored once.
OVERLAP: Final = timedelta(hours=2)
KEPT_AT_STRIPE: Final = timedelta(days=30)
# After a long outage the list is read in parts, oldest first, so that a reading that is cut short is not in vain.
PART: Final = timedelta(hours=12)
READ_UNTIL: Final = "events of Stripe"  # the health check that remembers how far the list was read


def store_event(event: gateway.Event, *, source: StripeEvent.Source, at: datetime) -> bool:
    """Store a Stripe event and queue its job, if it needs one; return whether it was new. A repeat changes nothing."""
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
    if event.account:  # a connected account's: we have none, so none of its payments is ours
        log.warning("event of another Stripe account", extra={"event": event.id, "account": event.account})
        return _store_done(row, outcome=StripeEvent.Outcome.NOT_OURS)
    if event.kind not in KINDS:
        return _store_done(row, outcome=StripeEvent.Outcome.IGNORED)
    # Of a delivery that failed, found later: after the payments of donors who are looking at the page now.
    lane = Lane.SOON if source == StripeEvent.Source.LIST else None
    if _refusal(row) is None and row.kind in (*SUCCESS, FEE):
        if _is_about_to_be_known(row):
            return jobs.enqueue_new(row, lane=lane, waits=LOOK_WAIT)
        if (attempt := _attempt_named_by(row)) and row.kind in _told_by(attempt):
            return _store_done(row, **_applied_to(attempt))
    return jobs.enqueue_new(row, lane=lane)


def _store_done(row: StripeEvent, **values: object) -> bool:
    """Store an event that needs no job."""
    row.state, row.ended_at = Job.State.DONE, row.received_at
    for name, value in values.items():
        setattr(row, name, value)
    return statements.insert_new(row)


def _is_about_to_be_known(event: StripeEvent) -> bool:
    """Return whether another event has told of this success, and waits for the look that will answer this one too."""
    others = StripeEvent.objects.filter(payment_intent_id=event.payment_intent_id, kind__in=SUCCESS)
    return bool(event.payment_intent_id) and others.unfinished().exists()


def apply_event(event_id: str, *, at: datetime) -> bool:
    """Fetch the object of a stored event from Stripe, book it, and return whether we did.

    Safe to run twice, concurrently or in any order. A mismatch is quarantined: the event is dead, with the reason.
    """
    return jobs.run(StripeEvent, event_id, _look, lambda event, snapshot: _book(event, snapshot, at=at))


def _look(event: StripeEvent) -> Snapshot | PaymentAttempt | None:
    """Take a snapshot of the event's payment. Returns its attempt if what the event tells is booked already."""
    if event.kind not in KINDS:
        return None
    if refusal := _refusal(event):
        raise jobs.GiveUp(refusal)
    attempt = _attempt_named_by(event)
    if attempt and _was_seen(event, attempt):
        return attempt
    try:
        return _snapshot_for(event)
    except gateway.PaymentProviderUnavailable as error:
        raise jobs.NotYet(PROVIDER_WAIT) from error
    except gateway.PaymentObjectMissing as error:
        raise jobs.GiveUp(error.code) from error


def _snapshot_for(event: StripeEvent) -> Snapshot | None:
    """Take the snapshot that the event needs, or return None if it names no payment."""
    if event.object_type == "checkout.session":
        return snapshots.of_session(event.object_id)
    if not event.payment_intent_id:
        return None
    if event.object_type == FRAUD:
        return snapshots.with_fraud_warnings(event.payment_intent_id)
    if event.kind == DECLINED:
        return _look_at_decline(event)
    return snapshots.of_payment(event.payment_intent_id, of_dispute=event.kind.startswith(DISPUTE))


def _refusal(event: StripeEvent) -> str | None:
    """Return the code of the reason why an event cannot be applied, or None."""
    if event.api_version != gateway.API_VERSION:
        return "api_version_mismatch"
    return "livemode_mismatch" if event.livemode != gateway.is_live() else None


def _attempt_named_by(event: StripeEvent) -> PaymentAttempt | None:
    """Return the attempt that has the event's ids at Stripe, if an earlier look has booked them."""
    if event.object_type == "checkout.session":
        return PaymentAttempt.objects.filter(session_id=event.object_id).first()
    if event.payment_intent_id:
        return PaymentAttempt.objects.filter(payment_intent_id=event.payment_intent_id).first()
    return None


def _was_seen(event: StripeEvent, attempt: PaymentAttempt) -> bool:
    """Return whether a look that is booked began since the event was due, and so has seen what it tells.

    Stripe sends several events of a payment within a second, and allows about 100 requests in a second. Both times are
    the database's. A retried event is due from then on.
    """
    # Declines are counted besides; disputes and warnings of fraud are not looked at for other events.
    if event.kind == DECLINED or event.kind.startswith(DISPUTE) or event.object_type == FRAUD:
        return False
    return attempt.looked_at is not None and attempt.looked_at > event.run_after


def _told_by(attempt: PaymentAttempt) -> tuple[str, ...]:
    """Return the kinds of event that can tell nothing new of this attempt."""
    if attempt.state != AttemptState.SUCCEEDED:
        return ()
    return SUCCESS if attempt.fee_minor is None else (*SUCCESS, FEE)


def _look_at_decline(event: StripeEvent) -> Snapshot:
    """Count a declined card, and close checkouts in which too many were tried: before anything else, if possible."""
    attempt = PaymentAttempt.objects.filter(payment_intent_id=event.payment_intent_id).first()
    if attempt is not None:
        _count_decline(event, attempt)
    snapshot = snapshots.of_payment(event.payment_intent_id)
    if attempt is None and (attempt := _attempt_of(snapshot)):
        _count_decline(event, attempt)
    return snapshot


def _count_decline(event: StripeEvent, attempt: PaymentAttempt) -> None:
    closing = payments.count_decline(attempt, event_id=event.stripe_id, at=event.happened_at)
    payments.close_checkouts(closing)


def _book(event: StripeEvent, found: Snapshot | PaymentAttempt | None, *, at: datetime) -> dict[str, object]:
    """Book a snapshot, unless a later one is booked, and return the new values of the event's row."""
    if found is None:
        return {"outcome": StripeEvent.Outcome.IGNORED}
    if isinstance(found, PaymentAttempt):
        return _applied_to(found)
    attempt = _attempt_of(found)
    if attempt is None:
        return {"outcome": StripeEvent.Outcome.NOT_OURS}
    try:
        attempt, has_surplus = booking.book(attempt, found, at=at, looked_at=event.claimed_at)
    except Mismatch as error:
        log.error("a payment is not what we asked for", extra={"attempt": str(attempt.pk), "code": error.code})
        raise jobs.GiveUp(error.code) from error
    _finish_others(event, attempt)
    # Either payment may be the one that counts: the event that told of the second one is marked.
    return _applied_to(attempt) | ({"outcome": StripeEvent.Outcome.PAID_TWICE} if has_surplus else {})


def _finish_others(event: StripeEvent, attempt: PaymentAttempt) -> None:
    """Mark the payment's other waiting events done that this look has answered."""
    seen = Q(run_after__lt=event.claimed_at) & ~Q(kind=DECLINED) & ~Q(kind__startswith=DISPUTE) & ~Q(object_type=FRAUD)
    others = StripeEvent.objects.filter(
        payment_intent_id=attempt.payment_intent_id,
        state=Job.State.PENDING,
        api_version=gateway.API_VERSION,
        livemode=gateway.is_live(),
    )
    # One that a worker has just taken is for that worker.
    free = others.filter(seen | Q(kind__in=_told_by(attempt))).select_for_update(skip_locked=True)
    jobs.mark_done(StripeEvent.objects.filter(pk__in=free.values("pk")), **_applied_to(attempt))
    if attempt.state != AttemptState.SUCCEEDED:
        # What waits for this look may tell of a success that it was too early for.
        jobs.wake(others.filter(notified_at=None))


def _applied_to(attempt: PaymentAttempt) -> dict[str, object]:
    is_surplus = attempt.state == AttemptState.SUCCEEDED and not attempt.counts
    outcome = StripeEvent.Outcome.PAID_TWICE if is_surplus else StripeEvent.Outcome.APPLIED
    return {"outcome": outcome, "attempt_id": attempt.pk}


def _attempt_of(snapshot: Snapshot) -> PaymentAttempt | None:
    """Find the attempt by our id in Stripe's metadata, which works before Stripe's ids are saved here."""
    try:
        attempt_id = UUID(snapshot.metadata.get("attempt", ""))
    except ValueError:
        return None
    return PaymentAttempt.objects.filter(pk=attempt_id).first()


@transaction.atomic
def retry(event: StripeEvent, *, by: User | None, at: datetime) -> StripeEvent:
    """Retry an event in quarantine: a worker fetches from Stripe again. Raises WrongState for any other event."""
    event = lock(event)
    if refusal := refusal_to_retry(event):
        raise refusal
    event = jobs.retry(event)
    audit.record("event retried", event, by=by, at=at)
    return event


def refusal_to_retry(event: StripeEvent) -> WrongState | None:
    """Return why `retry` is refused now, or None."""
    if event.state == Job.State.DEAD:
        return None
    return WrongState(
        _("Only an event in quarantine can be retried; this one is %(state)s.")
        % {"state": event.get_state_display().lower()},
        state=event.state,
    )


def catch_up(*, at: datetime) -> int:
    """Store events that never reached us, and refresh checkouts that should have ended; return how many.

    Covers lost webhooks and outages of our own: from two hours before where the list was read last, however long ago,
    but not further back than Stripe keeps events (30 days; for longer outages see donations.reconciliation). Raises
    PaymentProviderUnavailable; what was read before that is kept.
    """
    found, since = 0, _read_until(at) - OVERLAP
    while since < at:
        until = min(since + PART, at)
        # Of the last part, what happens meanwhile as well.
        for event in gateway.list_events(since, until if until < at else None, kinds=KINDS):
            found += store_event(event, source=StripeEvent.Source.LIST, at=at)
        health.bookmark(READ_UNTIL, {"read_until": until.isoformat()})
        since = until
    for attempt in payments.overdue(at)[:200]:
        try:
            booking.refresh(attempt, at=at)
            found += 1
        except (Mismatch, gateway.PaymentObjectMissing) as error:
            # One that needs staff must not hold up the others; its events are in quarantine.
            log.error("an overdue checkout does not fit", extra={"attempt": str(attempt.pk), "code": error.code})
    return found


def _read_until(at: datetime) -> datetime:
    """Return until when the list of events was read; at first, and after an outage of a month, as far as it goes."""
    oldest = at - KEPT_AT_STRIPE + OVERLAP
    known = health.bookmark_of(READ_UNTIL).get("read_until")
    return max(datetime.fromisoformat(str(known)), oldest) if known else oldest
