"""System checks for payment settings."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

from donations.stripe import gateway
from logistics.errors import Invalid
from logistics.money import amounts as money


def check_payments(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Refuse a Stripe stand-in in production and a live key in development; warn if webhooks cannot work.

    Registered by the donations AppConfig. Django runs it before `migrate`, `runserver` and a Celery worker;
    gunicorn runs no checks, so the Stripe client also refuses a stand-in itself.
    """
    found: list[CheckMessage] = []
    key, is_live = settings.STRIPE_SECRET_KEY, gateway.is_live()
    if settings.STRIPE_API_BASE and not settings.DEVELOPMENT:
        found.append(
            Error(
                "STRIPE_API_BASE points to a stand-in for Stripe while DEBUG is off: unpaid gifts would be receipted.",
                hint="Unset STRIPE_API_BASE to use Stripe itself.",
                id="donations.E001",
            )
        )
    if is_live and settings.DEVELOPMENT:
        found.append(
            Error(
                "STRIPE_SECRET_KEY is a live key while DEBUG is on: real cards would be charged from development.",
                hint="Use a key that starts with sk_test_, or switch DEBUG off.",
                id="donations.E002",
            )
        )
    if is_live and settings.STRIPE_API_BASE:
        found.append(
            Error(
                "STRIPE_SECRET_KEY is a live key and would be sent to a stand-in.",
                hint="Unset STRIPE_API_BASE, or use a key that starts with sk_test_.",
                id="donations.E003",
            )
        )
    for currency, amount in settings.REFUND_ALONE_UP_TO.items():
        try:
            money.parse(amount, currency)
        except Invalid as refusal:
            found.append(
                Error(
                    f"REFUND_ALONE_UP_TO has {currency}={amount}: {refusal}",
                    hint='Write currencies and amounts as in "HKD=10000,XOF=750000".',
                    id="donations.E004",
                )
            )
    if key and not [secret for secret in settings.STRIPE_WEBHOOK_SECRETS if secret.strip()]:
        found.append(
            Warning(
                "STRIPE_WEBHOOK_SECRETS is empty: webhooks are refused, and payments are found late, by the sweep.",
                hint="Set it to the signing secret (whsec_...) of the webhook endpoint.",
                id="donations.W001",
            )
        )
    return found
