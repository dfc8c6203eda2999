from django.apps import AppConfig
from django.core.checks import register

from logistics.people import rights
from logistics.roles import Role


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        from donations.appeals import texts as our_texts
        from donations.checks import check_payments
        from logistics.mail import readers
        from logistics.partners import texts

        register(check_payments)
        texts.register(our_texts.GUARDED, our_texts.EXEMPT)
        rights.allow_change(Role.FINANCE, "donations.*")
        rights.restrict_reading("donations.donor", Role.FINANCE, Role.AUDITOR)
        readers.register(
            {Role.FINANCE}, "receipt", "receipt-cancelled", "sign-in-link", "gift-confirmation", "giving-alarm"
        )
