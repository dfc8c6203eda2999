"""Alarms: figures of the last hour against their usual range, in /metrics and by mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from donations.alarms import services as alarms
from donations.challenges.models import Challenge
from logistics.mail.models import Email
from logistics.roles import Role
from tests.donations.giving import Giving
from tests.makers.people import make_user

NOW = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def challenges(times: int, at: datetime) -> None:
    Challenge.objects.bulk_create(
        Challenge(method="proof", purpose="x", issued_at=at, expires_at=at + HOUR) for _ in range(times)
    )


@pytest.fixture
def floors(settings: Any) -> None:
    settings.GIVE_ALARM_FLOORS = {"attempts": 100, "declines": 3, "challenges": 3}


@pytest.mark.usefixtures("floors", "db")
def test_an_unusual_hour_is_mailed_once_to_finance_until_it_is_over() -> None:
    make_user(Role.FINANCE, email="fiona@example.org")
    make_user(Role.FINANCE, email="francois@example.org", language="fr")
    make_user(Role.FINANCE, ends_at=NOW)
    make_user(Role.WAREHOUSE)
    challenges(4, NOW)

    for minute in range(3):
        alarms.look(at=NOW + timedelta(minutes=minute))
    alarms.look(at=NOW + 2 * HOUR)
    challenges(4, NOW + 3 * HOUR)
    alarms.look(at=NOW + 3 * HOUR)

    told = Email.objects.filter(kind="giving-alarm").order_by("id").values_list("to", "subject")
    english, french = "Unusual activity in online giving", "Activité inhabituelle des dons en ligne"
    assert list(told) == 2 * [("fiona@example.org", english), ("francois@example.org", french)]
    assert "- Challenges: 4 (usually 0 to 3 an hour)" in Email.objects.filter(to="fiona@example.org")[0].body


@pytest.mark.usefixtures("floors", "db")
def test_the_usual_range_comes_from_four_weeks_and_an_attack_does_not_widen_it() -> None:
    for hours in range(1, 28 * 24 + 1):
        challenges(4, NOW - hours * HOUR + timedelta(minutes=10))
    for hours in range(30, 40):
        challenges(100, NOW - hours * HOUR)

    assert alarms.usual_range("challenges", at=NOW) == (1, 12)
    found = alarms.look(at=NOW)
    assert {what: one["outside"] for what, one in found.items()} == {
        "attempts": False,
        "declines": False,
        "challenges": False,
    }
    Challenge.objects.filter(issued_at__gt=NOW - HOUR).delete()
    assert alarms.look(at=NOW)["challenges"]["outside"]  # an hour without any is unusual, too


@pytest.mark.usefixtures("floors")
def test_metrics_show_the_hour_its_range_and_the_alarm(giving: Giving) -> None:
    giving.give()
    challenges(4, datetime.now(UTC))
    alarms.look(at=datetime.now(UTC))

    body = Client().get("/metrics").content.decode()

    for line in (
        'giving_last_hour{what="attempts"} 1.0',
        'giving_last_hour{what="challenges"} 4.0',
        'giving_usual_range{end="high",what="challenges"} 3.0',
        'giving_alarm{what="attempts"} 0.0',
        'giving_alarm{what="challenges"} 1.0',
    ):
        assert line in body, body
