"""Valid gift amounts: above zero and, by card, neither too small nor too large."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from donations.stripe.amounts import AmountNotChargeable, to_stripe_amount
from logistics import wording
from logistics.errors import Invalid
from logistics.money import amounts as money

# Below these a card payment costs more than it brings; in major units. Other currencies: one major unit.
SMALLEST: Final[Mapping[str, int]] = {
    "HKD": 10, "CNY": 10, "TWD": 40, "JPY": 200, "KRW": 2000, "THB": 50, "PHP": 80, "INR": 100, "XOF": 500, "XAF": 500,
    "GNF": 10_000, "MGA": 5000, "UGX": 5000, "IDR": 20_000, "VND": 30_000, "HUF": 500, "CLP": 1000, "DKK": 10,
    "NOK": 10, "SEK": 10, "CZK": 30, "ZAR": 20, "MXN": 20,
}  # fmt: skip


def parse(text: str, currency: str, *, field: str = "amount") -> int:
    """Parse the amount of a card gift, a decimal string, and return minor units.

    Raises Invalid as `read` does, and for amounts too small or too large for a card payment in that currency.
    """
    amount_minor = read(text, currency, field=field)
    _check_size(amount_minor, currency, field)
    return amount_minor


def read(text: str, currency: str, *, field: str = "amount") -> int:
    """Parse a decimal string and return minor units: "500.50" HKD is 50050, "65500" XOF is 65500.

    Raises Invalid for zero and for anything that is not an amount in that currency.
    """
    amount_minor = money.parse(text, currency, field=field)
    if amount_minor == 0:
        raise Invalid(_("The amount must be more than zero."), field=field, code="amount_zero")
    return amount_minor


def _check_size(amount_minor: int, currency: str, field: str) -> None:
    smallest_minor = smallest(currency)
    if amount_minor < smallest_minor:
        raise Invalid(
            _("The smallest gift by card is %(amount)s.")
            % {"amount": money.printed(smallest_minor, currency, [wording.page_language()])},
            field=field,
            code="amount_too_small",
        )
    try:
        to_stripe_amount(amount_minor, currency)
    except AmountNotChargeable as refusal:
        raise Invalid(str(refusal), field=field, code=refusal.code) from refusal


def smallest(currency: str) -> int:
    """Return the smallest gift by card, in minor units."""
    return money.to_minor(Decimal(SMALLEST.get(currency, 1)), currency)
