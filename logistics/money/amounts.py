"""Amounts of money: stored as minor units of an ISO 4217 currency, exchanged as decimal strings, printed as text.

50050 HKD is "500.50", 65500 XOF is "65500", 1500 KWD is "1.500".
"""

import re
from collections.abc import Sequence
from decimal import Decimal

from babel.numbers import format_currency
from django.utils.translation import gettext as _

from logistics.codes import codes
from logistics.errors import Invalid
from logistics.wording import GROUP, number

# ASCII digits only: Python's \d and int() would also take digits of other scripts.
DECIMAL = re.compile(r"[0-9]{1,12}(?:\.([0-9]{1,12}))?", re.ASCII)
# CFA francs are written with spaces in every language of the countries that use them.
GROUPED_BY_SPACE = {"XOF", "XAF"}


def exponent(currency: str) -> int:
    """Return how many decimals a currency has: HKD 2, XOF 0, KWD 3. Raises Invalid for an unknown code."""
    known = codes.currencies().get(currency)
    if known is None:
        raise Invalid(_("%s is not a currency code of ISO 4217.") % currency, field="currency", code="unknown_currency")
    return known.exponent


def parse(text: str, currency: str, *, field: str = "amount", most: int | None = None) -> int:
    """Return the minor units of an amount written as a decimal string; `most` is in whole units of the currency.

    Raises Invalid for an unknown currency, for anything but a decimal string, for more decimals than the currency has,
    and for more than `most`.
    """
    decimals = exponent(currency)
    written = DECIMAL.fullmatch(text)
    if written is None:
        raise Invalid(
            _('Write the amount in digits, with a decimal point if needed: "500.50".'),
            field=field,
            code="not_an_amount",
        )
    if len((written[1] or "").rstrip("0")) > decimals:
        raise too_many_decimals(currency, field)
    if most is not None and Decimal(text) > most:
        raise Invalid(_("At most %(most)d.") % {"most": most}, field=field, code="too_large")
    return to_minor(Decimal(text), currency)


def too_many_decimals(currency: str, field: str) -> Invalid:
    """Return the error for more decimals than the currency has."""
    return Invalid(
        _("%(currency)s has %(decimals)d decimals; this amount has more.")
        % {"currency": currency, "decimals": exponent(currency)},
        field=field,
        code="too_many_decimals",
    )


def to_minor(amount: Decimal, currency: str) -> int:
    """Return the minor units of an amount in whole units, which has no more decimals than the currency.

    Raises Invalid for an unknown currency.
    """
    return int(amount.scaleb(exponent(currency)))


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """Return the amount in whole units, with as many decimals as the currency has: 50050 HKD is 500.50."""
    # Stored currencies were checked, so an unknown one is a bug, not bad input.
    return Decimal(amount_minor).scaleb(-codes.currencies()[currency].exponent)


def decimal_string(amount_minor: int, currency: str) -> str:
    """Return the decimal string that `parse` reads, with exactly the decimals of the currency: 112500 HKD is 1125.00"""
    decimals = codes.currencies()[currency].exponent
    if not decimals:
        return str(amount_minor)
    digits = str(abs(amount_minor)).rjust(decimals + 1, "0")
    return f"{'-' if amount_minor < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def printed(amount_minor: int, currency: str, languages: Sequence[str]) -> str:
    """Print an amount with its currency: HK$500.50, XOF 65 500, EUR 1 250.00; in French 1 250,00 EUR.

    The symbol is used only for Hong Kong dollars in English, where it is not ambiguous; otherwise the ISO 4217 code
    precedes the amount, and in French follows it.
    """
    amount = from_minor(amount_minor, currency)
    if currency == "HKD" and len(languages) == 1 and languages[0] == "en":
        return format_currency(amount, "HKD", locale="en")
    grouping = ["fr"] if currency in GROUPED_BY_SPACE else languages
    if list(languages) == ["fr"]:
        return f"{number(str(amount), grouping)}{GROUP}{currency}"
    return f"{currency}{GROUP}{number(str(amount), grouping)}"
