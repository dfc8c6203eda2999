"""Gift status: what a donor may see of a gift."""

from dataclasses import dataclass
from datetime import datetime

from donations.gifts.models import Donation
from donations.payments import services as payments
from donations.payments.models import AttemptState, PaymentAttempt
from donations.receipts.models import Receipt, ReceiptState


@dataclass(frozen=True, slots=True)
class GiftStatus:
    """One gift, as its donor sees it."""

    donation: Donation
    attempt: PaymentAttempt | None  # the latest
    receipt: Receipt | None  # the valid one
    may_pay: bool
    checkout_url: str  # "" when there is no open checkout
    was_declined: bool  # the last card; donors never see the reason

    @property
    def session_is_open(self) -> bool:
        """Return whether Stripe has not told us yet how the latest checkout ended."""
        return self.attempt is not None and self.attempt.state == AttemptState.SESSION_OPEN


def status_of(donation: Donation, *, at: datetime, attempt: PaymentAttempt | None = None) -> GiftStatus:
    """Return the status of a gift; two queries at most."""
    attempt = attempt or payments.latest(donation)
    is_pending = donation.status == Donation.Status.PENDING
    is_open = (
        is_pending and attempt is not None and attempt.state == AttemptState.SESSION_OPEN and attempt.expires_at > at
    )
    in_progress = attempt is not None and attempt.state == AttemptState.PROCESSING
    receipt = None
    if not is_pending:
        receipt = (
            Receipt.objects.select_related("document").filter(donation=donation, state=ReceiptState.ISSUED).first()
        )
        if receipt is not None:
            receipt.donation = donation  # already loaded: saves a query
    return GiftStatus(
        donation=donation,
        attempt=attempt,
        receipt=receipt,
        may_pay=is_pending and not in_progress,
        checkout_url=attempt.checkout_url if is_open and attempt else "",
        was_declined=is_pending
        and attempt is not None
        and attempt.decline_code != ""
        and attempt.state != AttemptState.PROCESSING,
    )
