"""A worker that has done a job also does the one that follows from it: no message, and no wait for a free worker.

A gift is an event, a paper, a delivery and a mail. Each is stored before it is begun, as always. A worker that is
killed in between loses nothing: the next row is due, and the relay treats it like one whose message was lost.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from logistics.jobs import lanes
from logistics.jobs.models import Job

# No job follows in a task that is older: all of its jobs have to end within the time limit of one task.
FOLLOWS_WITHIN_S = 5.0


@dataclass
class Following:
    """The job that a task does next, if there is one."""

    row: Job | None = None
    began: float = field(default_factory=time.monotonic)


_current: ContextVar[Following | None] = ContextVar("following", default=None)


@contextmanager
def following() -> Iterator[Following]:
    """Keep the first job that the work in this block leads to, instead of notifying a worker of it."""
    kept = Following()
    token = _current.set(kept)
    try:
        yield kept
    finally:
        _current.reset(token)


def takes(row: Job) -> bool:
    """Return whether the task in progress does this job next: one of its own lane, if it has none yet."""
    kept = _current.get()
    if kept is None or kept.row is not None or row.lane != lanes.current():
        return False
    if time.monotonic() - kept.began > FOLLOWS_WITHIN_S:
        return False
    kept.row = row
    return True
