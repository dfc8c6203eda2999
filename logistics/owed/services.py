import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from logistics.errors import DomainError, WrongState
from logistics.owed.models import Owed
from logistics.transactions import enqueue_on_commit

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Owed)
Result = TypeVar("Result")


class NotYet(Exception):
    """What the work needs is not there yet: try again after `wait`, without counting an attempt."""

    def __init__(self, wait: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(str(wait))
        self.wait = wait


class GiveUp(Exception):
    """No further attempt can succeed: the row is dead at once, with `code` as the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def owe(row: Row) -> Row:
    """Store a new owed row and, when the transaction commits, tell a worker."""
    row.save(force_insert=True)
    enqueue_on_commit(row.TASK, row)
    return row


def carry_out(
    model: type[Row],
    pk: object,
    act: Callable[[Row], Result],
    record: Callable[[Row, Result], dict[str, Any] | None] = lambda row, result: None,
) -> bool:
    """Do what one row owes, if it is due and nobody else does, and say whether we did.

    `act` works outside any transaction (printing, sending, asking Stripe; its effect must bear
    repetition); `record` writes its result in the transaction that marks the row done, only
    while the lease is still ours, and returns the fields of the row itself to set with that mark.
    So there may be two attempts but never two winners.

    Whatever either raises is logged and tried again later, up to ATTEMPTS_MAX; they raise GiveUp
    where no repetition can help and NotYet where something else must come first.
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
                    state=Owed.State.DONE,
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
    except Exception as error:  # whatever it was, the row must say so and be tried again
        _fail(mine, row, error)
        return False
    return still_ours


@contextmanager
def _lease_kept(mine: "models.QuerySet[Any]", lease: timedelta) -> Iterator[None]:
    """Renew the lease while its work goes on, so that it can be short: a killed worker renews nothing.

    Work that never ends is the business of the task's hard time limit, which kills this thread too.
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
def revive(row: Row) -> Row:
    """Have a dead row tried again, from the first attempt, and tell a worker. Raises WrongState unless it is dead."""
    if not type(row).objects.filter(pk=row.pk).revive():
        raise WrongState(_("Only what is dead can be tried again; a worker looks after the rest."), state=row.state)
    enqueue_on_commit(row.TASK, row)
    row.refresh_from_db()
    return row


def report(row: Owed, percent: int) -> None:
    """Show how far the work on a leased row is, 0 to 99 (100 is done)."""
    type(row).objects.filter(pk=row.pk).leased_by(row.lease_token).update(progress=min(percent, 99))


def _put_back(mine: "models.QuerySet[Any]", **changes: Any) -> None:
    mine.update(state=Owed.State.PENDING, lease_token=None, lease_until=None, told_at=None, **changes)


def _end(mine: "models.QuerySet[Any]", row: Owed, code: str) -> None:
    log.error("owed row is dead", extra={"task": row.TASK, "row": str(row.pk), "code": code})
    mine.update(state=Owed.State.DEAD, lease_token=None, lease_until=None, last_error_code=code[:60], ended_at=Now())


def _fail(mine: "models.QuerySet[Any]", row: Owed, error: Exception) -> None:
    # The class only: messages of errors quote data, and data is personal.
    code = error.code if isinstance(error, DomainError) else type(error).__name__
    if row.attempts >= row.ATTEMPTS_MAX:
        _end(mine, row, code)
        return
    wait = timedelta(seconds=min(5 * 2**row.attempts, 600))
    log.warning(
        "owed row failed; it will be tried again",
        extra={"task": row.TASK, "row": str(row.pk), "code": code, "wait_s": wait.total_seconds()},
        exc_info=True,
    )
    _put_back(mine, run_after=Now() + wait, last_error_code=code[:60])


def owed_models() -> list[type[Owed]]:
    """Every kind of row that is a job, in all apps."""
    return [model for model in apps.get_models() if issubclass(model, Owed)]
