"""Helpers for donation tests: a charity, an appeal, donors who pay at the Stripe stand-in, workers."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from django.core import mail
from django.db.models.functions import Now
from django.test import Client

from config.celery import app as celery_app
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.jobs.models import Job
from logistics.jobs.services import job_models
from tests.stand_in import StandIn

celery_app.loader.import_default_modules()
GOOD, DECLINED = "4242424242424242", "4000000000000002"


def body_of_gift(**changes: Any) -> dict[str, Any]:
    return {
        "amount": "500.50",
        "currency": "HKD",
        "appeal": "mali",
        "donor": {"name": "Chan Tai Man", "email": "taiman@example.org", "language": "en", "country": "HK"},
        "consent": True,
    } | changes


@dataclass
class Giving:
    """Donors, the Stripe stand-in and our workers, in one process."""

    stand_in: StandIn
    client: Client = field(default_factory=Client)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        return self.client.post(
            path,
            json.dumps(body if body is not None else {}),
            content_type="application/json",
            headers={"Idempotency-Key": str(uuid.uuid4()) if key is None else key, **headers},
        )

    def give(self, **changes: Any) -> dict[str, Any]:
        """Create a gift over the API; nothing is paid yet."""
        answer = self.post("/api/v1/donations/", body_of_gift(**changes))
        assert answer.status_code == 201, answer.content
        return answer.json()

    def type_card(self, checkout_url: str, card: str = GOOD) -> requests.Response:
        """Fill in the hosted page as a person does."""
        typed = {"number": card, "expiry": "12/34", "cvc": "123", "name": "Chan Tai Man"}
        return requests.post(checkout_url, typed, allow_redirects=False, timeout=10)

    def happened(self) -> list[dict[str, Any]]:
        """Return every Stripe event so far, oldest first."""
        return self.stand_in.world.store.newest_first("event")[::-1]

    def deliver(self, *events: dict[str, Any]) -> list[int]:
        """Post signed events to our webhook, by default all so far; return the response statuses."""
        return [self.deliver_one(event).status_code for event in events or self.happened()]

    def deliver_one(self, event: dict[str, Any]) -> Any:
        raw = json.dumps(event).encode()
        headers = self.stand_in.webhooks.headers(raw)
        return self.client.post(
            "/api/v1/stripe/events/",
            raw,
            content_type="application/json",
            headers={"Stripe-Signature": headers.get("Stripe-Signature", "")},
        )

    def work(self) -> int:
        """Run all jobs, as workers and relay would over the next minutes; return how many."""
        jobs = 0
        for _ in range(40):
            done = 0
            for model in job_models():
                model.objects.filter(state=Job.State.PENDING, run_after__gt=Now()).update(run_after=Now())
                for pk in list(model.objects.due().order_by("run_after").values_list("pk", flat=True)):
                    celery_app.tasks[model.TASK](str(pk))
                    done += 1
            jobs += done
            if not done:
                return jobs
        raise AssertionError("the work does not end")

    def gift_paid(self, **changes: Any) -> Donation:
        """Create a gift, pay it, deliver its events and run all jobs."""
        gift = self.give(**changes)
        assert self.type_card(gift["checkout_url"]).status_code == 303
        self.deliver()
        self.work()
        return donation_of(gift)


def donation_of(gift: dict[str, Any]) -> Donation:
    return Donation.objects.get(reference=gift["reference"])


def receipts_of(donation: Donation) -> list[Receipt]:
    return list(donation.receipts.order_by("sequence"))


def mails() -> list[Any]:
    return list(mail.outbox)


def pdf_text(pdf: bytes) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


FROZEN = "donations.PaymentAttempt:what_an_attempt_asks_is_frozen"


def events_of(giving: Giving, *kinds: str) -> list[dict[str, Any]]:
    return [event for event in giving.happened() if event["type"] in kinds]


def paid(giving: Giving, **changes: Any) -> dict[str, Any]:
    gift = giving.give(**changes)
    giving.type_card(gift["checkout_url"])
    return gift


def intent_of(gift: dict[str, Any]) -> str:
    return str(donation_of(gift).attempts.get(counts=True).payment_intent_id)


def received(giving: Giving, card: str = GOOD) -> dict[str, Any]:
    gift = giving.give()
    giving.type_card(gift["checkout_url"], card)
    giving.deliver()
    giving.work()
    return gift


def paid_twice(giving: Giving, *, late_by: timedelta = timedelta()) -> dict[str, Any]:
    """A gift whose expired checkout is paid late, after a second one was."""
    gift = giving.give()
    first = donation_of(gift).attempts.get()
    giving.stand_in.control.advance(24 * 3600)
    giving.deliver()
    giving.work()
    giving.stand_in.control.advance(-24 * 3600)
    again = giving.post(f"/api/v1/donations/{gift['token']}/checkout/").json()
    giving.type_card(again["checkout_url"])
    giving.stand_in.control.advance(late_by.total_seconds())
    giving.stand_in.control.pay(str(first.session_id), GOOD, late=True)
    giving.stand_in.control.advance(-late_by.total_seconds())
    giving.deliver()
    giving.work()
    return gift
