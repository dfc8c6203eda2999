"""Datetimes become dates only in `logistics.charity.services`, so that no date is in UTC by accident."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import APPS, ROOT, SOURCES

THE_PLACE = "logistics/charity/services.py"
# Each takes a date, a year or a local time from a datetime, or a datetime from a date.
CALLS = {
    "date", "today", "now", "utcnow", "localdate", "localtime", "astimezone", "strftime", "fromtimestamp", "make_naive",
    "make_aware", "isocalendar", "timetuple", "format_datetime", "format_time",
}  # fmt: skip
PARTS = {"year", "month", "day"}
NAMES = re.compile(r"ZoneInfo|Trunc(Date|Day|Week|Month|Quarter|Year)|Extract\w+|TodayArchiveView")
LOOKUP = re.compile(r"_at__(date|year|iso_year|month|day|week|week_day|quarter|time|hour)\b")
SQL = re.compile(
    r"\bCURRENT_DATE\b|\bdate_trunc\(|::date\b|\bto_char\(|\bAT TIME ZONE\b|extract\((year|month|day)", re.I
)
# (file, call): why it is allowed.
ALLOWED = {
    (
        "logistics/audit/services.py",
        "astimezone",
    ): "The text that is hashed names UTC, whatever the reader's time zone.",
    ("logistics/forms.py", "make_aware"): "A day typed in the admin ends at midnight of the charity's zone.",
    ("logistics/forms.py", "localdate"): "The same, shown again.",
    ("logistics/wording.py", "localtime"): "The moment in a row's name, in the time zone of the page.",
    ("logistics/ids.py", "fromtimestamp"): "The milliseconds of an id become a moment.",
    ("logistics/exports.py", "localdate"): "The day in a file's name, by the clock of the admin.",
    ("logistics/exports.py", "astimezone"): "Moments in the file, by the clock of the admin.",
    ("donations/gifts/trail.py", "localtime"): "A moment on the gift's page, in the charity's time zone.",
    ("donations/stripe/facts.py", "fromtimestamp"): "Stripe's seconds become a moment.",
}
# Admin pages, where config.middleware.LocalTimeMiddleware sets the charity's time zone as local time.
OF_THE_ADMIN = {
    "logistics/templates/partners/issue_key.html", "logistics/templates/pages/dashboard.html",
    "logistics/templates/people/second_factor.html", "logistics/templates/partners/refused_text.html",
    "donations/templates/donations/admin/gift_story.html",
}  # fmt: skip
TEMPLATES = [
    path for app in APPS for path in (ROOT / app).rglob("templates/**/*") if path.suffix in (".html", ".txt", ".xml")
]
SHOWN = re.compile(r"([\w.]+)\|(?:date|time|timesince|timeuntil|naturalday|naturaltime|localtime|utc|timezone)\b")
MOMENT = re.compile(r"\{\{ *([\w.]*_at)\b|\{% *now\b")
PLACES = {"loading_place", "hand_over_place"}  # of a waybill


def is_a_day(value: ast.expr) -> bool:
    """Return whether a name is a date: `issued_on`, or the result of the one function. A row's own year is a column."""
    named = ast.unparse(value)
    return named == "self" or named.endswith("_on") or bool(re.fullmatch(r"(charities\.)?day_of\(.*\)", named))


def days_made_in(tree: ast.AST) -> Iterator[str]:
    """Return the calls in a module that make a date, a year or a local time."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            if node.func.attr != "now" or ast.unparse(node.func.value) != "timezone":
                yield node.func.attr
        elif isinstance(node, ast.Attribute) and node.attr in PARTS and id(node) not in called:
            if not is_a_day(node.value):
                yield f".{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if NAMES.fullmatch(alias.name))
        elif isinstance(node, ast.Subscript) and ".isoformat(" in ast.unparse(node.value):
            yield "isoformat()[...]"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found[0] for found in SQL.finditer(node.value))
            yield from (found[0] for found in LOOKUP.finditer(node.value))
        elif isinstance(node, ast.keyword) and node.arg and LOOKUP.search(node.arg):
            yield node.arg


def days_shown_in(text: str) -> Iterator[str]:
    """Return what in a template makes a date or shows a datetime."""
    for found in SHOWN.finditer(text):
        if not found[1].endswith("_on") and found[1] != "no_longer_valid_since":
            yield found[0]
    for found in MOMENT.finditer(text):
        if found[1] not in PLACES:
            yield found[0]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_only_one_function_turns_datetimes_into_dates():
    made = {
        (name_of(path), what)
        for path in SOURCES
        if name_of(path) != THE_PLACE
        for what in days_made_in(ast.parse(path.read_text()))
    }

    assert made - set(ALLOWED) == set(), "use logistics.charity.services.day_of"
    assert set(ALLOWED) - made == set()


def test_templates_show_dates_and_no_datetimes():
    assert len(TEMPLATES) > 30
    shown = {(name_of(path), what) for path in TEMPLATES for what in days_shown_in(path.read_text())}

    assert {(path, what) for path, what in shown if path not in OF_THE_ADMIN} == set()
    assert {path for path, _ in shown} == OF_THE_ADMIN


@pytest.mark.parametrize(
    "code",
    [
        "at.date()", "at.year", "timezone.localdate()", "date.today()", "datetime.now()", "created_at.strftime('%Y')",
        "at.isoformat()[:10]", "rows.filter(created_at__date=day)", "F('created_at__year')", "'SELECT CURRENT_DATE'",
        "from zoneinfo import ZoneInfo", "from django.db.models.functions import TruncMonth",
    ],
)  # fmt: skip
def test_a_date_in_utc_is_detected(code: str):
    assert list(days_made_in(ast.parse(code)))


@pytest.mark.parametrize("code", ["timezone.now()", "issued_on.year", "charities.day_of(at).year", "on.isoformat()"])
def test_a_date_in_the_charitys_time_zone_is_accepted(code: str):
    assert not list(days_made_in(ast.parse(code)))


@pytest.mark.parametrize("text", ["{{ paper.issued_at|date:'Y' }}", "{{ paper.issued_at }}", "{% now 'Y' %}"])
def test_a_datetime_in_a_template_is_detected(text: str):
    assert list(days_shown_in(text))
