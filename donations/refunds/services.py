from collections.abc import Mapping
from dataclasses import asdict

from donations.payments.models import PaymentAttempt
from donations.refunds.machine import RecordedRefund
from donations.refunds.models import Refund

RefundRows = Mapping[str, Refund]  # by Stripe's id


def of(attempt: PaymentAttempt) -> RefundRows:
    """Return the refunds of a payment, by Stripe's id."""
    return {row.stripe_id: row for row in attempt.refunds.all()}


def recorded(rows: RefundRows) -> dict[str, RecordedRefund]:
    """Return the rows' recorded values."""
    return {key: RecordedRefund.of(row) for key, row in rows.items()}


def record(attempt: PaymentAttempt, rows: RefundRows, refunds: Mapping[str, RecordedRefund]) -> None:
    """Update changed rows and insert new ones. The caller holds the gift's lock."""
    for key, refund in refunds.items():
        row = rows.get(key)
        if row is None:
            Refund.objects.create(attempt=attempt, stripe_id=key, currency=attempt.currency, **asdict(refund))
            continue
        changes = {name: value for name, value in asdict(refund).items() if getattr(row, name) != value}
        for name, value in changes.items():
            setattr(row, name, value)
        if changes:  # only these: the database refuses to write what must never change
            row.save(update_fields=[*changes])
