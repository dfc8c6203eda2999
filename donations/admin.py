"""The index of the rooms' admin classes; Django's admin autodiscovery imports this module."""

from donations.appeals.admin import AppealAdmin
from donations.challenges.admin import ChallengeAdmin
from donations.disputes.admin import DisputeAdmin, DisputeInline
from donations.fraud_warnings.admin import FraudWarningAdmin
from donations.gifts.admin import DonationAdmin
from donations.payments.admin import DeclineAdmin, PaymentAttemptAdmin
from donations.portal.admin import SignInRequestAdmin
from donations.receipts.admin import ReceiptAdmin, ReceiptDeliveryAdmin
from donations.receipts.reissue_admin import DonorWithReceiptsAdmin
from donations.reconciliation.admin import StripeDifferenceAdmin
from donations.refunds.admin import RefundAdmin, RefundInline, RefundSendingAdmin
from donations.stripe_events.admin import StripeEventAdmin
from donations.switches.admin import GivingSwitchAdmin

__all__ = [
    "AppealAdmin",
    "ChallengeAdmin",
    "DeclineAdmin",
    "DisputeAdmin",
    "DonationAdmin",
    "DonorWithReceiptsAdmin",
    "FraudWarningAdmin",
    "GivingSwitchAdmin",
    "PaymentAttemptAdmin",
    "ReceiptAdmin",
    "ReceiptDeliveryAdmin",
    "RefundAdmin",
    "RefundSendingAdmin",
    "SignInRequestAdmin",
    "StripeDifferenceAdmin",
    "StripeEventAdmin",
]

# Set here because refunds and disputes are higher rooms, which payments may not import.
PaymentAttemptAdmin.inlines = [RefundInline, DisputeInline]
