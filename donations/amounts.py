"""Amounts as people and programs write them, and as we keep them: whole minor units of an ISO 4217 currency."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from donations.stripe.amounts import AmountNotChargeable, to_stripe_amount
from logistics.codes import codes
from logistics.documents import wording
from logistics.errors import Invalid

# ASCII digits only: Python's \d and int() would also take digits of other scripts.
WRITTEN = re.compile(r"[0-9]{1,12}(?:\.([0-9]{1,12}))?", re.ASCII)

# Below these a card payment costs more than it brings; in major units. Other currencies: one major unit.
SMALLEST: Final[Mapping[str, int]] = {
    "HKD": 10, "CNY": 10, "TWD": 40, "JPY": 200, "KRW": 2000, "THB": 50, "PHP": 80, "INR": 100, "XOF": 500, "XAF": 500,
    "GNF": 10_000, "MGA": 5000, "UGX": 5000, "IDR": 20_000, "VND": 30_000, "HUF": 500, "CLP": 1000, "DKK": 10,
    "NOK": 10, "SEK": 10, "CZK": 30, "ZAR": 20, "MXN": 20,
}  # fmt: skip


def parse(text: str, currency: str, *, field: str = "amount") -> int:
    """Return the minor units of a gift by card written as a decimal string.

    Raises Invalid as `read` does, and for what is too small or too large to give by card in that currency.
    """
    amount_minor = read(text, currency, field=field)
    _check_size(amount_minor, currency, field)
    return amount_minor


def read(text: str, currency: str, *, field: str = "amount") -> int:
    """Return the minor units of an amount written as a decimal string: "500.50" HKD is 50050, "65500" XOF is 65500.

    Raises Invalid for what is not such a string, for more decimals than the currency has, and for zero.
    """
    known = codes.currencies().get(currency)
    if known is None:
        raise Invalid(_("%s is not a currency code of ISO 4217.") % currency, field="currency", code="unknown_currency")
    written = WRITTEN.fullmatch(text)
    if written is None:
        raise Invalid(
            _('Write the amount with digits and, if need be, a point: "500.50".'), field=field, code="not_an_amount"
        )
    if len((written[1] or "").rstrip("0")) > known.exponent:
        raise Invalid(
            _("%(currency)s has %(decimals)d decimals; this amount has more.")
            % {"currency": currency, "decimals": known.exponent},
            field=field,
            code="too_many_decimals",
        )
    amount_minor = int(Decimal(text).scaleb(known.exponent))
    if amount_minor == 0:
        raise Invalid(_("The amount must be more than zero."), field=field, code="amount_zero")
    return amount_minor


def _check_size(amount_minor: int, currency: str, field: str) -> None:
    smallest_minor = smallest(currency)
    if amount_minor < smallest_minor:
        raise Invalid(
            _("The smallest gift by card is %(amount)s.")
            % {"amount": wording.money(smallest_minor, currency, [(get_language() or "en")[:2]])},
            field=field,
            code="amount_too_small",
        )
    try:
        to_stripe_amount(amount_minor, currency)
    except AmountNotChargeable as refusal:
        code = "amount_too_large" if "more than" in str(refusal) else refusal.code
        raise Invalid(str(refusal), field=field, code=code) from refusal


def smallest(currency: str) -> int:
    """Return the smallest gift by card, in minor units."""
    exponent = codes.currencies()[currency].exponent
    return int(SMALLEST.get(currency, 1) * 10**exponent)


def written_out(amount_minor: int, currency: str) -> str:
    """Return the decimal string that `parse` reads: 50050 HKD is "500.50"."""
    exponent = codes.currencies()[currency].exponent
    return f"{Decimal(amount_minor).scaleb(-exponent):.{exponent}f}"
