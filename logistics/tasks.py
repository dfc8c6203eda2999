"""Celery tasks: each is one service call and may run more than once."""

import logging
from dataclasses import asdict

from celery import shared_task
from celery.schedules import crontab

from logistics.documents import services as documents
from logistics.health import services as health
from logistics.idempotency import api as idempotency
from logistics.jobs.lanes import UPKEEP, WORKERS, heartbeats_of
from logistics.mail import services as mail
from logistics.partners import addresses

log = logging.getLogger(__name__)

# `manage.py relay` sweeps jobs, not beat: a dead beat delays no receipt.
PERIODIC: dict[str, dict[str, object]] = {
    # One for each kind of worker, which takes it before its jobs; late ones expire, as they say nothing new.
    f"heartbeat {worker}": {
        "task": "logistics.beat_heart",
        "schedule": 15.0,
        "args": [worker],
        "options": {"queue": heartbeats_of(worker), "expires": 15},
    }
    for worker in WORKERS
} | {
    "invariants": {
        "task": "logistics.verify_invariants",
        "schedule": crontab(minute="7"),
        "options": {"queue": UPKEEP},
    },
    "forget old idempotency keys": {
        "task": "logistics.forget_idempotency_keys",
        "schedule": crontab(hour="3", minute="10"),
        "options": {"queue": UPKEEP},
    },
    "remove unused ciphertexts": {
        "task": "logistics.remove_unused_ciphertexts",
        "schedule": crontab(hour="3", minute="30"),
        "options": {"queue": UPKEEP},
    },
}


@shared_task(name="logistics.render_document")
def render_document(document_id: str) -> None:
    documents.render(document_id)


@shared_task(name="logistics.send_email")
def send_email(email_id: str) -> None:
    mail.deliver(email_id)


@shared_task(name="logistics.beat_heart")
def beat_heart(worker: str) -> None:
    health.beat(worker)


# Below the broker's visibility timeout: a longer task would be delivered again while it runs.
@shared_task(name="logistics.verify_invariants", soft_time_limit=540, time_limit=570)
def verify_invariants() -> None:
    for finding in health.check_all():
        if finding.broken:
            log.error("an invariant is broken", extra=asdict(finding))


@shared_task(name="logistics.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    idempotency.forget_old()


@shared_task(name="logistics.remove_unused_ciphertexts")
def remove_unused_ciphertexts() -> None:
    addresses.remove_unused()
