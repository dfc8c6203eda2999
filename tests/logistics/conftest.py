from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from axes.utils import reset
from celery import current_app
from django.core.cache import cache
from rest_framework.test import APIClient

from logistics.documents import printer
from logistics.roles import Role
from tests.clients import client_of
from tests.logistics import sign_ins
from tests.logistics.papers.known import known_to_printers
from tests.makers.people import make_user


@pytest.fixture
def dead_broker() -> Iterator[None]:
    """Point the broker URL to a port where nothing listens."""
    was = current_app.conf.broker_url
    _broker("redis://127.0.0.1:9/0")
    yield
    _broker(was)


def _broker(url: str) -> None:
    app: Any = current_app
    app.conf.broker_url = url
    app.conf.broker_write_url = url
    # As a forked worker does: drop the producers, which keep their connections.
    app._after_fork()


@pytest.fixture
def coordinator() -> APIClient:
    return client_of(make_user(Role.COORDINATOR))


@pytest.fixture
def no_earlier_guesses() -> None:
    """Forget the guesses at passwords and codes that earlier tests made."""
    reset()
    cache.clear()


@pytest.fixture
def clock() -> Iterator[Any]:
    """The clock stands at sign_ins.START; `clock.shift` moves it."""
    with time_machine.travel(sign_ins.START, tick=False) as clock:
        yield clock


@pytest.fixture(scope="module")
def papers_of_tests() -> Iterator[None]:
    """This process's printer knows the templates in tests/logistics/papers."""
    printer.stop()
    with known_to_printers():
        yield
        printer.stop()
