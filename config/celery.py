"""The Celery application. Each app declares its own tasks, and which of them are periodic, in its tasks.py."""

import gc
import os
from importlib import import_module
from importlib.util import find_spec

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_init, worker_process_init
from django.apps import apps
from django.db import close_old_connections
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("relief", task_cls="logistics.jobs.worker:JobTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery would close the pool before and after each task: a new session of PostgreSQL and four threads for each job.
app.conf.CELERY_DB_REUSE_MAX = 1_000_000_000
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@app.on_after_finalize.connect
def schedule(sender: Celery, **_: object) -> None:
    """Give beat the periodic tasks of all apps: `PERIODIC` of each app's tasks.py, if it has one."""
    found: dict[str, object] = {}
    for config in apps.get_app_configs():
        name = f"{config.name}.tasks"
        if find_spec(name):
            found |= getattr(import_module(name), "PERIODIC", {})
    sender.conf.beat_schedule = found


@setup_logging.connect
def use_our_logs(**_: object) -> None:
    """Leave logging to settings.LOGGING; Celery would replace it."""


@task_prerun.connect
@task_postrun.connect
def return_connections(**_: object) -> None:
    """Give the task's connections back to their pool, which replaces broken ones, as Django does for a request."""
    close_old_connections()


@worker_init.connect
def freeze_what_is_imported(**_: object) -> None:
    """Keep the half million objects of imported modules out of garbage collections, also in the children to come."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def warm_up_the_printer(**_: object) -> None:
    """Start the printer in processes that will print papers; it warms up in the background."""
    from logistics.documents import printer
    from logistics.jobs.lanes import QUEUES

    if set(QUEUES.values()) & set(app.amqp.queues.consume_from):
        printer.start()
