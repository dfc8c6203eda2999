"""The index of the rooms' admin classes; Django's admin autodiscovery imports this module."""

from donations.appeals.admin import AppealAdmin
from donations.challenges.admin import ChallengeAdmin
from donations.disputes.admin import DisputeAdmin, DisputeInline
from donations.gifts.admin import DonationAdmin
from donations.payments.admin import DeclineAdmin, PaymentAttemptAdmin
from donations.portal.admin import SignInRequestAdmin
from donations.receipts.admin import ReceiptAdmin, ReceiptDeliveryAdmin
from donations.receipts.reissue_admin import DonorWithReceiptsAdmin
from donations.reconciliation.admin import StripeDifferenceAdmin
from donations.refunds.admin import RefundAdmin, RefundInline
from donations.stripe_events.admin import StripeEventAdmin
from donations.switches.admin import GivingSwitchAdmin

__all__ = [
    "AppealAdmin",
    "ChallengeAdmin",
    "DeclineAdmin",
    "DisputeAdmin",
    "DonationAdmin",
    "DonorWithReceiptsAdmin",
    "GivingSwitchAdmin",
    "PaymentAttemptAdmin",
    "ReceiptAdmin",
    "ReceiptDeliveryAdmin",
    "RefundAdmin",
    "SignInRequestAdmin",
    "StripeDifferenceAdmin",
    "StripeEventAdmin",
]

# Set here because refunds and disputes are higher rooms, which payments may not import.
PaymentAttemptAdmin.inlines = [RefundInline, DisputeInline]
