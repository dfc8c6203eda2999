"""Amounts as people type them: "10,000", "1 250,50", "HK$ 500". Ambiguous amounts are asked back, never guessed.

One full stop or comma before exactly three digits may group or be the decimal point. Everything else is unambiguous:

| typed on a page in      | HKD, EUR (2 decimals)       | XOF, JPY (none) | KWD, TND (3)                |
|-------------------------|-----------------------------|-----------------|-----------------------------|
| English: 10,000         | 10000                       | 10000           | asked: 10000.000 or 10.000  |
| English: 10.000         | asked: 10000.00 or 10.00    | 10000           | 10.000                      |
| French: 10,000          | asked: 10000.00 or 10.00    | 10000           | 10.000                      |
| French: 10.000          | asked: 10000.00 or 10.00    | 10000           | asked: 10000.000 or 10.000  |
| English 10.555, French 10,555 | asked: 10555.00?      | 10555           | 10.555                      |
| both: 10,5 and 10.5     | 10.50                       | refused         | 10.500                      |
| both: 0.500 (one zero too many) | asked: 0.50?        | refused         | 0.500                       |
| both: 1.250,50 and 1,250.50 | 1250.50                 | refused         | 1250.500                    |
| both: 1,000,000, 1.000.000, 1,00,000 (Indian), 10 000, 10'000 (Swiss) | grouped: whole amounts   |||

Digits may be of any one script. The Arabic ٫ (decimal) and ٬ (thousands) keep their meaning. A currency may come before
or after the number: the chosen one is accepted in any spelling that only it has, an ambiguous "$" is asked back, any
other is refused by name. Signs, exponents and words are refused. Limits are never used to choose between two readings.

Babel's parse_decimal cannot do this: it reads French "10,000" as 10 and "1e3" as 1000, and it knows no currencies.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from babel.numbers import get_currency_symbol, get_decimal_symbol, get_group_symbol
from django.utils.translation import gettext as _

from logistics.codes import codes
from logistics.errors import Invalid
from logistics.money import amounts
from logistics.wording import number

LONGEST: Final = 40  # characters; the largest amount with its currency has about 25
ARABIC_DECIMAL, ARABIC_THOUSANDS = "\N{ARABIC DECIMAL SEPARATOR}", "\N{ARABIC THOUSANDS SEPARATOR}"
_SPACES = "\N{NO-BREAK SPACE}\N{FIGURE SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}"
_INVISIBLE = "\N{LEFT-TO-RIGHT MARK}\N{RIGHT-TO-LEFT MARK}\N{ARABIC LETTER MARK}\N{ZERO WIDTH SPACE}\ufeff"
_SAME_SIGN: Final = str.maketrans(
    dict.fromkeys(_SPACES, " ")
    | dict.fromkeys(_INVISIBLE, "")
    | dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}\N{FULLWIDTH APOSTROPHE}", "'")
    | {"\N{FULLWIDTH FULL STOP}": ".", "\N{FULLWIDTH COMMA}": ",", "\N{FULLWIDTH DOLLAR SIGN}": "$"}
)
_SIGNS = f".,' {ARABIC_DECIMAL}{ARABIC_THOUSANDS}"
_PARTS: Final = re.compile(rf"(?P<before>[^0-9{_SIGNS}][^0-9]*|)(?P<number>[0-9{_SIGNS}]*[0-9])(?P<after>[^0-9]*)")
_IN_THREES: Final = re.compile(r"[1-9][0-9]{0,2}(?:[^0-9][0-9]{3})+")
_INDIAN: Final = re.compile(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")

# Besides Babel's English and French symbols. "$" is used for many currencies, "¥" for two.
_ALSO_WRITTEN: Final[Mapping[str, Sequence[str]]] = {
    "$": ("USD", "HKD", "CAD", "AUD", "NZD", "SGD", "TWD", "MXN", "BRL", "CLP", "COP", "ARS"),
    "¥": ("JPY", "CNY"),
    "￥": ("JPY", "CNY"),
    "CFA": ("XOF", "XAF"),
    "FCFA": ("XOF", "XAF"),
    "US$": ("USD",),
    "NT$": ("TWD",),
    "S$": ("SGD",),
    "RMB": ("CNY",),
    "FR.": ("CHF",),
    "RS": ("INR", "PKR"),
    "RS.": ("INR", "PKR"),
}


class AmountUnclear(Invalid):
    """The text may mean several amounts, or one written in an unusual way; `readings` are in minor units."""

    def __init__(self, readings: Sequence[int], currency: str, language: str, *, field: str = "amount") -> None:
        self.readings = sorted(set(readings), reverse=True)
        *others, last = (amounts.printed(one, currency, [language]) for one in self.readings)
        asked = (
            _("Do you mean %(amounts)s or %(last)s?") % {"amounts": ", ".join(others), "last": last}
            if others
            else _("Do you mean %(amount)s?") % {"amount": last}
        )
        super().__init__(asked, field=field, code="amount_unclear")


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to split a number into its whole part and its decimals."""

    whole: str
    decimals: str

    def minor(self, exponent: int) -> int | None:
        """Return the minor units; None for a fraction that the currency does not have."""
        decimals = self.decimals.rstrip("0")
        if len(decimals) > exponent:
            return None
        return int(self.whole + decimals.ljust(exponent, "0"))


def read(text: str, currency: str, language: str, *, field: str = "amount") -> int:
    """Return the minor units of an amount that a person typed on a page in `language` ("en" or "fr").

    Raises AmountUnclear with the amounts that it may mean, Invalid for anything but an amount, for another currency
    than the chosen one, for more decimals than the currency has, and for zero.
    """
    exponent = amounts.exponent(currency)
    parts = _PARTS.fullmatch(_plain(text)) if len(text) <= LONGEST else None
    if parts is None:
        raise _not_an_amount(language, field)
    currency_is_sure = _check_currency(parts["before"], parts["after"], currency, language, field)
    readings = list(_readings(parts["number"]))
    if not readings or any(len(one.whole) > 12 for one in readings):
        raise _not_an_amount(language, field)
    possible = [minor for one in readings if (minor := one.minor(exponent)) is not None]
    if not possible:
        raise amounts.too_many_decimals(currency, field)
    if 0 in possible:
        raise Invalid(_("The amount must be more than zero."), field=field, code="amount_zero")
    clear = _clear(readings, parts["number"], exponent, language)
    if clear is None or not currency_is_sure:
        minor = clear.minor(exponent) if clear else None
        raise AmountUnclear(possible if minor is None else [minor], currency, language, field=field)
    minor = clear.minor(exponent)
    assert minor is not None
    return minor


def answered(unclear: AmountUnclear, answer: str, currency: str) -> int:
    """Return the offered amount that the answer (a decimal string) names; raises `unclear` again for any other."""
    for reading in unclear.readings:
        if answer == amounts.decimal_string(reading, currency):
            return reading
    raise unclear


def _not_an_amount(language: str, field: str) -> Invalid:
    example = number("1250.50", [language])
    return Invalid(
        _("We cannot read this amount. Write it in digits, for example %(example)s.") % {"example": example},
        field=field,
        code="not_an_amount",
    )


def _plain(text: str) -> str:
    """Return the text with ASCII digits and one sign for each kind of separator.

    Digits of two scripts in one number stay as they are and are then refused: they can look alike and differ.
    """
    text = text.translate(_SAME_SIGN).strip()
    scripts = {ord(sign) - unicodedata.decimal(sign) for sign in text if sign.isdecimal()}
    if len(scripts) != 1:
        return text
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _readings(written: str) -> Iterator[_Reading]:
    """Yield every way to split a number that follows the rules of grouping: two at most."""
    for point in ("", ".", ",", ARABIC_DECIMAL):
        whole, found, decimals = written.rpartition(point) if point else (written, "", "")
        if point and (not found or not decimals.isdigit()):
            continue
        signs = set(whole) - set("0123456789")
        if point in signs or ARABIC_DECIMAL in signs or len(signs) > 1 or not (whole or point):
            continue
        if signs and not _IN_THREES.fullmatch(whole) and not _INDIAN.fullmatch(whole):
            continue
        yield _Reading("".join(filter(str.isdigit, whole)) or "0", decimals)


def _clear(readings: list[_Reading], written: str, exponent: int, language: str) -> _Reading | None:
    """Return the unambiguous reading, by the table above; None if the person must be asked."""
    if len(readings) == 1:
        return readings[0] if len(readings[0].decimals) <= exponent else None
    grouped, pointed = readings
    [sign] = set(written) - set("0123456789")
    if exponent == 0 or (sign == get_group_symbol(language) and exponent < 3):
        return grouped
    return pointed if sign == get_decimal_symbol(language) and exponent >= 3 else None


def _check_currency(before: str, after: str, currency: str, language: str, field: str) -> bool:
    """Raise Invalid for another currency than the chosen one; return whether the text is unambiguous about it."""
    is_sure = True
    for written in filter(None, ("".join(side.split()).upper() for side in (before, after))):
        meant = _currencies_written().get(written)
        if meant is None:
            raise _not_an_amount(language, field)
        if currency not in meant:
            [code] = meant if len(meant) == 1 else [written]
            raise Invalid(
                _("This is an amount in %(currency)s; you wrote %(written)s. Leave it out or choose that currency.")
                % {"currency": currency, "written": written if written == code else f"{written} ({code})"},
                field=field,
                code="another_currency",
            )
        is_sure &= len(meant) == 1 or written == _symbol(currency, language)
    return is_sure


def _symbol(currency: str, language: str) -> str:
    return "".join(get_currency_symbol(currency, language).split()).upper()


@cache
def _currencies_written() -> dict[str, frozenset[str]]:
    """Return the spellings of currencies, without spaces and in upper case -> the currencies that they may mean."""
    found: dict[str, set[str]] = defaultdict(set)
    for currency in codes.currencies():
        for written in (currency, _symbol(currency, "en"), _symbol(currency, "fr")):
            found[written].add(currency)
    for written, currencies in _ALSO_WRITTEN.items():
        found[written].update(currencies)
    return {written: frozenset(currencies) for written, currencies in found.items()}
