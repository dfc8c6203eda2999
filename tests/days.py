"""Moments around New Year, and the public dates of a paper."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from logistics.documents.models import Document

HONG_KONG, NEW_YORK = "Asia/Hong_Kong", "America/New_York"
OLD, NEW = date(2026, 12, 31), date(2027, 1, 1)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
IN_UTC = datetime(2027, 1, 1, tzinfo=UTC)
NEW_YEAR = {HONG_KONG: IN_UTC - timedelta(hours=8), NEW_YORK: IN_UTC + timedelta(hours=5)}

# (time zone of the charity, moment, date there)
AT_MIDNIGHT = [
    pytest.param(HONG_KONG, NEW_YEAR[HONG_KONG] - MINUTE, OLD, id="Hong Kong 23:59"),
    pytest.param(HONG_KONG, NEW_YEAR[HONG_KONG] + MINUTE, NEW, id="Hong Kong 00:01"),
    pytest.param(NEW_YORK, NEW_YEAR[NEW_YORK] - MINUTE, OLD, id="New York 23:59"),
    pytest.param(NEW_YORK, NEW_YEAR[NEW_YORK] + MINUTE, NEW, id="New York 00:01"),
]
AT_MIDNIGHT_IN_UTC = [
    pytest.param(HONG_KONG, IN_UTC - MINUTE, NEW, id="Hong Kong 07:59"),
    pytest.param(HONG_KONG, IN_UTC + MINUTE, NEW, id="Hong Kong 08:01"),
    pytest.param(NEW_YORK, IN_UTC - MINUTE, OLD, id="New York 18:59"),
    pytest.param(NEW_YORK, IN_UTC + MINUTE, OLD, id="New York 19:01"),
]
around_midnight = pytest.mark.parametrize(("zone", "moment", "day"), AT_MIDNIGHT)
around_both_midnights = pytest.mark.parametrize(("zone", "moment", "day"), AT_MIDNIGHT + AT_MIDNIGHT_IN_UTC)


@contextmanager
def clock_at(moment: datetime) -> Iterator[None]:
    """Freeze this process's clock at a moment; the database's clock keeps running."""
    with time_machine.travel(moment, tick=False):
        yield


def verified(document: Document) -> dict[str, Any]:
    """Return the JSON of `/verify/` for a paper, and check that its page has the same dates in both languages."""
    url = f"/verify/{document.token}/"
    told: dict[str, Any] = Client().get(url, headers={"Accept": "application/json"}).json()
    for language in ("en", "fr"):
        page = Client().get(url, headers={"Accept": "text/html", "Accept-Language": language}).content.decode()
        with translation.override(language):
            for day in filter(None, (told["issued_on"], told["no_longer_valid_since"])):
                assert date_format(date.fromisoformat(day)) in page
    return told
