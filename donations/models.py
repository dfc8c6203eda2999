"""The index of the rooms' models; Django imports this module."""

from donations.appeals.models import Appeal
from donations.disputes.models import Dispute
from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.portal.models import SignInRequest
from donations.receipts.models import Receipt, ReceiptDelivery
from donations.refunds.models import Refund
from donations.stripe_events.models import StripeEvent

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
