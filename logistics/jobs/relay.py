"""The relay: finds overdue jobs and has them run, with or without the broker."""

import logging
from dataclasses import dataclass

from celery import current_app
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from logistics.jobs.models import Job
from logistics.jobs.services import job_models

log = logging.getLogger(__name__)
SWEEP_MAX = 200


@dataclass
class Sweep:
    notified: int = 0
    run_here: int = 0
    marked_dead: int = 0


def sweep() -> Sweep:
    """Notify a worker of every overdue job. If the broker does not answer, run the jobs here.

    Receipts are thus sent even while Redis is down. Safe beside other relays and workers: only one can claim a job.
    """
    result = Sweep()
    broker_answers = True
    for model in job_models():
        result.marked_dead += model.objects.mark_dead()
        for pk in model.objects.overdue().order_by("run_after").values_list("pk", flat=True)[:SWEEP_MAX]:
            broker_answers = broker_answers and _notify_worker(model, pk)
            if broker_answers:
                result.notified += 1
            else:
                current_app.tasks[model.TASK](str(pk))
                result.run_here += 1
    return result


def _notify_worker(model: type[Job], pk: object) -> bool:
    try:
        current_app.send_task(model.TASK, args=[str(pk)], retry=False)
    except OperationalError:
        log.warning("the broker does not answer: the relay runs the job itself")
        return False
    model.objects.filter(pk=pk).update(notified_at=Now())
    return True
