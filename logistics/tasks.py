"""Celery tasks: each is one service call and may run more than once."""

import logging
from dataclasses import asdict

from celery import shared_task

from logistics.documents import services as documents
from logistics.health import services as health
from logistics.idempotency import api as idempotency
from logistics.mail import services as mail
from logistics.partners import addresses

log = logging.getLogger(__name__)


@shared_task(name="logistics.render_document")
def render_document(document_id: str) -> None:
    documents.render(document_id)


@shared_task(name="logistics.send_email")
def send_email(email_id: str) -> None:
    mail.deliver(email_id)


@shared_task(name="logistics.beat_heart")
def beat_heart(queue: str) -> None:
    health.beat(f"worker {queue}")


@shared_task(name="logistics.verify_invariants")
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
