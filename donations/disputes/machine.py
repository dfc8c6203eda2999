"""State machine of a payment's disputes: from a Stripe snapshot to our rows. Pure; states only go forward."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from donations.disputes.models import NEXT, OPEN, Dispute, DisputeState
from donations.payments.machine import Mismatch, forward
from donations.stripe import facts


@dataclass(frozen=True, slots=True)
class RecordedDispute:
    """One dispute as recorded in our row; same field names."""

    state: DisputeState
    amount_minor: int
    reason: str
    evidence_due_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: Dispute) -> Self:
        return cls(DisputeState(row.state), row.amount_minor, row.reason, row.evidence_due_at, row.created_at)


RecordedDisputes = Mapping[str, RecordedDispute]  # by Stripe's id


def advance(
    recorded: RecordedDisputes, shown: Iterable[facts.StripeDispute], *, currency: str
) -> dict[str, RecordedDispute]:
    """Return the new state of our rows, given the disputes Stripe shows. Raises Mismatch for another currency."""
    shown = list(shown)
    if any(dispute.currency != currency for dispute in shown):
        raise Mismatch("currency_mismatch")
    return {**recorded, **{dispute.id: _advanced(recorded.get(dispute.id), dispute) for dispute in shown}}


def _advanced(known: RecordedDispute | None, shown: facts.StripeDispute) -> RecordedDispute:
    state = DisputeState(shown.status)
    return RecordedDispute(
        state=state if known is None else forward(known.state, state, NEXT),
        amount_minor=shown.amount_minor,
        reason=shown.reason[:60],
        evidence_due_at=shown.evidence_due_at,
        created_at=shown.created_at,
    )


def charged_back_minor(disputes: Iterable[RecordedDispute]) -> int:
    """Return the total of lost disputes."""
    return sum(dispute.amount_minor for dispute in disputes if dispute.state == DisputeState.LOST)


def disputed_minor(disputes: Iterable[RecordedDispute]) -> int:
    """Return the total of open disputes, which a bank holds until they are decided. Inquiries take no money."""
    return sum(dispute.amount_minor for dispute in disputes if dispute.state in OPEN)
