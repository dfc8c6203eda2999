"""The index of the rooms' models; Django looks for them here."""

from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.payments.models import Dispute, PaymentAttempt, Refund, StripeEvent
from donations.portal.models import SignInRequest
from donations.receipts.models import Receipt, ReceiptDelivery

__all__ = [
    "Appeal",
    "Dispute",
    "Donation",
    "Donor",
    "PaymentAttempt",
    "Receipt",
    "ReceiptDelivery",
    "Refund",
    "SignInRequest",
    "StripeEvent",
]
