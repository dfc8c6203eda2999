"""Fixtures for tests that need Stripe. Import them into a conftest, or into the test file itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stand_in.server import StandIn

WEBHOOK_SECRET = "whsec_test_of_the_stand_in"


@pytest.fixture
def stand_in(settings: Any) -> Iterator[StandIn]:
    """A stand-in for Stripe, used by this process's gateway; it delivers no webhooks.

    Set `stand_in.webhooks.url` to have them delivered to a live server.
    """
    with StandIn(webhook_secret=WEBHOOK_SECRET) as running:
        # The gateway refuses a stand-in unless DEBUG is on, and test runners switch it off.
        settings.DEVELOPMENT = True
        settings.STRIPE_API_BASE = running.url
        settings.STRIPE_SECRET_KEY = running.api_key
        settings.STRIPE_WEBHOOK_SECRETS = [WEBHOOK_SECRET]
        yield running
