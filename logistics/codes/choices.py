"""Code lists as choices of a form, each named in the reader's language."""

from zoneinfo import available_timezones

from babel.numbers import get_currency_name
from django.utils.translation import get_language

from logistics.codes import codes

Choices = list[tuple[str, str]]
Grouped = list[tuple[str, str | Choices]]


def countries() -> Choices:
    """Return all countries by name, after an empty choice."""
    named = [
        (country.code, country.name_fr if _is_french() else country.name_en) for country in codes.countries().values()
    ]
    return [("", "–"), *sorted(named, key=lambda country: country[1])]


def currencies() -> Choices:
    """Return all currencies by code, "HKD – Hong Kong Dollar", after an empty choice."""
    language = "fr" if _is_french() else "en"
    return [
        ("", "–"),
        *((code, f"{code} – {get_currency_name(code, locale=language)}") for code in sorted(codes.currencies())),
    ]


def time_zones() -> Grouped:
    """Return the time zones that are named for a place, by continent or ocean, and UTC."""
    groups: dict[str, Choices] = {}
    for name in sorted(available_timezones()):
        area, _, place = name.partition("/")
        if place and area in AREAS:
            groups.setdefault(area, []).append((name, place.replace("_", " ")))
    return [("UTC", "UTC"), *groups.items()]


AREAS = frozenset({"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"})


def _is_french() -> bool:
    return (get_language() or "en").startswith("fr")
