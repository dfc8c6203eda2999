"""Lanes: jobs are ordered by who waits for them, and workers are reserved for those that somebody waits for now.

A lane is a queue of the broker. A worker takes the first message of the first queue, in alphabetical order, that has
one (kombu's strategy "sorted"; its "priority" follows the order of a set, which is random). So names begin with a
number. Within a lane, the job that was queued first starts first.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final

from django.db import models
from django.utils.translation import pgettext_lazy


class Lane(models.TextChoices):
    NOW = "now", pgettext_lazy("lane", "Now")  # somebody waits: payments, a gift's first receipt, a watched import
    SOON = "soon", pgettext_lazy("lane", "Soon")  # within minutes: papers, deliveries, notices
    BULK = "bulk", pgettext_lazy("lane", "Bulk")  # many at once, for which nobody waits

    @property
    def queue(self) -> str:
        return QUEUES[self]


QUEUES: Final = {Lane.NOW: "1-now", Lane.SOON: "2-soon", Lane.BULK: "3-bulk"}
# Periodic tasks that may take minutes, such as the hourly check.
UPKEEP: Final = "4-upkeep"


def heartbeats_of(worker: str) -> str:
    """Return the queue through which one kind of worker proves that it is alive, however long the lanes are."""
    return f"0-{worker}"


# The queues that each kind of worker takes, as in docker-compose.yml. Big papers or a slow mail server can occupy all
# processes of `worker`; `worker-now` stays free for what somebody waits for.
WORKERS: Final = {
    "worker": (heartbeats_of("worker"), *QUEUES.values()),
    "worker-now": (heartbeats_of("worker-now"), QUEUES[Lane.NOW]),
    "worker-upkeep": (heartbeats_of("worker-upkeep"), UPKEEP),
}

_current: ContextVar[Lane | None] = ContextVar("lane", default=None)


@contextmanager
def in_lane(lane: Lane) -> Iterator[None]:
    """Put the jobs that are enqueued in this block into one lane, whatever their own lane is.

    A running job does this with its own lane, so what follows from bulk work is bulk work.
    """
    token = _current.set(lane)
    try:
        yield
    finally:
        _current.reset(token)


def in_lane_of(number: int) -> AbstractContextManager[None]:
    """Put the jobs of an action on this number of rows into the bulk lane, if there are several rows."""
    return in_lane(Lane.BULK) if number > 1 else nullcontext()


def current() -> Lane | None:
    """Return the lane of the work in progress; None outside `in_lane`."""
    return _current.get()
