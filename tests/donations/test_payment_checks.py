"""System checks for payment settings."""

from typing import Any

import pytest

from donations.checks import check_payments

STAND_IN = "http://127.0.0.1:12111"


@pytest.mark.parametrize(
    ("debug", "base", "key", "secrets", "found"),
    [
        (True, STAND_IN, "sk_test_1", ["whsec_1"], []),
        (True, "", "sk_test_1", ["whsec_1"], []),
        (False, "", "sk_live_1", ["whsec_1"], []),
        (False, "", "", [], []),
        (False, STAND_IN, "sk_test_1", ["whsec_1"], ["donations.E001"]),
        (False, "https://stripe.example.org", "sk_test_1", ["whsec_1"], ["donations.E001"]),
        (True, "", "sk_live_1", ["whsec_1"], ["donations.E002"]),
        (True, "", "rk_live_1", ["whsec_1"], ["donations.E002"]),
        (True, STAND_IN, "sk_live_1", ["whsec_1"], ["donations.E002", "donations.E003"]),
        (False, "", "sk_live_1", [" "], ["donations.W001"]),
    ],
)
def test_dangerous_payment_settings_are_reported(  # noqa: PLR0917 - one column each
    settings: Any, debug: bool, base: str, key: str, secrets: list[str], found: list[str]
) -> None:
    settings.DEVELOPMENT, settings.STRIPE_API_BASE = debug, base
    settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRETS = key, secrets

    assert [message.id for message in check_payments(None)] == found


@pytest.mark.parametrize("limits", [{"HKD": "ten"}, {"HKX": "10"}, {"XOF": "1.5"}])
def test_a_limit_of_refunds_that_cannot_be_read_is_reported(settings: Any, limits: dict[str, str]) -> None:
    settings.REFUND_ALONE_UP_TO = limits

    assert "donations.E004" in [message.id for message in check_payments(None)]
