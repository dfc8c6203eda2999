from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from donations import rights  # noqa: F401  # declares who may do what
from logistics.roles import Role


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        from donations.appeals import texts as our_texts
        from donations.checks import check_payments
        from donations.receipts import deliveries
        from logistics.documents.models import Document
        from logistics.jobs import services as jobs
        from logistics.mail import readers
        from logistics.partners import texts

        register(check_payments)
        jobs.when_ended(Document, deliveries.paper_ended)
        texts.register(our_texts.GUARDED, our_texts.EXEMPT)
        kinds = {
            "receipt": _("receipt"),
            "receipt-cancelled": _("receipt cancelled"),
            "sign-in-link": _("sign-in link"),
            "gift-confirmation": _("confirmation of a gift"),
            "giving-alarm": _("alarm of online giving"),
        }
        readers.register({Role.FINANCE}, kinds)
