import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar, cast

from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from logistics.errors import DomainError, WrongState
from logistics.jobs.models import Job
from logistics.transactions import enqueue_on_commit

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Job)
Result = TypeVar("Result")


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


def enqueue(row: Row) -> Row:
    """Store a new job and notify a worker when the transaction commits."""
    row.save(force_insert=True)
    enqueue_on_commit(row.TASK, row)
    return row


def run(
    model: type[Row],
    pk: object,
    act: Callable[[Row], Result],
    record: Callable[[Row, Result], Mapping[str, object] | None] = lambda row, result: None,
) -> bool:
    """Run one job if it is due and no other worker has claimed it. Returns whether it was done.

    `act` does the work outside any transaction (it prints, sends, asks Stripe). It may run twice, so it must be
    idempotent. `record` stores the result in the transaction that marks the job done, only while the lease is still
    ours, and returns further fields of the row to set. There may be two attempts, but never two results.

    Any exception of either is logged and the job retried later, up to ATTEMPTS_MAX. They raise GiveUp if a retry
    cannot help, and NotYet if something else must happen first.
    """
    token = model.objects.claim(pk)
    if token is None:
        return False
    row = cast(Row, model.objects.get(pk=pk))
    mine = model.objects.filter(pk=pk).leased_by(token)
    try:
        with _lease_kept(mine, row.LEASE):
            result = act(row)
        with transaction.atomic():
            still_ours = mine.select_for_update().values_list("pk").first() is not None
            if still_ours:
                changes = record(row, result) or {}
                mine.update(
                    state=Job.State.DONE,
                    lease_token=None,
                    lease_until=None,
                    last_error_code="",
                    progress=100,
                    ended_at=Now(),
                    **changes,
                )
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
    if not type(row).objects.filter(pk=row.pk).retry():
        raise WrongState(_("Only a failed job can be retried; the others are still being processed."), state=row.state)
    enqueue_on_commit(row.TASK, row)
    row.refresh_from_db()
    return row


def report_progress(row: Job, percent: int) -> None:
    """Store the progress of a leased job, from 0 to 99 percent (100 is done)."""
    type(row).objects.filter(pk=row.pk).leased_by(row.lease_token).update(progress=min(percent, 99))


def _put_back(mine: "models.QuerySet[Job]", **changes: object) -> None:
    mine.update(state=Job.State.PENDING, lease_token=None, lease_until=None, notified_at=None, **changes)


def _end(mine: "models.QuerySet[Job]", row: Job, code: str) -> None:
    log.error("job is dead", extra={"task": row.TASK, "row": str(row.pk), "code": code})
    mine.update(state=Job.State.DEAD, lease_token=None, lease_until=None, last_error_code=code[:60], ended_at=Now())


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
