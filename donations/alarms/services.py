"""Alarms of online giving: payment attempts, declined cards and challenges of the last hour, against their usual range.

The usual range comes from the hours of the last four weeks: from a quarter of a quiet one to three times a busy one
(the 5th and the 95th percentile, so that an earlier attack of some hours does not widen it).
"""

from datetime import datetime, timedelta
from typing import Final, TypedDict, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Model, QuerySet
from django.db.models.functions import TruncHour
from django.utils.translation import gettext_noop

from donations.challenges.models import Challenge
from donations.payments.models import Decline, PaymentAttempt
from logistics.charity.models import Charity
from logistics.health import services as health
from logistics.mail import services as mail
from logistics.people.models import User
from logistics.roles import Role

HOUR: Final = timedelta(hours=1)
HOURS: Final = 28 * 24
CHECK: Final = "giving"  # its name among the health checks
# What is counted: its rows, and the column with their time.
COUNTED: Final[dict[str, tuple[type[Model], str]]] = {
    "attempts": (PaymentAttempt, "created_at"),
    "declines": (Decline, "declined_at"),
    "challenges": (Challenge, "issued_at"),
}
NAMES: Final = {
    "attempts": gettext_noop("Payment attempts"),
    "declines": gettext_noop("Declined cards"),
    "challenges": gettext_noop("Challenges"),
}


class HourlyCount(TypedDict):
    """What the last look found: the count of an hour, its usual range, and whether it was outside."""

    count: int
    low: int
    high: int
    outside: bool


def last_hour(*, at: datetime) -> dict[str, int]:
    """Return how many attempts, declines and challenges there were within the last hour."""
    return {what: _between(what, at - HOUR, at).count() for what in COUNTED}


def last_look() -> dict[str, HourlyCount]:
    """Return what `look` found last."""
    return cast(dict[str, HourlyCount], health.findings(CHECK))


def _between(what: str, start: datetime, end: datetime) -> QuerySet[Model]:
    model, column = COUNTED[what]
    return model._default_manager.filter(**{f"{column}__gt": start, f"{column}__lte": end})


def usual_range(what: str, *, at: datetime) -> tuple[int, int]:
    """Return the least and the most that an hour usually has."""
    until = at.replace(minute=0, second=0, microsecond=0)
    rows = _between(what, until - HOURS * HOUR, until).order_by().annotate(hour=TruncHour(COUNTED[what][1]))
    counted = list(rows.values("hour").annotate(rows=Count("pk")).values_list("rows", flat=True))
    hours = sorted([0] * (HOURS - len(counted)) + counted)
    quiet, busy = hours[HOURS * 5 // 100], hours[HOURS * 95 // 100]
    return quiet // 4, max(settings.GIVE_ALARM_FLOORS[what], 3 * busy)


@transaction.atomic
def look(*, at: datetime) -> dict[str, HourlyCount]:
    """Compare the last hour with the usual range, keep the outcome for /metrics, and mail finance what left it.

    One mail for each time that a count leaves its range.
    """
    before = cast(dict[str, HourlyCount], health.findings(CHECK, locked=True))
    found: dict[str, HourlyCount] = {}
    for what, count in last_hour(at=at).items():
        low, high = usual_range(what, at=at)
        found[what] = HourlyCount(count=count, low=low, high=high, outside=not low <= count <= high)
    health.record(CHECK, cast(dict[str, object], found))
    known = {what for what, one in before.items() if one["outside"]}
    new = [what for what, one in found.items() if one["outside"] and what not in known]
    if new:
        _mail(new, found, at=at)
    return found


def _mail(new: list[str], found: dict[str, HourlyCount], *, at: datetime) -> None:
    rows = [{"name": NAMES[what], **found[what]} for what in new]
    for email, language in recipients(at):
        mail.notify(
            "giving-alarm",
            to=email,
            template="donations/mail/giving_alarm.txt",
            context={"rows": rows},
            language=language,
        )


def recipients(at: datetime) -> list[tuple[str, str]]:
    """Return email and language of those in finance; before there is anybody, the charity's own."""
    finance = User.objects.with_role(Role.FINANCE, at=at)
    charity = Charity.objects.values_list("email", flat=True)
    return list(finance.values_list("email", "language")) or [(email, "en") for email in charity]
