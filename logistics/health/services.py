"""Heartbeats, and the check of invariants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from itertools import islice

from django.apps import apps
from django.db import connection, transaction
from django.db.models.functions import Now

from logistics.health.models import HealthCheck

# Three beats missed: see the heartbeats in logistics/tasks.py.
SILENT_AFTER = timedelta(seconds=60)
INVARIANTS = "invariants"
SAMPLES = 5

# Told how many rows of how many were checked.
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Growing:
    """A check that would take too long to look at every row each hour.

    `every` yields the ids of all rows that break the statement. `more` looks at a part of the rows: it gets a bookmark
    and returns the next one, with the ids that are known to break the statement. The bookmark is kept under `name`.
    """

    name: str
    every: Callable[[Tell], Iterator[str]]
    more: Callable[[dict[str, object]], tuple[dict[str, object], list[str]]]


# A statement that must always be true of the data, and what finds the rows that break it: SQL whose first column is
# the row's id, a function that yields ids, or a check in parts.
Query = str | Callable[[], Iterator[str]] | Growing
Invariant = tuple[str, Query]


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


def bookmark(name: str, place: dict[str, object]) -> None:
    """Remember how far a regular reading has come, and that it was done just now."""
    HealthCheck.objects.update_or_create(name=name, defaults={"at": Now(), "bookmark": place})


def bookmark_of(name: str) -> dict[str, object]:
    """Return how far a regular reading has come; empty before the first."""
    last = HealthCheck.objects.filter(name=name).values_list("bookmark", flat=True).first()
    return dict(last or {})


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


def check(statement: str, query: Query, *, progress: Tell | None = None) -> Finding:
    """Look for rows that break one statement; of a check in parts, at all rows if it can tell its progress.

    It may take 10 minutes, so that growing tables do not stop it, and keeps only a few ids in memory.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
        if isinstance(query, str):
            return _counted(statement, _ids_of(query))
        if not isinstance(query, Growing):
            return _counted(statement, query())
        if progress:
            return _counted(statement, query.every(progress))
        row, _ = HealthCheck.objects.select_for_update().get_or_create(name=query.name, defaults={"at": Now()})
        bookmark, broken = query.more(row.bookmark)
        HealthCheck.objects.filter(pk=row.pk).update(at=Now(), bookmark=bookmark)
        return _counted(statement, iter(broken))


def _ids_of(query: str) -> Iterator[str]:
    """Yield the ids that a query finds, from a cursor of the server: there may be a million."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(1000):
            yield from (str(row[0]) for row in rows)


def _counted(statement: str, ids: Iterator[str]) -> Finding:
    samples = list(islice(ids, SAMPLES))
    return Finding(statement, len(samples) + sum(1 for _ in ids), samples)


def last_findings() -> dict[str, int] | None:
    """Return the statements that did not hold at the last check, with their broken rows; None before the first."""
    last = HealthCheck.objects.filter(name=INVARIANTS).first()
    return dict(last.findings) if last else None


def check_all(*, progress: Tell | None = None) -> list[Finding]:
    """Check every statement, and store the outcome for /metrics and the admin.

    Growing tables are checked in part, unless `progress` is given: then all rows are, and it is told how far they are.
    What was found is stored even if time runs out before the last statement.
    """
    findings: list[Finding] = []
    try:
        findings.extend(check(statement, query, progress=progress) for statement, query in invariants())
    finally:
        _store(findings)
    HealthCheck.objects.filter(name=INVARIANTS).update(at=Now())
    return findings


def _store(findings: list[Finding]) -> None:
    """Replace what was known about these statements; "at" is the time of the last complete check."""
    with transaction.atomic():
        row, _ = HealthCheck.objects.select_for_update().get_or_create(name=INVARIANTS, defaults={"at": Now()})
        checked = {finding.statement for finding in findings}
        kept = {statement: broken for statement, broken in row.findings.items() if statement not in checked}
        found = {finding.statement: finding.broken for finding in findings if finding.broken}
        HealthCheck.objects.filter(pk=row.pk).update(findings=kept | found)
