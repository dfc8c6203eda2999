"""Run the state machines of a payment, its refunds and its disputes together. Pure: no database, clock or network.

They are independent of each other. States only go forward, so snapshots that come twice, late or in any order
lead to the same recorded state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from donations.disputes import machine as disputes
from donations.disputes.machine import RecordedDispute
from donations.gifts.outcome import PaidMoney
from donations.payments import machine as payments
from donations.payments.machine import RecordedPayment
from donations.refunds import machine as refunds
from donations.refunds.machine import RecordedRefund
from donations.stripe_events.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class RecordedState:
    """One payment, its refunds and its disputes (by Stripe's ids) as recorded in our rows."""

    payment: RecordedPayment
    refunds: Mapping[str, RecordedRefund] = field(default_factory=dict)
    disputes: Mapping[str, RecordedDispute] = field(default_factory=dict)

    def money(self, number: int) -> PaidMoney | None:
        """Return the money of this payment, the attempt with this number; None unless it has succeeded."""
        if self.payment.succeeded_at is None:
            return None
        return PaidMoney(
            number=number,
            paid_at=self.payment.succeeded_at,
            amount_minor=self.payment.amount_minor,
            refunded_minor=refunds.refunded_minor(self.refunds.values()),
            charged_back_minor=disputes.charged_back_minor(self.disputes.values()),
            disputed_minor=disputes.disputed_minor(self.disputes.values()),
        )


def advance(recorded: RecordedState, snapshot: Snapshot, *, livemode: bool) -> RecordedState:
    """Return the new state of our rows after a snapshot; older ones change nothing.

    Raises Mismatch if it does not match what we asked for.
    """
    payment = payments.advance(recorded.payment, snapshot.session, snapshot.intent, livemode=livemode)
    return RecordedState(
        payment,
        refunds.advance(recorded.refunds, snapshot.refunds, currency=payment.currency),
        disputes.advance(recorded.disputes, snapshot.disputes, currency=payment.currency),
    )
