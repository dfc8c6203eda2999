import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar, cast

from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from logistics.errors import DomainError, WrongState
from logistics.jobs import lanes, statements
from logistics.jobs.lanes import Lane, in_lane
from logistics.jobs.messages import enqueue_on_commit
from logistics.jobs.models import Job, JobQuerySet

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Job)
Result = TypeVar("Result")


DONE: Final = {
    "state": Job.State.DONE,
    "lease_token": None,
    "lease_until": None,
    "last_error_code": "",
    "progress": 100,
}


class NotYet(Exception):
    """Something that the job needs is not ready: retry after `wait`, without counting an attempt."""

    def __init__(self, wait: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(str(wait))
        self.wait = wait


class GiveUp(Exception):
    """No retry can succeed: the job is marked dead at once, with `code` as the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def enqueue(row: Row, *, lane: Lane | None = None) -> Row:
    """Store a new job and notify a worker when the transaction commits.

    It goes into the lane of the work in progress (`in_lane`); else into the given one; else into its kind's.
    """
    row.lane = lanes.current() or lane or row.LANE
    row.notified_at = Now()
    row.save(force_insert=True)
    row.notified_at = row.created_at  # the same moment, which the database has returned
    enqueue_on_commit(row)
    return row


def enqueue_new(row: Row, *, lane: Lane | None = None, waits: timedelta | None = None) -> bool:
    """Store a new job like `enqueue`, unless one with the same unique values is stored; return whether it was new.

    `waits`: it is likely to be done by another job (see `mark_done`), and runs only if it still waits after this time.
    """
    row.lane = lanes.current() or lane or row.LANE
    if waits is None:
        row.notified_at = Now()
    else:
        row.run_after = Now() + waits
    if not statements.insert_new(row):
        return False
    if waits is None:
        row.notified_at = row.created_at
        enqueue_on_commit(row)
    return True


def enqueue_waiting(row: Row, *, at_most: timedelta, lane: Lane | None = None) -> Row:
    """Store a new job that waits for something else, which calls `wake`; if it never does, the job runs anyway."""
    row.lane = lanes.current() or lane or row.LANE
    row.run_after = Now() + at_most
    row.save(force_insert=True)
    return row


def wake(waiting: JobQuerySet[Row]) -> None:
    """Make pending jobs due now, and notify workers of them when the transaction commits."""
    for row in waiting.filter(state=Job.State.PENDING).update_returning(run_after=Now(), notified_at=Now()):
        enqueue_on_commit(row)


_followers: dict[type[Job], list[Callable[[Job], None]]] = defaultdict(list)


def when_ended(model: type[Job], follow: Callable[[Job], None]) -> None:
    """Have a function called with each job of a kind that is done or dead, in the transaction that marks it so."""
    _followers[model].append(follow)


def run(
    model: type[Row],
    pk: object,
    act: Callable[[Row], Result],
    record: Callable[[Row, Result], Mapping[str, object] | None] | None = None,
) -> bool:
    """Run one job if it is due and no other worker has claimed it. Returns whether it was done.

    `act` does the work outside any transaction (it prints, sends, asks Stripe). It may run twice, so it must be
    idempotent. `record` stores the result in the transaction that marks the job done, only while the lease is still
    ours, and returns further fields of the row to set. Without `record`, what `act` returns are these fields, if it
    returns any. There may be two attempts, but never two results.

    Any exception of either is logged and the job retried later, up to ATTEMPTS_MAX. They raise GiveUp if a retry
    cannot help, and NotYet if something else must happen first.
    """
    jobs = cast("JobQuerySet[Row]", model.objects.all())
    row = jobs.claim(pk)
    if row is None:
        return False
    mine = jobs.filter(pk=pk).leased_by(row.lease_token)
    try:
        with in_lane(Lane(row.lane)):
            with _lease_kept(mine, row.LEASE):
                result = act(row)
            still_ours = _store(row, partial(record, row, result) if record else None, result)
    except NotYet as reason:
        _put_back(mine, run_after=Now() + reason.wait, attempts=F("attempts") - 1)
        return False
    except GiveUp as reason:
        _end(mine, row, reason.code)
        return False
    except Exception as error:  # any error is recorded and the job retried
        _fail(mine, row, error)
        return False
    return still_ours


@transaction.atomic
def _store(row: Job, record: Callable[[], Mapping[str, object] | None] | None, result: object) -> bool:
    """Store the result of a job and mark it done. Returns False, and stores nothing, if the lease is no longer ours."""
    if record is None:
        changes = result if isinstance(result, Mapping) else {}
    elif not statements.hold(row):
        return False
    else:
        changes = record() or {}
    if not statements.finish(row, {**DONE, **changes}):
        return False
    _tell_followers(row, Job.State.DONE)
    return True


@contextmanager
def _lease_kept(mine: "models.QuerySet[Job]", lease: timedelta) -> Iterator[None]:
    """Renew the lease during the work. So leases can be short: a killed worker stops renewing.

    The task's hard time limit ends work that never finishes, and this thread with it.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease.total_seconds() / 4):
            try:
                mine.update(lease_until=Now() + lease)
            except DatabaseError:
                log.warning("a lease was not renewed: the database does not answer")
            finally:
                connection.close()

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@transaction.atomic
def retry(row: Row) -> Row:
    """Make a dead job pending again and notify a worker. Raises WrongState unless it is dead."""
    if not type(row).objects.filter(pk=row.pk).retry(lane=lanes.current() or Lane(row.lane)):
        raise WrongState(_("Only a failed job can be retried; the others are still being processed."), state=row.state)
    row.refresh_from_db()
    enqueue_on_commit(row)
    return row


def mark_dead(model: type[Job]) -> int:
    """Mark jobs dead whose workers died ATTEMPTS_MAX times. Returns how many."""
    worn_out = list(model.objects.worn_out())
    for row in worn_out:
        _end(model.objects.worn_out().filter(pk=row.pk), row, "worker_died")
    return len(worn_out)


def mark_done(rows: JobQuerySet[Row], **changes: object) -> None:
    """Mark waiting jobs done that another job has done with its own; they have no followers."""
    rows.filter(state=Job.State.PENDING).update(**DONE, ended_at=Now(), **changes)


def report_progress(row: Job, percent: int) -> None:
    """Store the progress of a leased job, from 0 to 99 percent (100 is done)."""
    type(row).objects.filter(pk=row.pk).leased_by(row.lease_token).update(progress=min(percent, 99))


def _put_back(mine: "models.QuerySet[Job]", **changes: object) -> None:
    mine.update(state=Job.State.PENDING, lease_token=None, lease_until=None, notified_at=None, **changes)


def _end(mine: "models.QuerySet[Job]", row: Job, code: str) -> None:
    log.error("job is dead", extra={"task": row.TASK, "row": str(row.pk), "code": code})
    dead = {"state": Job.State.DEAD, "lease_token": None, "lease_until": None, "last_error_code": code[:60]}
    with in_lane(Lane(row.lane)), transaction.atomic():
        if mine.update(**dead, ended_at=Now()):
            _tell_followers(row, Job.State.DEAD)


def _tell_followers(row: Job, state: Job.State) -> None:
    row.state = state
    for follow in _followers.get(type(row), []):
        follow(row)


def _fail(mine: "models.QuerySet[Job]", row: Job, error: Exception) -> None:
    # Only the class: error messages quote data, which may be personal.
    code = error.code if isinstance(error, DomainError) else type(error).__name__
    if row.attempts >= row.ATTEMPTS_MAX:
        _end(mine, row, code)
        return
    wait = timedelta(seconds=min(5 * 2**row.attempts, 600))
    log.warning(
        "job failed; it will be retried",
        extra={"task": row.TASK, "row": str(row.pk), "code": code, "wait_s": wait.total_seconds()},
        exc_info=True,
    )
    _put_back(mine, run_after=Now() + wait, last_error_code=code[:60])


def job_models() -> list[type[Job]]:
    """Return the job models of all apps."""
    return [model for model in apps.get_models() if issubclass(model, Job)]
