from django.apps import AppConfig
from django.core.checks import register

from donations import rights  # noqa: F401  # declares who may do what
from logistics.roles import Role


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        from donations.checks import check_payments
        from logistics.mail import readers

        register(check_payments)
        readers.register(
            {Role.FINANCE}, "receipt", "receipt-cancelled", "sign-in-link", "gift-confirmation", "giving-alarm"
        )
