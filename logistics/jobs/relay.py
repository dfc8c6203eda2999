"""The relay: finds overdue jobs and has them run, with or without the broker."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from celery import current_app

from logistics.jobs import messages
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from logistics.jobs.services import job_models, mark_dead

log = logging.getLogger(__name__)
SWEEP_MAX = 200
# While the broker is down, a sweep ends after this time, so that the next one begins with what somebody waits for.
RUNNING_HERE_S = 2.0


@dataclass
class Sweep:
    notified: int = 0
    run_here: int = 0
    marked_dead: int = 0
    is_unfinished: bool = False  # sweep again at once


def sweep() -> Sweep:
    """Notify a worker of every overdue job. If the broker does not answer, run the jobs here.

    Receipts are thus sent even while Redis is down. Safe beside other relays and workers: only one can claim a job.
    """
    result = Sweep(marked_dead=sum(mark_dead(model) for model in job_models()))
    now = messages.database_now()
    oldest = messages.oldest(now=now)
    began = time.monotonic()
    for row in _overdue(oldest or dict.fromkeys(Lane, now)):
        if oldest is not None:
            row.notified_at = now
            if messages.send(row):
                messages.mark_notified(row, at=now)
                result.notified += 1
                continue
            oldest = None
        if not result.run_here:
            log.warning("the broker does not answer: the relay runs jobs itself")
        current_app.tasks[row.TASK](str(row.pk))
        result.run_here += 1
        result.is_unfinished = True  # one job often leads to the next
        if row.lane != Lane.NOW and time.monotonic() - began > RUNNING_HERE_S:
            break
    return result


def _overdue(oldest: dict[Lane, datetime | None]) -> Iterator[Job]:
    """Yield overdue jobs, those of the first lane first, at most SWEEP_MAX of each kind and lane."""
    overdue = {model: model.objects.overdue(oldest) for model in job_models()}
    # Mostly none: one query for each kind says so.
    lanes = {model: set(rows.values_list("lane", flat=True).order_by().distinct()) for model, rows in overdue.items()}
    for lane in Lane:
        for model in (model for model in overdue if lane in lanes[model]):
            in_lane = overdue[model].filter(lane=lane).order_by("run_after")
            yield from in_lane.only("lane", "notified_at")[:SWEEP_MAX]
