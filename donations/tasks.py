"""Celery tasks of this app. Each is one service call and is safe to repeat."""

import logging

from celery import shared_task
from celery.schedules import crontab
from django.utils import timezone

from donations.alarms import desk
from donations.alarms import services as alarms
from donations.challenges import services as challenges
from donations.payments import services as payments
from donations.portal import services as portal
from donations.receipts import deliveries
from donations.reconciliation import services as reconciliation
from donations.refunds import sending
from donations.stripe.gateway import PaymentProviderUnavailable
from donations.stripe_events import services as stripe_events
from donations.switches import services as switches
from logistics.jobs.lanes import UPKEEP

log = logging.getLogger(__name__)

PERIODIC: dict[str, dict[str, object]] = {
    "giving outside its usual range": {"task": "donations.watch_giving", "schedule": 60.0, "options": {"expires": 60}},
    "forget old challenges": {"task": "donations.forget_challenges", "schedule": crontab(hour="3", minute="20")},
    "what waits for finance": {"task": "donations.tell_finance", "schedule": crontab(minute="25")},
    "differences with Stripe": {
        "task": "donations.compare_with_stripe",
        "schedule": crontab(hour="4", minute="40"),
        "options": {"queue": UPKEEP},
    },
    "events that Stripe never delivered": {"task": "donations.catch_up_with_stripe", "schedule": crontab(minute="*/5")},
}


@shared_task(name="donations.apply_stripe_event")
def apply_stripe_event(event_id: str) -> None:
    stripe_events.apply_event(event_id, at=timezone.now())


@shared_task(name="donations.send_refund")
def send_refund(sending_id: str) -> None:
    sending.send(sending_id, at=timezone.now())


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


# Below the broker's visibility timeout. Each day is compared for itself, so what was done stays done.
@shared_task(name="donations.compare_with_stripe", soft_time_limit=540, time_limit=570)
def compare_with_stripe() -> None:
    try:
        reconciliation.compare_recent(at=timezone.now())
    except PaymentProviderUnavailable:
        log.warning("Stripe does not answer: the next comparison is tomorrow")


@shared_task(name="donations.tell_finance")
def tell_finance() -> None:
    desk.tell_finance(at=timezone.now())


@shared_task(name="donations.watch_giving")
def watch_giving() -> None:
    """Compare the last hour with the usual range; while giving is off, close the checkouts that are still open."""
    alarms.look(at=timezone.now())
    if not switches.the_switch().is_on:
        try:
            payments.close_checkouts(payments.open_checkouts()[:200])
        except PaymentProviderUnavailable:
            log.warning("Stripe does not answer: open checkouts are closed in a minute")


@shared_task(name="donations.forget_challenges")
def forget_challenges() -> None:
    challenges.forget_old(timezone.now())
