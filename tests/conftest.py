"""Fixtures that every test has. Makers of rows live in factories; real processes in processes."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.db import connections
from django.test import TransactionTestCase

from tests.services import services


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmarks", action="store_true", help="run tests/benchmarks, which measure and take minutes")


def recreate_database(_: TransactionTestCase) -> None:
    """Give a test that committed its database back as the migrations left it.

    Django would TRUNCATE, which our append-only tables refuse and which takes the rows of migrations with it.
    """
    connection = connections["default"]
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    services().recreate()


TransactionTestCase._fixture_teardown = recreate_database  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Instead of pytest-django's: the database of this run is there, and migrated."""


@pytest.fixture(autouse=True)
def _empty_broker_and_cache() -> Iterator[None]:
    """No test sees another's queued tasks or counted requests."""
    yield
    with redis.Redis.from_url(services().valkey.url) as client:
        client.flushall()


@pytest.fixture(scope="session", autouse=True)
def _fast_passwords() -> Iterator[None]:
    """A password is hashed in no time; the real hash is made to take 50 ms and has its own test."""
    with pytest.MonkeyPatch.context() as patch:
        from django.conf import settings

        patch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
        yield


@pytest.fixture
def files(settings: Any, tmp_path: Any) -> Any:
    """A folder of this test's own for stored papers and uploads."""
    settings.VAR_DIR = tmp_path
    return tmp_path
