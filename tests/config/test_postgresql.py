"""Connections of the pool: one that works is not asked each time, one that was closed is replaced."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from psycopg import OperationalError

from config.postgresql import base
from config.postgresql.base import PooledConnection, check
from logistics.people.models import User
from tests.makers.people import make_user
from tests.rights import as_superuser


@pytest.fixture
def pooled(django_db_setup, django_db_blocker):
    """A connection of its own, outside of the pool."""
    with django_db_blocker.unblock():
        params = connection.get_connection_params()
        made = PooledConnection.connect(**params, autocommit=True)
        yield made
        made.close()


@pytest.fixture
def asked(monkeypatch):
    """Record which connections were proved by a statement."""
    proved, original = [], base.ConnectionPool.check_connection

    def prove(connection) -> None:
        proved.append(connection)
        original(connection)

    monkeypatch.setattr(base.ConnectionPool, "check_connection", staticmethod(prove))
    return proved


def closed_by_the_server(pooled: PooledConnection) -> None:
    with as_superuser() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pooled.info.backend_pid])


def test_a_connection_that_works_is_proved_once_in_a_while(pooled, asked, monkeypatch):
    for _ in range(3):
        check(pooled)
    assert len(asked) == 1

    monkeypatch.setattr(base.time, "monotonic", lambda: pooled.proved_at + base.PROVED_SECONDS + 1)
    check(pooled)
    assert len(asked) == 2


@pytest.mark.django_db
def test_a_connection_that_the_server_closed_is_found_at_once(pooled, asked):
    check(pooled)
    closed_by_the_server(pooled)

    with pytest.raises(OperationalError, match="terminating connection"):
        check(pooled)


def test_a_connection_that_we_closed_is_found(pooled):
    check(pooled)
    pooled.close()

    with pytest.raises(OperationalError, match="closed"):
        check(pooled)


@pytest.mark.django_db
def test_a_word_of_the_server_is_no_reason_to_drop_a_connection(pooled, asked):
    pooled.execute("LISTEN something")
    check(pooled)
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_notify('something', '')")
    check(pooled)

    assert not pooled.closed


def test_the_pool_of_the_product_checks_like_this():
    pool: Any = getattr(connection, "pool")  # noqa: B009  missing in the stubs

    assert (pool._check, pool.connection_class) == (check, PooledConnection)


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Asia/Hong_Kong"])
def test_times_are_read_in_utc_whatever_people_see(zone):
    written = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=UTC)
    user = make_user()
    with timezone.override(zone):
        User.objects.filter(pk=user.pk).update(ends_at=written)
        found = [User.objects.get(pk=user.pk).ends_at, *User.objects.values_list("ends_at", flat=True).iterator()]

    assert found == [written] * 2
    assert [one.tzinfo for one in found if one] == [UTC] * 2
