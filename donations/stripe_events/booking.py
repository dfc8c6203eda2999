"""Book a Stripe snapshot in one transaction: payment, refunds, disputes, then the gift, then its receipt."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from donations.disputes import services as disputes
from donations.fraud_warnings import services as fraud_warnings
from donations.gifts import services as gifts
from donations.gifts.models import Donation
from donations.gifts.outcome import outcome_of, surplus_of, that_counts
from donations.payments import services as payments
from donations.payments.models import AttemptState, PaymentAttempt
from donations.receipts import services as receipts
from donations.refunds import services as refunds
from donations.stripe import gateway
from donations.stripe_events import machine, snapshots
from donations.stripe_events.machine import RecordedState
from donations.stripe_events.snapshots import Snapshot
from logistics.transactions import lock


class Booked(NamedTuple):
    """A payment as it was booked, and whether its gift is now paid more than once."""

    attempt: PaymentAttempt
    has_surplus: bool


@transaction.atomic
def book(attempt: PaymentAttempt, snapshot: Snapshot, *, at: datetime, looked_at: datetime | None = None) -> Booked:
    """Update our rows from a snapshot: the attempt, its refunds and disputes, the gift, its receipt.

    `looked_at` is a time before the snapshot was begun, by the database's clock; events that came earlier need no
    snapshot of their own. Raises Mismatch, and books nothing, if the snapshot does not match what we asked for.
    """
    # With donor and appeal, which the receipt names.
    gifts_with_all = Donation.objects.select_related("donor", "appeal")
    donation = gifts_with_all.select_for_update(of=("self",)).get(pk=attempt.donation_id)
    attempt = lock(attempt)
    attempt.donation = donation
    # There are none before a payment has succeeded.
    was_paid = attempt.state == AttemptState.SUCCEEDED
    found = (refunds.of(attempt, snapshot.refunds), disputes.of(attempt)) if was_paid else ({}, {})
    refund_rows, dispute_rows = found
    before = _recorded(attempt, refund_rows, dispute_rows)
    after = machine.advance(before, snapshot, livemode=gateway.is_live())
    is_newest = looked_at is not None and (attempt.looked_at is None or attempt.looked_at < looked_at)
    if is_newest:
        attempt.looked_at = looked_at
    if after != before:
        payments.record(attempt, after.payment)
        refunds.record(attempt, refund_rows, after.refunds, at=at)
        disputes.record(attempt, dispute_rows, after.disputes)
    elif is_newest:
        attempt.save(update_fields=["looked_at"])
    fraud_warnings.record(attempt, snapshot.fraud_warnings)
    is_paid = attempt.state == AttemptState.SUCCEEDED
    return Booked(attempt, has_surplus=is_paid and _settle(donation, attempt, after, at=at))


def _recorded(
    attempt: PaymentAttempt, refund_rows: refunds.RefundRows, dispute_rows: disputes.DisputeRows
) -> RecordedState:
    return RecordedState(payments.recorded(attempt), refunds.recorded(refund_rows), disputes.recorded(dispute_rows))


def _settle(donation: Donation, attempt: PaymentAttempt, recorded: RecordedState, *, at: datetime) -> bool:
    """Settle the gift from all of its payments, then update its receipt. `recorded`: the one that was just booked.

    Return whether they hold more than the gift.
    """
    others = donation.attempts.filter(state=AttemptState.SUCCEEDED).exclude(pk=attempt.pk)
    paid = [(attempt.number, recorded)]
    paid += [
        (other.number, _recorded(other, refunds.of(other), disputes.of(other)))
        for other in others.prefetch_related("refunds", "disputes")
    ]
    money = [one for number, row in paid if (one := row.money(number))]
    counting = that_counts(money)
    if counting.number == attempt.number:
        gifts.follow(donation, attempt.amount_minor, attempt.currency)
    outcome = outcome_of(donation.amount_minor, money)
    payments.mark_counted(donation, counting.number)
    attempt.counts = counting.number == attempt.number
    if (outcome, counting.paid_at) != (gifts.GiftOutcome.of(donation), donation.received_at):
        donation = gifts.settle(donation, outcome, received_at=counting.paid_at, at=at)
        receipts.update(donation, at=at)
    return bool(surplus_of(donation.amount_minor, money))


def refresh(attempt: PaymentAttempt, *, at: datetime) -> None:
    """Fetch the current state of an attempt from Stripe, outside any transaction, and book it.

    An attempt whose checkout was never opened expires.
    """
    if attempt.session_id is not None:
        book(attempt, snapshots.of_session(attempt.session_id), at=at)
    elif attempt.expires_at < at:
        payments.expire(attempt)
