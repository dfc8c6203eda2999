from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from donations import rights  # noqa: F401  # declares who may do what
from logistics.roles import Role

# Why jobs failed, for staff.
REASONS = {
    "amount_mismatch": _("Stripe’s amount is not what we asked for"),
    "api_version_mismatch": _("the event has another API version"),
    "currency_mismatch": _("Stripe’s currency is not what we asked for"),
    "livemode_mismatch": _("a test event with live keys, or a live one with test keys"),
    "payment_intent_mismatch": _("the checkout has another payment"),
    "payment_provider_misconfigured": _("Stripe did not accept our key"),
    "payment_provider_unavailable": _("Stripe does not answer"),
    "payment_object_missing": _("Stripe does not know the payment"),
    "receipt_cancelled": _("the receipt was cancelled before it was sent"),
    "receipt_not_printed": _("the receipt could not be printed"),
    "receipt_replaced": _("the receipt was replaced before it was sent"),
    "session_mismatch": _("another checkout was paid than the one we opened"),
}


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        from donations.appeals import texts as our_texts
        from donations.checks import check_payments
        from donations.donors import services as donors
        from donations.gifts import services as gifts
        from donations.gifts.models import Donation
        from donations.receipts import deliveries
        from donations.receipts.models import Receipt
        from donations.refunds import sending
        from donations.refunds.models import RefundSending
        from logistics.audit import numbers
        from logistics.documents.models import Document
        from logistics.jobs import reasons
        from logistics.jobs import services as jobs
        from logistics.mail import readers
        from logistics.partners import texts

        register(check_payments)
        donors.when_readdressed(gifts.revoke_links_of)
        jobs.when_ended(Document, deliveries.paper_ended)
        jobs.when_ended(RefundSending, sending.sending_ended)
        texts.register(our_texts.GUARDED, our_texts.EXEMPT)
        kinds = {
            "receipt": _("receipt"),
            "receipt-cancelled": _("receipt cancelled"),
            "sign-in-link": _("sign-in link"),
            "gift-confirmation": _("confirmation of a gift"),
            "giving-alarm": _("alarm of online giving"),
            "desk": _("what waits for finance"),
            "refund-to-approve": _("refund to approve"),
            "refund-failed": _("refund failed"),
            "stripe-differs": _("differences with Stripe"),
        }
        readers.register({Role.FINANCE}, kinds, optional=["desk", "giving-alarm", "stripe-differs"])
        reasons.register(REASONS)
        numbers.register(Donation, "reference")
        numbers.register(Receipt, "number", subject="donation")
