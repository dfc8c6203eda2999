"""Donation fixtures, for every test folder that makes gifts."""

from typing import Any

import pytest

from tests.donations.giving import Giving
from tests.makers.appeals import make_appeal
from tests.makers.charity import make_charity
from tests.stand_in import StandIn
from tests.stand_in.fixtures import stand_in  # noqa: F401  a fixture


@pytest.fixture
def giving(db: Any, settings: Any, tmp_path: Any, stand_in: StandIn) -> Giving:  # noqa: F811
    """A charity with an open appeal, ready for gifts; papers are stored in the test's own folder."""
    return _ready(settings, tmp_path, stand_in)


@pytest.fixture
def committed_giving(transactional_db: Any, settings: Any, tmp_path: Any, stand_in: StandIn) -> Giving:  # noqa: F811
    """The same, with real commits, for tests with threads."""
    return _ready(settings, tmp_path, stand_in)


def _ready(settings: Any, tmp_path: Any, running: StandIn) -> Giving:
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path), "allow_overwrite": True},
        }
    }
    settings.GIVE_LIMITS = {"address": 1000, "email": 1000, "world": 10_000}
    make_charity()
    make_appeal()
    return Giving(running)


@pytest.fixture
def limited(giving: Giving, settings: Any) -> Giving:
    """Three checkouts an hour by address and by email; addresses come from the proxy in front."""
    settings.GIVE_LIMITS = {"address": 3, "email": 3, "world": 1000}
    settings.TRUSTED_PROXIES = 1
    return giving
