"""Heartbeats, and the check of invariants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.db import connection, transaction
from django.db.models.functions import Now

from logistics.health.models import HealthCheck

# Three beats missed: see the heartbeats in logistics/tasks.py.
SILENT_AFTER = timedelta(seconds=60)
INVARIANTS = "invariants"
SAMPLES = 5

# A statement that must always be true of the data, and what finds the rows that break it: SQL whose first column is
# the row's id, or a function that yields ids.
Invariant = tuple[str, str | Callable[[], Iterator[str]]]


@dataclass(frozen=True)
class Finding:
    """The outcome of one statement; `samples` are ids of the first rows that break it, never their values."""

    statement: str
    broken: int
    samples: list[str]


def beat(name: str) -> None:
    """Record a heartbeat."""
    HealthCheck.objects.update_or_create(name=name, defaults={"at": Now()})


def record(name: str, findings: dict[str, object]) -> None:
    """Record that a regular check was made just now, and what it found; `findings` of it returns that."""
    HealthCheck.objects.update_or_create(name=name, defaults={"at": Now(), "findings": findings})


def findings(name: str, *, locked: bool = False) -> dict[str, object]:
    """Return what a check found when it was last made; empty before the first. `locked`: until the transaction ends."""
    checks = HealthCheck.objects.select_for_update() if locked else HealthCheck.objects
    last = checks.filter(name=name).first()
    return dict(last.findings) if last else {}


def ages_s() -> dict[str, float]:
    """Return the seconds since each last heartbeat, by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, extract(epoch FROM now() - at)::float FROM logistics_healthcheck")
        return dict(cursor.fetchall())


def invariants() -> list[Invariant]:
    """Return the statements of all apps: `INVARIANTS` of each app's invariants.py, if it has one."""
    found: list[Invariant] = []
    for app in apps.get_app_configs():
        name = f"{app.name}.invariants"
        if find_spec(name):
            found += import_module(name).INVARIANTS
    return found


def check(statement: str, query: str | Callable[[], Iterator[str]]) -> Finding:
    """Look for rows that break one statement. It may take 10 minutes, so that growing tables do not stop it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
        if isinstance(query, str):
            cursor.execute(query)
            broken = [str(row[0]) for row in cursor.fetchall()]
        else:
            broken = [str(row) for row in query()]
    return Finding(statement, len(broken), broken[:SAMPLES])


def last_findings() -> dict[str, int] | None:
    """Return the statements that did not hold at the last check, with their broken rows; None before the first."""
    last = HealthCheck.objects.filter(name=INVARIANTS).first()
    return dict(last.findings) if last else None


def check_all() -> list[Finding]:
    """Check every statement, and store the outcome for /metrics and the admin."""
    findings = [check(statement, query) for statement, query in invariants()]
    HealthCheck.objects.update_or_create(
        name=INVARIANTS, defaults={"at": Now(), "findings": {f.statement: f.broken for f in findings if f.broken}}
    )
    return findings
