"""State machine of a payment's refunds: from a Stripe snapshot to our rows. Pure; states only go forward."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from donations.payments.machine import Mismatch, forward
from donations.refunds.models import NEXT, Refund, RefundState
from donations.stripe import facts


@dataclass(frozen=True, slots=True)
class RecordedRefund:
    """One refund as recorded in our row; same field names."""

    state: RefundState
    amount_minor: int
    reason: str
    failure_reason: str
    created_at: datetime

    @classmethod
    def of(cls, row: Refund) -> Self:
        return cls(RefundState(row.state), row.amount_minor, row.reason, row.failure_reason, row.created_at)


RecordedRefunds = Mapping[str, RecordedRefund]  # by Stripe's id, or our own before it is known


def advance(
    recorded: RecordedRefunds, shown: Iterable[facts.StripeRefund], *, currency: str
) -> dict[str, RecordedRefund]:
    """Return the new state of our rows, given the refunds Stripe shows.

    Raises Mismatch for another currency, or another amount than we recorded.
    """
    shown = list(shown)
    if any(refund.currency != currency for refund in shown):
        raise Mismatch("currency_mismatch")
    known = {refund.id: recorded[refund.id].amount_minor for refund in shown if refund.id in recorded}
    if any(known.get(refund.id, refund.amount_minor) != refund.amount_minor for refund in shown):
        raise Mismatch("amount_mismatch")
    return {**recorded, **{refund.id: _advanced(recorded.get(refund.id), refund) for refund in shown}}


def _advanced(known: RecordedRefund | None, shown: facts.StripeRefund) -> RecordedRefund:
    state = RefundState.PENDING if shown.status == "requires_action" else RefundState(shown.status)
    return RecordedRefund(
        state=state if known is None else forward(known.state, state, NEXT),
        amount_minor=shown.amount_minor,
        reason=(shown.reason or "")[:60],
        failure_reason=(shown.failure_reason or (known.failure_reason if known else ""))[:60],
        created_at=shown.created_at,
    )


def refunded_minor(refunds: Iterable[RecordedRefund]) -> int:
    """Return the total of succeeded refunds."""
    return sum(refund.amount_minor for refund in refunds if refund.state == RefundState.SUCCEEDED)
