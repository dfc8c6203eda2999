"""What a worker does with a message."""

import logging
import time

from celery import Task, current_app
from django.db import close_old_connections

from logistics.jobs.following import following
from logistics.jobs.messages import send

log = logging.getLogger(__name__)


class JobTask(Task):  # type: ignore[type-arg]  # it has none at run time
    """A task. Run by a worker, it also does the jobs that follow from its own, one after the other."""

    def __call__(self, *args: object, **kwargs: object) -> None:
        if self.request.called_directly:  # by the relay, which sweeps again
            self.run(*args, **kwargs)
            return
        with following() as kept:
            try:
                self.run(*args, **kwargs)
                while kept.row:
                    close_old_connections()  # as between two tasks
                    row, kept.row, began = kept.row, None, time.monotonic()
                    current_app.tasks[row.TASK].run(str(row.pk))
                    took_ms = round(1000 * (time.monotonic() - began))
                    log.info("job followed", extra={"task": row.TASK, "duration_ms": took_ms})
            finally:
                if kept.row:  # this task was stopped, by its time limit for example
                    send(kept.row)
