"""The rows of a payment's refunds, as Stripe shows them. How we make one is in `asking` and `sending`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime

from donations.payments.models import PaymentAttempt
from donations.refunds import notices
from donations.refunds.machine import RecordedRefund
from donations.refunds.models import Refund, RefundState
from donations.stripe import facts

RefundRows = Mapping[str, Refund]  # by Stripe's id, or our own before that is known
# Our id of a refund, in its metadata at Stripe.
OUR_ID = "refund"


def of(attempt: PaymentAttempt, shown: Iterable[facts.StripeRefund] = ()) -> RefundRows:
    """Return the refunds of a payment. Those that Stripe shows with our own id get Stripe's, unsaved."""
    ours = {one.metadata[OUR_ID]: one.id for one in shown if OUR_ID in one.metadata}
    rows: dict[str, Refund] = {}
    for row in attempt.refunds.all():
        if row.stripe_id is None:
            row.stripe_id = ours.get(str(row.pk))
        rows[row.stripe_id or str(row.pk)] = row
    return rows


def recorded(rows: RefundRows) -> dict[str, RecordedRefund]:
    """Return the rows' recorded values."""
    return {key: RecordedRefund.of(row) for key, row in rows.items()}


def record(attempt: PaymentAttempt, rows: RefundRows, refunds: Mapping[str, RecordedRefund], *, at: datetime) -> None:
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
            row.save(update_fields=[*changes, "stripe_id"])
        if changes.get("state") == RefundState.FAILED:
            notices.failed(row, at=at)
