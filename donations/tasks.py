"""Celery tasks of this app. Each is one service call and is safe to repeat."""

import logging

from celery import shared_task
from django.utils import timezone

from donations.portal import services as portal
from donations.receipts import deliveries
from donations.stripe.gateway import PaymentProviderUnavailable
from donations.stripe_events import services as stripe_events

log = logging.getLogger(__name__)


@shared_task(name="donations.apply_stripe_event")
def apply_stripe_event(event_id: str) -> None:
    stripe_events.apply_event(event_id, at=timezone.now())


@shared_task(name="donations.deliver_receipt")
def deliver_receipt(delivery_id: str) -> None:
    deliveries.deliver(delivery_id)


@shared_task(name="donations.send_sign_in_link")
def send_sign_in_link(request_id: str) -> None:
    portal.send_link(request_id)


@shared_task(name="donations.catch_up_with_stripe")
def catch_up_with_stripe() -> None:
    try:
        stripe_events.catch_up(at=timezone.now())
    except PaymentProviderUnavailable:
        log.warning("Stripe does not answer: the next look is in five minutes")
