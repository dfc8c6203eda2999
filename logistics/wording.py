"""Numbers, days and fixed words as a paper prints them, in one language or side by side.

A paper in one language follows that language (Babel, CLDR). A paper in two languages cannot: 6,490.110 in
English is 6 490,110 in French, and either may be misread by the other. Such a paper uses one neutral form,
ISO 80000-1: groups of three apart by a space, decimals after a point ("6 490.110"), and says so on its face.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal
from django.utils import translation

# Unbreakable, so that a number is never torn over two lines; the narrow one is invisible in small print.
GROUP = "\N{NO-BREAK SPACE}"
# Day before month, as in Hong Kong and in French.
DATE_LOCALE = {"en": "en_GB"}


def page_language() -> str:
    """Return the language that the page, mail or answer at hand is written in: "en", "fr"."""
    return (translation.get_language() or "en")[:2]


@lru_cache(maxsize=4096)
def translated(message: str, language: str) -> str:
    """The message in that language, or the English message itself where there is no translation."""
    with translation.override(language):
        return translation.gettext(message)


@lru_cache(maxsize=4096)
def translated_count(singular: str, plural: str, count: int, language: str) -> str:
    """The right one of two forms for that count, in that language."""
    with translation.override(language):
        return translation.ngettext(singular, plural, count)


def number(value: str | int, languages: Sequence[str]) -> str:
    """Print a decimal string or a whole number with exactly the decimals that it was given, "" as a dash."""
    if value == "":
        return "–"
    amount = Decimal(value)
    exponent = amount.as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else 0
    if len(languages) > 1:
        return f"{amount:,.{decimals}f}".replace(",", GROUP)
    places = "." + "0" * decimals if decimals else ""
    printed = format_decimal(amount, format=f"#,##0{places}", locale=languages[0])
    return printed.replace("\N{NARROW NO-BREAK SPACE}", GROUP)


def whole_percent(part: str, whole: str) -> int:
    """The share of one decimal in another, rounded; 0 and 100 are kept for none and all."""
    some, every = Decimal(part), Decimal(whole)
    if every == 0 or some == 0:
        return 0
    return 100 if some == every else min(99, max(1, round(100 * some / every)))


def day(iso_date: str, languages: Sequence[str]) -> str:
    """Print a date: in words in one language, as 2026-02-27 (ISO 8601) where two must agree on it.

    Raises ValueError for anything else, such as a moment: its day depends on where one stands.
    """
    printed = date.fromisoformat(iso_date)
    if len(languages) > 1:
        return printed.isoformat()
    return format_date(printed, format="long", locale=DATE_LOCALE.get(languages[0], languages[0]))
