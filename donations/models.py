"""The index of the rooms' models; Django imports this module."""

from donations.appeals.models import Appeal, GiftTotal
from donations.challenges.models import Challenge
from donations.disputes.models import Dispute
from donations.donors.models import Donor
from donations.fraud_warnings.models import FraudWarning
from donations.gifts.models import Donation
from donations.payments.models import Decline, PaymentAttempt
from donations.portal.models import SignInRequest
from donations.receipts.models import Receipt, ReceiptDelivery
from donations.reconciliation.models import StripeDifference
from donations.refunds.models import Refund, RefundSending
from donations.stripe_events.models import StripeEvent
from donations.switches.models import GivingSwitch

__all__ = [
    "Appeal",
    "Challenge",
    "Decline",
    "Dispute",
    "Donation",
    "Donor",
    "FraudWarning",
    "GiftTotal",
    "GivingSwitch",
    "PaymentAttempt",
    "Receipt",
    "ReceiptDelivery",
    "Refund",
    "RefundSending",
    "SignInRequest",
    "StripeDifference",
    "StripeEvent",
]
