from django.apps import AppConfig
from django.core.checks import register


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        from donations.checks import check_payments

        register(check_payments)
