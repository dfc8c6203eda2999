"""The sweeper: finds rows that are owed and overdue, and has them done, with or without the broker."""

import logging
from dataclasses import dataclass

from celery import current_app
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from logistics.owed.models import Owed
from logistics.owed.services import owed_models

log = logging.getLogger(__name__)
SWEEP_MAX = 200


@dataclass
class Sweep:
    told: int = 0
    done_here: int = 0
    buried: int = 0


def sweep() -> Sweep:
    """Give every overdue row to a worker; while the broker does not answer, do the work here.

    Receipts so flow while Redis is dead. Safe beside other relays and workers: whoever
    claims a row does it.
    """
    result = Sweep()
    broker_answers = True
    for model in owed_models():
        result.buried += model.objects.bury()
        for pk in model.objects.overdue().order_by("run_after").values_list("pk", flat=True)[:SWEEP_MAX]:
            broker_answers = broker_answers and _tell_worker(model, pk)
            if broker_answers:
                result.told += 1
            else:
                current_app.tasks[model.TASK](str(pk))
                result.done_here += 1
    return result


def _tell_worker(model: type[Owed], pk: object) -> bool:
    try:
        current_app.send_task(model.TASK, args=[str(pk)], retry=False)
    except OperationalError:
        log.warning("the broker does not answer: the relay does the work itself")
        return False
    model.objects.filter(pk=pk).update(told_at=Now())
    return True
