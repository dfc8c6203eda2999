"""Messages to workers. A message only says that a row waits: a lost or repeated one does no harm.

Each carries the time at which its row was marked as notified. Lanes are first in, first out, so the oldest message of a
lane tells which earlier ones must have been taken, or were lost: see `oldest`.
"""

import json
import logging
import time
from datetime import datetime
from typing import cast

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from logistics.jobs import following
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job

log = logging.getLogger(__name__)

NOTIFIED_AT = "notified_at"
# How long a transaction may take, from storing its job to the message, before the job is marked again.
PUNCTUAL_S = 5.0
# Messages of periodic tasks carry no time; one among this many does.
LOOKED_AT = 20


def send(row: Job) -> bool:
    """Send the message of a row whose `notified_at` is set. Returns False if the broker does not answer."""
    assert row.notified_at is not None
    headers = {NOTIFIED_AT: row.notified_at.isoformat()}
    try:
        current_app.send_task(row.TASK, args=[str(row.pk)], queue=Lane(row.lane).queue, headers=headers, retry=False)
    except OperationalError:
        return False
    return True


def enqueue_on_commit(row: Job) -> None:
    """Notify a worker of a row when the transaction commits; the row's `notified_at` is already stored.

    Within a job, this worker may do it next (see `following`), which then needs no message.

    If the broker is down, the relay runs the job within seconds (see `manage.py relay`), and the user's request
    succeeds: the row itself says that there is work to do.
    """
    began = time.monotonic()

    # A named function, not functools.partial: Django 5.2 logs a failed callback by its
    # __qualname__, which a partial lacks, so that logging itself would fail.
    def notify() -> None:
        # After a long transaction its messages stand behind later ones, so the relay would hold them for lost.
        if time.monotonic() - began > PUNCTUAL_S:
            mark_notified(row, at=database_now())
        if not following.takes(row) and not send(row):
            log.warning("not enqueued: the broker does not answer; the relay will", extra={"task": row.TASK})
            mark_notified(row, at=None)

    transaction.on_commit(notify, robust=True)


def mark_notified(row: Job, *, at: datetime | None) -> None:
    """Record when a worker was notified of a waiting job; None: it was not. Jobs that have ended never change."""
    row.notified_at = at
    type(row).objects.filter(pk=row.pk).unfinished().update(notified_at=at)


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cast(datetime, cursor.fetchone()[0])


def oldest(*, now: datetime) -> dict[Lane, datetime | None] | None:
    """Return, for each lane, when the row of its oldest message was notified; None if the broker does not answer.

    Messages of rows that were notified earlier have been taken, or were lost. `now` if no message waits; None where
    that cannot be told.
    """
    try:
        with Redis.from_url(current_app.conf.broker_url, socket_timeout=1, socket_connect_timeout=1) as broker:
            waiting = {lane: cast(list[bytes], broker.lrange(lane.queue, -LOOKED_AT, -1)) for lane in Lane}
    except RedisError:
        return None
    return {lane: _oldest_of(messages) if messages else now for lane, messages in waiting.items()}


def _oldest_of(messages: list[bytes]) -> datetime | None:
    times = (json.loads(message)["headers"].get(NOTIFIED_AT) for message in reversed(messages))
    return next((datetime.fromisoformat(told) for told in times if told), None)
