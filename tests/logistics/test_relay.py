"""Exactly one relay is active: it stays active through database failures, and another takes over when it dies."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections

from logistics.health.models import HealthCheck
from logistics.jobs.turn import Turn
from logistics.management.commands.relay import LOCK, sweep_if_active
from tests.processes import eventually
from tests.services import DATABASE, services

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def one() -> Iterator[Turn]:
    with Turn(LOCK) as turn:
        yield turn


@pytest.fixture
def other() -> Iterator[Turn]:
    with Turn(LOCK) as turn:
        yield turn


@pytest.fixture
def keeper() -> Iterator[psycopg.Connection]:
    """A connection of a database administrator."""
    with psycopg.connect(services().postgres.conninfo(DATABASE), autocommit=True) as session:
        yield session


def holder(keeper: psycopg.Connection) -> int:
    [(pid,)] = keeper.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchall()
    return int(pid)


def end_session(keeper: psycopg.Connection, pid: int) -> None:
    """Return once the session is gone, with its locks."""
    assert keeper.execute("SELECT pg_terminate_backend(%s, 5000)", [pid]).fetchone() == (True,)


def pid_of_django() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_only_one_of_two_relays_is_active(one, other):
    assert [bool(sweep_if_active(turn)) for turn in (one, other, one)] == [True, False, True]


def test_it_stays_active_after_a_statement_timeout(one, other):
    sweep_if_active(one)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    with psycopg.connect(**connection.get_connection_params()) as blocker:
        blocker.execute("LOCK TABLE logistics_email IN ACCESS EXCLUSIVE MODE")
        assert not sweep_if_active(one)
    connection.close_pool()  # type: ignore[attr-defined]  # the next session has its own time limit again

    assert not sweep_if_active(other)
    assert sweep_if_active(one)


def test_it_recovers_after_the_sessions_of_its_sweeps_ended(one, other, keeper):
    sweep_if_active(one)
    end_session(keeper, pid_of_django())

    assert not sweep_if_active(one)

    assert not sweep_if_active(other)
    assert sweep_if_active(one)


def test_it_reacquires_the_lock_after_its_session_ended(one, keeper):
    sweep_if_active(one)
    end_session(keeper, holder(keeper))

    assert not sweep_if_active(one)

    assert sweep_if_active(one)


def test_the_lock_does_not_use_a_pooled_connection(one, other, keeper):
    sweep_if_active(one)

    assert holder(keeper) != pid_of_django()
    connections["default"].close()
    assert not other.is_ours()


def test_a_second_relay_takes_over_when_the_first_is_killed(other, keeper):
    environment = services().environment()
    command = [sys.executable, "manage.py", "relay", "--every=600"]
    first = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        eventually(HealthCheck.objects.filter(name="relay").exists, what="the first sweep")
        assert not sweep_if_active(other)
        pid = holder(keeper)
    finally:
        first.kill()
        first.wait()
    # The server notices the lost client a moment later: wait for that, not for a fixed time.
    keeper.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    assert sweep_if_active(other)
