"""Events of payments that are not ours, or do not match what we asked for."""

from datetime import timedelta
from typing import Any

import pgtrigger
import pytest

from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.stripe import gateway
from donations.stripe_events import services as stripe_events
from donations.stripe_events.models import StripeEvent
from logistics.jobs.models import Job
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import FROZEN, Giving, donation_of, events_of, paid, receipts_of
from tests.rights import as_superuser


def test_an_event_of_a_connected_account_is_stored_as_not_ours_and_books_nothing(giving: Giving) -> None:
    donation = donation_of(paid(giving))
    events = [event | {"account": "acct_1Another"} for event in giving.happened()]

    assert set(giving.deliver(*events)) == {200}
    giving.work()

    assert set(StripeEvent.objects.values_list("state", "outcome")) == {("done", "not_ours")}
    donation.refresh_from_db()
    assert donation.status == Donation.Status.PENDING


def test_a_payment_that_is_not_ours_is_ignored(giving: Giving) -> None:
    session = gateway.create_checkout_session(
        amount_minor=50050, currency="HKD", reference="SHOP-1", description="A mug", email=None, locale="en",
        success_url="http://localhost/", cancel_url="http://localhost/", expires_at=soon(giving), metadata={},
        idempotency_key="shop-1",
    )  # fmt: skip
    giving.stand_in.control.pay(session.id)
    giving.deliver()
    giving.work()

    outcomes = set(StripeEvent.objects.filter(kind__in=stripe_events.KINDS).values_list("state", "outcome"))
    assert outcomes == {("done", "not_ours")}


def soon(giving: Giving) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(giving.stand_in.world.store.now(), tz=UTC) + timedelta(hours=2)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [("amount_minor", 50000, "amount_mismatch"), ("currency", "EUR", "currency_mismatch")],
)
def test_another_amount_or_currency_is_quarantined_and_never_receipted(
    giving: Giving, field: str, value: Any, code: str
) -> None:
    gift = giving.give()
    with as_superuser(), pgtrigger.ignore(FROZEN):
        PaymentAttempt.objects.update(**{field: value})
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, receipts_of(donation)) == (Donation.Status.PENDING, [])
    codes = set(StripeEvent.objects.filter(state=Job.State.DEAD).values_list("last_error_code", flat=True))
    assert codes == {code}


def test_another_api_version_or_mode_is_quarantined(giving: Giving) -> None:
    giving.stand_in.control.switch(api_version="2020-08-27")
    first = paid(giving)
    giving.deliver()
    giving.work()
    assert donation_of(first).status == Donation.Status.PENDING
    assert set(StripeEvent.objects.filter(state=Job.State.DEAD).values_list("last_error_code", flat=True)) == {
        "api_version_mismatch"
    }


def test_a_live_event_in_test_mode_is_quarantined(giving: Giving) -> None:
    giving.stand_in.control.switch(livemode=True)
    gift = giving.post("/api/v1/donations/", {})  # nothing is given; only events are wanted
    assert gift.status_code == 400
    giving.stand_in.control.switch(livemode=False)
    gift = paid(giving)
    [event] = events_of(giving, "payment_intent.succeeded")
    giving.deliver(event | {"livemode": True})
    giving.work()

    assert StripeEvent.objects.get().last_error_code == "livemode_mismatch"
    assert donation_of(gift).status == Donation.Status.PENDING


def test_finance_lists_and_retries_quarantined_events(giving: Giving) -> None:
    gift = giving.give()
    with as_superuser(), pgtrigger.ignore(FROZEN):
        PaymentAttempt.objects.update(amount_minor=1)
    giving.type_card(gift["checkout_url"])
    giving.deliver(*events_of(giving, "payment_intent.succeeded"))
    giving.work()
    finance = Giving(giving.stand_in, signed_in(Role.FINANCE))
    [row] = finance.client.get("/api/v1/stripe-events/?state=dead").json()["results"]
    assert row["problem"] == "amount_mismatch"

    with as_superuser(), pgtrigger.ignore(FROZEN):
        PaymentAttempt.objects.update(amount_minor=50050)
    assert finance.post(f"/api/v1/stripe-events/{row['id']}/retry/").status_code == 202
    giving.work()

    assert donation_of(gift).status == Donation.Status.RECEIVED
    answer = finance.post(f"/api/v1/stripe-events/{row['id']}/retry/")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_only_finance_retries_events(giving: Giving) -> None:
    paid(giving)
    giving.deliver()
    path = f"/api/v1/stripe-events/{StripeEvent.objects.first().pk}/retry/"  # type: ignore[union-attr]
    assert giving.post(path).status_code in (401, 403)
    for role in (Role.AUDITOR, Role.WAREHOUSE, Role.COORDINATOR, Role.PARTNER):
        assert Giving(giving.stand_in, signed_in(role)).post(path).status_code == 403
