"""A stand-in, and a plain HTTP client for it."""

from collections.abc import Iterator

import pytest

from tests.stand_in import StandIn
from tests.stand_in.receiver import Receiver
from tests.stand_in_tests.caller import Caller


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def caller() -> Iterator[Caller]:
    """A client of a stand-in that delivers no webhooks."""
    with StandIn() as running:
        yield Caller(running)
