import logging
from typing import TypeVar

from celery import current_app
from django.db import models, transaction
from kombu.exceptions import OperationalError

from logistics.errors import Stale

Row = TypeVar("Row", bound=models.Model)
log = logging.getLogger(__name__)


def lock(row: Row, *, version: int | None = None) -> Row:
    """Return the row fresh from the database, held until the transaction ends.

    With `version` (what the caller last read): raises Stale if somebody changed the row meanwhile.
    """
    held = type(row)._default_manager.select_for_update(of=("self",)).get(pk=row.pk)
    current = getattr(held, "version", None)
    if version is not None and current != version:
        raise Stale(
            f"This was changed since you read it (version {current}, you sent {version})."
            " Read it again and repeat your change.",
            version=current,
        )
    return held


def enqueue_on_commit(task_name: str, row: models.Model) -> None:
    """Ask a worker to look at a row, once the row is really there.

    Tasks are named, not imported, for the reason urls are: so that what is below need not
    know what is above. A broker that is down costs seconds (see `manage.py relay`), never
    the user's request: the row itself says that there is work to do.
    """
    row_id = str(row.pk)

    # A named function, not functools.partial: Django 5.2 logs a failed callback by its
    # __qualname__, which a partial has not, and so would fail in place of the broker.
    def send() -> None:
        try:
            current_app.send_task(task_name, args=[row_id], retry=False)
        except OperationalError:
            log.warning("not enqueued: the broker does not answer; the relay will", extra={"task": task_name})

    transaction.on_commit(send, robust=True)
