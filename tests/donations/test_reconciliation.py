"""What is found by comparing Stripe with our rows, and what an outage of days does not lose."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from config.celery import app as celery_app
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.reconciliation import services as reconciliation
from donations.reconciliation.models import StripeDifference
from donations.refunds.models import Refund
from donations.stripe import gateway
from donations.stripe_events import services as stripe_events
from logistics.health import services as health
from logistics.mail.models import Email
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import FROZEN, Giving, donation_of, intent_of, received
from tests.makers.people import make_user
from tests.rights import as_superuser

pytestmark = pytest.mark.django_db


def compare(giving: Giving) -> list[tuple[str, str, str, str]]:
    now = giving_now(giving)
    found = reconciliation.compare(now - timedelta(days=3), now + timedelta(hours=1), at=now)
    return [(one.about, one.kind, one.ours, one.theirs) for one in found]


def giving_now(giving: Giving) -> datetime:
    return datetime.fromtimestamp(giving.stand_in.control.show()["now"], tz=timezone.get_current_timezone())


def test_both_sides_agree_after_gifts_refunds_and_disputes(giving: Giving) -> None:
    for act in ("refund", "dispute"):
        intent = intent_of(received(giving))
        getattr(giving.stand_in.control, act)(payment_intent=intent)
        giving.deliver()
        giving.work()

    assert compare(giving) == []


def test_a_payment_that_no_event_told_of_is_booked(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])

    assert compare(giving) == []
    giving.work()

    assert donation_of(gift).status == Donation.Status.RECEIVED


def test_a_refund_and_a_dispute_that_no_event_told_of_are_booked(giving: Giving) -> None:
    refunded, disputed = received(giving), received(giving)
    giving.stand_in.control.refund(payment_intent=intent_of(refunded))
    giving.stand_in.control.dispute(payment_intent=intent_of(disputed))

    assert compare(giving) == []

    assert donation_of(refunded).status == Donation.Status.REFUNDED
    assert donation_of(disputed).status == Donation.Status.DISPUTED


def test_an_amount_that_differs_is_kept_until_both_agree(giving: Giving) -> None:
    gift = received(giving)
    attempt = donation_of(gift).attempts.get()
    change_amount(attempt, 1)

    first, second = compare(giving), compare(giving)
    change_amount(attempt, 50050)
    third = compare(giving)

    assert first == second == [("payment", "amount", "HKD 0.01", "HKD 500.50")]
    assert third == []
    [row] = StripeDifference.objects.all()
    assert (row.attempt, row.ended_at is not None) == (attempt, True)


def change_amount(attempt: PaymentAttempt, amount_minor: int) -> None:
    with as_superuser(), pgtrigger.ignore(FROZEN):
        PaymentAttempt.objects.filter(pk=attempt.pk).update(amount_minor=amount_minor)


def test_a_payment_that_stripe_does_not_list_is_named(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    received(giving)
    monkeypatch.setattr(gateway, "list_charges", lambda since, until: iter(()))

    assert compare(giving) == [("payment", "not_there", "HKD 500.50", "")]


def test_a_refund_that_stripe_does_not_know_is_named(giving: Giving) -> None:
    attempt = donation_of(received(giving)).attempts.get()
    Refund.objects.create(
        attempt=attempt, stripe_id="re_unheard_of", state="succeeded", amount_minor=100, currency="HKD",
        created_at=giving_now(giving),
    )  # fmt: skip

    assert compare(giving) == [("refund", "not_there", "HKD 1.00", "")]


def test_a_payment_of_a_gift_that_we_never_had_is_named(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    gift = received(giving)
    charges = [*gateway.list_charges(giving_now(giving) - timedelta(days=1), giving_now(giving) + timedelta(hours=1))]
    lost = [replaced(charge, attempt="01990000-0000-7000-8000-000000000000") for charge in charges]
    monkeypatch.setattr(gateway, "list_charges", lambda since, until: iter([*charges, *lost]))

    assert compare(giving) == [("payment", "not_here", "", "HKD 500.50")]
    assert donation_of(gift).status == Donation.Status.RECEIVED


def replaced(charge: gateway.Charge, *, attempt: str) -> gateway.Charge:
    return replace(charge, id=charge.id + "x", metadata={"attempt": attempt})


def test_payments_that_are_not_ours_are_left_out(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    received(giving)
    charges = [*gateway.list_charges(giving_now(giving) - timedelta(days=1), giving_now(giving) + timedelta(hours=1))]
    others = [replaced(charge, attempt=said) for charge in charges for said in ("", "order 7")]
    monkeypatch.setattr(gateway, "list_charges", lambda since, until: iter([*charges, *others]))

    assert compare(giving) == []


# --- The command, the nightly task, the desk ---------------------------------------------------------------------


def test_the_command_lists_what_differs_and_fails(giving: Giving) -> None:
    change_amount(donation_of(received(giving)).attempts.get(), 1)
    out = StringIO()

    with pytest.raises(CommandError, match="1 differences are left"):
        call_command("compare_with_stripe", stdout=out)

    assert "Payment: Different amounts" in out.getvalue()
    assert "HKD 0.01 / HKD 500.50" in out.getvalue()


def test_the_command_says_that_both_agree(giving: Giving) -> None:
    received(giving)
    out = StringIO()

    call_command("compare_with_stripe", "--since", "2026-01-01", "--until", "2026-01-03", stdout=out)

    assert "agree" in out.getvalue()


@pytest.mark.parametrize("span", [["--since", "2026-01-03", "--until", "2026-01-01"], ["--since", "2999-01-01"]])
def test_the_command_refuses_a_span_that_is_none(giving: Giving, span: list[str]) -> None:
    with pytest.raises(CommandError, match="before --until"):
        call_command("compare_with_stripe", *span)


def test_while_stripe_is_down_the_command_says_so(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise gateway.PaymentProviderUnavailable("down")

    monkeypatch.setattr(gateway, "list_charges", down)

    with pytest.raises(CommandError, match="Stripe does not answer"):
        call_command("compare_with_stripe")
    celery_app.tasks["donations.compare_with_stripe"]()


def test_finance_is_mailed_of_a_new_difference_once(giving: Giving) -> None:
    finance = make_user(Role.FINANCE)
    attempt = donation_of(received(giving)).attempts.get()
    change_amount(attempt, 1)
    later = giving_now(giving) + timedelta(hours=3)

    counts = [reconciliation.compare_recent(at=later) for _ in range(2)]

    assert counts == [1, 1]
    [mail] = Email.objects.filter(kind="stripe-differs")
    assert mail.to == finance.email
    assert "/admin/donations/stripedifference/?settled=no" in mail.body


def test_a_difference_of_months_ago_ends_once_both_agree(giving: Giving) -> None:
    attempt = donation_of(received(giving)).attempts.get()
    change_amount(attempt, 1)
    months_later = giving_now(giving) + timedelta(days=90)
    compare(giving)

    reconciliation.compare_recent(at=months_later)
    still_open = StripeDifference.objects.filter(ended_at=None).count()
    change_amount(attempt, 50050)
    reconciliation.compare_recent(at=months_later)

    assert (still_open, StripeDifference.objects.filter(ended_at=None).count()) == (1, 0)


@pytest.mark.parametrize(("language", "words"), [("en", "500.50 HKD"), ("fr", "500,50 HKD")])
def test_the_desk_shows_differences_in_words(giving: Giving, language: str, words: str) -> None:
    change_amount(donation_of(received(giving)).attempts.get(), 1)
    compare(giving)
    client = signed_in(Role.FINANCE)
    client.post(reverse("set_language"), {"language": language})

    page = client.get("/admin/donations/stripedifference/?settled=no").content.decode()
    settled = client.get("/admin/donations/stripedifference/?settled=yes").content.decode()

    assert words in page.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert words not in settled


# --- Outages -----------------------------------------------------------------------------------------------------


def test_a_refund_made_during_an_outage_of_days_is_found_afterwards(giving: Giving) -> None:
    gift = received(giving)
    stripe_events.catch_up(at=giving_now(giving))
    giving.stand_in.control.refund(payment_intent=intent_of(gift))
    giving.stand_in.control.advance(4 * 24 * 3600)

    stripe_events.catch_up(at=giving_now(giving))
    giving.work()

    assert donation_of(gift).status == Donation.Status.REFUNDED


def test_the_list_is_read_from_where_it_was_read_last(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = listen(monkeypatch)
    now = giving_now(giving)

    stripe_events.catch_up(at=now)
    first = asked[:]
    asked.clear()
    stripe_events.catch_up(at=now + timedelta(minutes=5))

    assert first[0][0] == now - timedelta(days=30)
    assert [until for _, until in first[:-1]] == [since for since, _ in first[1:]]
    assert asked == [(now - timedelta(hours=2), None)]


def test_a_reading_that_was_cut_short_goes_on_where_it_was(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    now = giving_now(giving)
    health.bookmark(stripe_events.READ_UNTIL, {"read_until": (now - timedelta(days=5)).isoformat()})
    asked = listen(monkeypatch, fail_at=4)

    with pytest.raises(gateway.PaymentProviderUnavailable):
        stripe_events.catch_up(at=now)
    cut = asked[-1][0]
    asked.clear()
    stripe_events.catch_up(at=now)

    assert asked[0][0] == cut - timedelta(hours=2)


def listen(monkeypatch: pytest.MonkeyPatch, fail_at: int = 0) -> list[tuple[datetime, datetime | None]]:
    asked: list[tuple[datetime, datetime | None]] = []
    calls = itertools.count(1)

    def list_events(since: datetime, until: datetime | None = None, *, kinds: object) -> Any:
        asked.append((since, until))
        if next(calls) == fail_at:
            raise gateway.PaymentProviderUnavailable("down")
        return iter(())

    monkeypatch.setattr(gateway, "list_events", list_events)
    return asked
