from collections.abc import Mapping
from dataclasses import asdict

from donations.disputes.machine import RecordedDispute
from donations.disputes.models import Dispute
from donations.payments.models import PaymentAttempt

DisputeRows = Mapping[str, Dispute]  # by Stripe's id


def of(attempt: PaymentAttempt) -> DisputeRows:
    """Return the disputes of a payment, by Stripe's id."""
    return {row.stripe_id: row for row in attempt.disputes.all()}


def recorded(rows: DisputeRows) -> dict[str, RecordedDispute]:
    """Return the rows' recorded values."""
    return {key: RecordedDispute.of(row) for key, row in rows.items()}


def record(attempt: PaymentAttempt, rows: DisputeRows, disputes: Mapping[str, RecordedDispute]) -> None:
    """Update changed rows and insert new ones. The caller holds the gift's lock."""
    for key, dispute in disputes.items():
        row = rows.get(key) or Dispute(attempt=attempt, stripe_id=key, currency=attempt.currency)
        if row._state.adding or RecordedDispute.of(row) != dispute:
            for name, value in asdict(dispute).items():
                setattr(row, name, value)
            row.save()
