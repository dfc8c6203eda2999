"""Refunds on their way to Stripe: a committed row, one idempotency key, and a look before each request.

Stripe forgets idempotency keys after a day. So before it is asked, its list of refunds is searched for ours: a refund
whose answer was lost is found there, however long ago it was.
"""

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from donations.gifts.models import Donation
from donations.payments.machine import Mismatch
from donations.refunds import notices
from donations.refunds.models import Refund, RefundSending, RefundState
from donations.refunds.services import OUR_ID
from donations.stripe import gateway
from donations.stripe.amounts import AmountNotChargeable
from donations.stripe_events import booking, snapshots
from donations.stripe_events.snapshots import Snapshot
from logistics.audit import services as audit
from logistics.errors import DomainError
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.transactions import lock

log = logging.getLogger(__name__)

WAIT_MIN: Final = timedelta(seconds=15)
WAIT_MAX: Final = timedelta(minutes=10)


def send(sending_id: str, *, at: datetime) -> bool:
    """Have Stripe make a refund, and book what Stripe then shows of the payment. Safe to repeat and to interrupt."""
    return jobs.run(RefundSending, sending_id, _send, partial(_book, at=at))


def _send(sending: RefundSending) -> Snapshot | DomainError:
    """Ask Stripe for the refund unless it has it, and take a snapshot. Returns Stripe's refusal, which is final."""
    refund = Refund.objects.select_related("attempt").get(pk=sending.refund_id)
    intent = refund.attempt.payment_intent_id
    assert intent is not None
    try:
        if refund.state == RefundState.REQUESTED and not _is_there(refund, intent):
            gateway.create_refund(
                payment_intent_id=intent,
                amount_minor=refund.amount_minor,
                currency=refund.currency,
                reason=refund.reason,
                metadata={OUR_ID: str(refund.pk)},
                idempotency_key=f"refund:{refund.pk}",
            )
        return snapshots.of_payment(intent)
    except gateway.PaymentProviderUnavailable as error:
        RefundSending.objects.filter(pk=sending.pk).update(last_error_code=error.code)  # shown while it is repeated
        age = timezone.now() - sending.created_at
        raise jobs.NotYet(min(max(age / 4, WAIT_MIN), WAIT_MAX)) from error
    except (gateway.PaymentRefused, gateway.PaymentObjectMissing, AmountNotChargeable) as error:
        return error


def _is_there(refund: Refund, intent: str) -> bool:
    return any(one.metadata.get(OUR_ID) == str(refund.pk) for one in gateway.fetch_refunds(intent))


def _book(sending: RefundSending, found: Snapshot | DomainError, *, at: datetime) -> None:
    refund = Refund.objects.select_related("attempt__donation").get(pk=sending.refund_id)
    if isinstance(found, DomainError):
        _refused(refund, found, at=at)
        return
    try:
        booking.book(refund.attempt, found, at=at, looked_at=sending.claimed_at)
    except Mismatch as error:
        log.error("a refund is not what we asked for", extra={"refund": str(refund.pk), "code": error.code})
        raise jobs.GiveUp(error.code) from error


def _refused(refund: Refund, refusal: DomainError, *, at: datetime) -> None:
    """Record that Stripe refused: nothing went back, and the money can be refunded otherwise."""
    donation: Donation = lock(refund.attempt.donation)
    refund = lock(refund)
    if refund.state != RefundState.REQUESTED:
        return  # a webhook told more
    refund.state = RefundState.FAILED
    refund.failure_reason = str(refusal.details.get("provider_code") or refusal.code)[:60]
    refund.save(update_fields=["state", "failure_reason"])
    audit.record(
        "refund refused",
        donation,
        by=None,
        at=at,
        reason=refund.failure_reason,
        refund=str(refund.pk),
        amount_minor=refund.amount_minor,
        currency=refund.currency,
    )
    notices.failed(refund, at=at)


def sending_ended(sending: Job) -> None:
    """Tell finance if the sending of a refund has stopped without an answer of Stripe."""
    stopped = RefundSending.objects.filter(pk=sending.pk, state=Job.State.DEAD)
    for row in stopped.select_related("refund__attempt__donation"):
        notices.failed(row.refund, at=timezone.now())
