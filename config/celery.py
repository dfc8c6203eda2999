"""The Celery application, and the only list of periodic tasks."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("relief")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)

# `manage.py relay` sweeps jobs, not beat: a dead beat delays no receipt.
app.conf.beat_schedule = {
    # One per queue, so that each kind of worker shows that it is alive; late ones expire, as they say nothing new.
    "heartbeat default": {
        "task": "logistics.beat_heart",
        "schedule": 15.0,
        "args": ["default"],
        "options": {"queue": "default", "expires": 15},
    },
    "heartbeat papers": {
        "task": "logistics.beat_heart",
        "schedule": 15.0,
        "args": ["papers"],
        "options": {"queue": "papers", "expires": 15},
    },
    "invariants": {"task": "logistics.verify_invariants", "schedule": crontab(minute="7")},
    "forget old idempotency keys": {
        "task": "logistics.forget_idempotency_keys",
        "schedule": crontab(hour="3", minute="10"),
    },
    "remove unused ciphertexts": {
        "task": "logistics.remove_unused_ciphertexts",
        "schedule": crontab(hour="3", minute="30"),
    },
    "giving outside its usual range": {
        "task": "donations.watch_giving",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "forget old challenges": {"task": "donations.forget_challenges", "schedule": crontab(hour="3", minute="20")},
    "events that Stripe never delivered": {
        "task": "donations.catch_up_with_stripe",
        "schedule": crontab(minute="*/5"),
    },
}


@setup_logging.connect
def use_our_logs(**_: object) -> None:
    """Leave logging to settings.LOGGING; Celery would replace it."""


@worker_process_init.connect
def warm_up_the_printer(**_: object) -> None:
    """Start the printer in processes that will print papers; it warms up in the background."""
    from logistics.documents import printer

    if app.conf.task_routes["logistics.render_document"]["queue"] in app.amqp.queues.consume_from:
        printer.start()
