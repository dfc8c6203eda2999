"""The index of the rooms' admin pages; Django looks for them here."""

from donations.appeals.admin import AppealAdmin
from donations.donors.admin import DonorAdmin
from donations.payments.admin import (
    DisputeAdmin,
    DonationAdmin,
    PaymentAttemptAdmin,
    RefundAdmin,
    StripeEventAdmin,
)
from donations.portal.admin import SignInRequestAdmin
from donations.receipts.admin import ReceiptAdmin, ReceiptDeliveryAdmin

__all__ = [
    "AppealAdmin",
    "DisputeAdmin",
    "DonationAdmin",
    "DonorAdmin",
    "PaymentAttemptAdmin",
    "ReceiptAdmin",
    "ReceiptDeliveryAdmin",
    "RefundAdmin",
    "SignInRequestAdmin",
    "StripeEventAdmin",
]
