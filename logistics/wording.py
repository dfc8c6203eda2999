"""Numbers, dates and fixed words as papers print them, in one language or in two side by side.

A paper in one language follows that language (Babel, CLDR). A paper in two languages cannot: 6,490.110 in
English is 6 490,110 in French, and each may be misread by readers of the other. Such a paper uses one neutral form,
ISO 80000-1: groups of three separated by a space, decimals after a point ("6 490.110"), and says so.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date
from babel.numbers import format_decimal
from django.utils import timezone, translation

# Non-breaking, so that a number stays on one line; the narrow one is invisible in small print.
GROUP = "\N{NO-BREAK SPACE}"
# Day before month, as in Hong Kong and in French.
DATE_LOCALE = {"en": "en_GB"}


def of_moment(name: object, at: object) -> str:
    """Return "donor, 2026-03-02 10:15": a name for a row that has no number and whose own name is kept out of logs.

    `at` is in the time zone of the page. A row that is not stored yet has no moment, and the bare name.
    """
    return f"{name}, {timezone.localtime(at):%Y-%m-%d %H:%M}" if isinstance(at, datetime) else str(name)


def page_language() -> str:
    """Return the language of the current page, mail or answer: "en", "fr"."""
    return (translation.get_language() or "en")[:2]


@lru_cache(maxsize=4096)
def translated(message: str, language: str) -> str:
    """Return the message in that language, or the English message itself if there is no translation."""
    with translation.override(language):
        return translation.gettext(message)


@lru_cache(maxsize=4096)
def translated_count(singular: str, plural: str, count: int, language: str) -> str:
    """Return the form for that count, in that language."""
    with translation.override(language):
        return translation.ngettext(singular, plural, count)


def number(value: str | int, languages: Sequence[str]) -> str:
    """Print a decimal string or a whole number with exactly the decimals that it has, "" as a dash."""
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
    """Return the share of one decimal in another in per cent, rounded; 0 and 100 mean exactly none and all."""
    some, every = Decimal(part), Decimal(whole)
    if every == 0 or some == 0:
        return 0
    return 100 if some == every else min(99, max(1, round(100 * some / every)))


def day(iso_date: str, languages: Sequence[str]) -> str:
    """Print an ISO 8601 date: in words for one language, as 2026-02-27 for two.

    Raises ValueError for anything else, such as a timestamp, whose date depends on the time zone.
    """
    printed = date.fromisoformat(iso_date)
    if len(languages) > 1:
        return printed.isoformat()
    return format_date(printed, format="long", locale=DATE_LOCALE.get(languages[0], languages[0]))
