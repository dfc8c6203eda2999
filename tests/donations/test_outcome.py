"""A gift's outcome follows from all of its payments together: whatever the order, what is held is what is receipted."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from donations.gifts.models import Donation
from donations.gifts.outcome import GiftOutcome, PaidMoney, outcome_of, surplus_of, that_counts
from donations.payments.machine import RecordedPayment
from donations.payments.models import AttemptState
from donations.stripe import facts
from donations.stripe_events.machine import RecordedState, advance
from donations.stripe_events.snapshots import Snapshot
from logistics.charity import services as charities
from tests.donations.broken import broken
from tests.donations.giving import Giving, donation_of, intent_of, paid_twice, receipts_of

T0 = datetime(2026, 3, 1, 4, tzinfo=UTC)
AMOUNT = 500
S = Donation.Status


def kept(outcome: GiftOutcome) -> int:
    return max(0, AMOUNT - outcome.refunded_minor - outcome.charged_back_minor)


parts = st.integers(0, AMOUNT)
moneys = st.lists(st.tuples(parts, parts, parts), min_size=1, max_size=4).map(
    lambda all_of: [
        PaidMoney(number, T0 + timedelta(hours=number % 2), AMOUNT, refunded, lost, disputed)
        for number, (refunded, lost, disputed) in enumerate(all_of, start=1)
    ]
)


@given(moneys, st.randoms())
@settings(max_examples=500, deadline=None)
def test_the_order_of_payments_does_not_matter_and_what_is_kept_is_what_they_hold(
    payments: list[PaidMoney], chance: Any
) -> None:
    outcome, counting = outcome_of(AMOUNT, payments), that_counts(payments)
    shuffled = chance.sample(payments, len(payments))

    assert (outcome_of(AMOUNT, shuffled), that_counts(shuffled)) == (outcome, counting)
    assert surplus_of(AMOUNT, shuffled) == surplus_of(AMOUNT, payments)
    assert kept(outcome) == min(AMOUNT, sum(one.kept_minor for one in payments))
    assert (outcome.status == S.RECEIVED) <= (kept(outcome) == AMOUNT)
    if len(payments) == 1:
        [one] = payments
        assert (outcome.refunded_minor, outcome.charged_back_minor) == (one.refunded_minor, one.charged_back_minor)


@given(moneys)
@settings(max_examples=500, deadline=None)
def test_giving_the_surplus_back_takes_nothing_from_the_gift_and_leaves_no_surplus(payments: list[PaidMoney]) -> None:
    surplus = surplus_of(AMOUNT, payments)
    after = [replace(one, refunded_minor=one.refunded_minor + surplus.get(one.number, 0)) for one in payments]

    assert all(surplus[one.number] <= one.free_minor for one in payments if one.number in surplus)
    assert kept(outcome_of(AMOUNT, after)) == kept(outcome_of(AMOUNT, payments))
    assert surplus_of(AMOUNT, after) == {}
    # Even if every open dispute is lost.
    lost = [replace(one, charged_back_minor=one.charged_back_minor + one.disputed_minor) for one in after]
    assert not surplus or kept(outcome_of(AMOUNT, lost)) == AMOUNT


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {}, (S.RECEIVED, 0, 0)),
        ({"refunded_minor": 500}, {}, (S.RECEIVED, 0, 0)),
        ({}, {"charged_back_minor": 500}, (S.RECEIVED, 0, 0)),
        ({"disputed_minor": 500}, {}, (S.RECEIVED, 0, 0)),
        ({"disputed_minor": 500}, {"refunded_minor": 500}, (S.DISPUTED, 0, 0)),
        ({"disputed_minor": 500}, {"refunded_minor": 1}, (S.DISPUTED, 0, 0)),
        ({"refunded_minor": 200}, {"refunded_minor": 400}, (S.PARTIALLY_REFUNDED, 100, 0)),
        ({"refunded_minor": 200}, {"charged_back_minor": 500}, (S.PARTIALLY_REFUNDED, 200, 0)),
        ({"refunded_minor": 500}, {"charged_back_minor": 500}, (S.REFUNDED, 500, 0)),
        ({"refunded_minor": 500}, {"refunded_minor": 500}, (S.REFUNDED, 500, 0)),
        ({"refunded_minor": 500}, {"charged_back_minor": 300}, (S.CHARGED_BACK, 0, 300)),
    ],
)
def test_a_gift_that_was_paid_twice(first: dict[str, int], second: dict[str, int], expected: Any) -> None:
    payments = [PaidMoney(1, T0, AMOUNT, **first), PaidMoney(2, T0 + timedelta(days=1), AMOUNT, **second)]
    outcome = outcome_of(AMOUNT, payments)

    assert (outcome.status, outcome.refunded_minor, outcome.charged_back_minor) == expected


# --- Whatever Stripe shows, in any order ------------------------------------------------------------------------


REFUND_LIVES = (
    ("pending",), ("succeeded",), ("pending", "succeeded"), ("pending", "failed"), ("succeeded", "failed"),
    ("pending", "succeeded", "failed"), ("pending", "canceled"),
)  # fmt: skip
DISPUTE_LIVES = (
    ("warning_needs_response", "warning_closed"), ("needs_response",), ("needs_response", "won"),
    ("needs_response", "under_review", "lost"), ("warning_needs_response", "needs_response", "lost"),
)  # fmt: skip
Life = list[Snapshot]


@st.composite
def lives(draw: Any, number: int) -> Life:
    """Successive snapshots of one payment: it is paid, refunded in parts, disputed; each of these has its own life."""
    tracks: list[list[tuple[str, str, int]]] = []
    left = AMOUNT
    for index in range(draw(st.integers(0, 3))):
        amount = draw(st.integers(1, max(1, left)))
        left = max(0, left - amount)
        tracks.append([(f"re_{number}{index}", status, amount) for status in draw(st.sampled_from(REFUND_LIVES))])
    if draw(st.booleans()):
        amount = draw(st.integers(1, AMOUNT))
        tracks.append([(f"du_{number}", status, amount) for status in draw(st.sampled_from(DISPUTE_LIVES))])
    order = draw(st.permutations([index for index, track in enumerate(tracks) for _ in track]))
    now: dict[str, tuple[str, int]] = {}
    found = [_snapshot(number, now)]
    for index in order:
        key, status, amount = tracks[index].pop(0)
        now = now | {key: (status, amount)}
        found.append(_snapshot(number, now))
    return found


def _snapshot(number: int, now: dict[str, tuple[str, int]]) -> Snapshot:
    paid_at = T0 + timedelta(hours=number)
    intent = facts.PaymentIntent(
        f"pi_{number}", "succeeded", AMOUNT, AMOUNT, "HKD", None, None, None, None, None, False, paid_at, {}
    )
    refunds = tuple(
        facts.StripeRefund(key, status, amount, "HKD", intent.id, None, None, None, paid_at)
        for key, (status, amount) in now.items()
        if key.startswith("re_")
    )
    disputes = tuple(
        facts.StripeDispute(key, status, "fraudulent", amount, "HKD", intent.id, None, None, False, (), False, paid_at)
        for key, (status, amount) in now.items()
        if key.startswith("du_")
    )
    return Snapshot(None, intent, refunds, disputes)


def booked(looks: Sequence[tuple[int, Snapshot]]) -> tuple[GiftOutcome, PaidMoney, dict[int, int]]:
    """Book snapshots one after another, each with the number of its payment."""
    new = RecordedState(RecordedPayment(amount_minor=AMOUNT, currency="HKD", state=AttemptState.SESSION_OPEN))
    rows: dict[int, RecordedState] = {}
    for number, snapshot in looks:
        rows[number] = advance(rows.get(number, new), snapshot, livemode=False)
    money = [one for number, row in rows.items() if (one := row.money(number))]
    return outcome_of(AMOUNT, money), that_counts(money), surplus_of(AMOUNT, money)


@given(
    st.integers(1, 3).flatmap(lambda count: st.tuples(*(lives(number) for number in range(1, count + 1)))),
    st.data(),
)
@settings(max_examples=400, deadline=None)
def test_snapshots_of_all_payments_in_any_order_end_in_the_same_state(all_of: tuple[Life, ...], data: Any) -> None:
    looks = [(number, snapshot) for number, life in enumerate(all_of, start=1) for snapshot in life]
    again = data.draw(st.lists(st.sampled_from(looks), max_size=4))
    mixed = data.draw(st.permutations([*looks, *again]))

    assert booked(mixed) == booked(looks)

    held = 0
    for life in all_of:
        last = life[-1]
        gone = sum(one.amount_minor for one in last.refunds if one.status == "succeeded")
        gone += sum(one.amount_minor for one in last.disputes if one.status == "lost")
        held += max(0, AMOUNT - gone)
    assert kept(booked(mixed)[0]) == min(AMOUNT, held)


# --- At Stripe, through the webhook ------------------------------------------------------------------------------


Act = Callable[[Giving, str, str], None]


def refund_a_part_of_the_first(giving: Giving, first: str, second: str) -> None:
    giving.stand_in.control.refund(payment_intent=first, amount=20000)


def refund_the_second_which_fails(giving: Giving, first: str, second: str) -> None:
    made = giving.stand_in.control.refund(payment_intent=second)
    told(giving)
    giving.stand_in.control.fail_refund(made["id"])


def lose_a_dispute_of_the_second(giving: Giving, first: str, second: str) -> None:
    dispute = giving.stand_in.control.dispute(second, amount=40000)
    told(giving)
    giving.stand_in.control.close_dispute(dispute["id"], status="lost")


def told(giving: Giving) -> None:
    giving.deliver()
    giving.work()


ACTS: tuple[Act, ...] = (refund_a_part_of_the_first, refund_the_second_which_fails, lose_a_dispute_of_the_second)


@pytest.mark.parametrize("order", [
    order for order in permutations(ACTS)
    # Stripe refunds nothing of a payment that was charged back.
    if order.index(refund_the_second_which_fails) < order.index(lose_a_dispute_of_the_second)
])  # fmt: skip
def test_acts_at_stripe_in_any_order_leave_the_money_held_on_the_receipt(
    giving: Giving, order: tuple[Act, ...]
) -> None:
    donation = donation_of(paid_twice(giving))
    first, second = (str(one.payment_intent_id) for one in donation.attempts.order_by("number"))

    for act in order:
        act(giving, first, second)
        told(giving)
        valid = [one.amount_minor for one in receipts_of(donation) if one.state == "issued"]
        donation.refresh_from_db()
        assert valid == [donation.kept_minor]
        assert broken() == []

    # Held: 300.50 of the first payment, 100.50 of the second.
    assert (donation.status, donation.refunded_minor, donation.charged_back_minor) == (S.PARTIALLY_REFUNDED, 9950, 0)
    [appeal] = giving.client.get("/api/v1/appeals/").json()["results"]
    assert [one["amount"] for one in appeal["received"]] == ["401.00"]


def test_a_dispute_of_one_of_two_payments_leaves_the_gift_received(giving: Giving) -> None:
    gift = paid_twice(giving)
    donation = donation_of(gift)
    dispute = giving.stand_in.control.dispute(intent_of(gift))
    told(giving)
    donation.refresh_from_db()
    assert donation.status == S.RECEIVED

    giving.stand_in.control.close_dispute(dispute["id"], status="lost")
    told(giving)

    donation.refresh_from_db()
    assert (donation.status, donation.kept_minor) == (S.RECEIVED, 50050)
    assert [one.state for one in receipts_of(donation)] == ["issued"]


def test_the_date_on_the_receipt_is_that_of_the_payment_that_is_kept(giving: Giving) -> None:
    gift = paid_twice(giving, late_by=timedelta(days=3))
    donation = donation_of(gift)
    earlier, later = donation.attempts.order_by("succeeded_at")
    assert earlier.succeeded_at is not None
    assert later.succeeded_at is not None
    today, charity = charities.day_of(earlier.succeeded_at), charities.the_charity()
    assert (donation.received_on, earlier.counts) == (today, True)

    giving.stand_in.control.refund(payment_intent=str(earlier.payment_intent_id))
    told(giving)

    donation.refresh_from_db()
    assert (donation.status, donation.received_on) == (S.RECEIVED, charities.day_of(later.succeeded_at, charity))
    old, new = receipts_of(donation)
    assert (old.state, old.end_reason, new.replaces) == ("replaced", "other_payment", old)
    assert new.document.context["received_on"] == str(today + timedelta(days=3))
    assert broken() == []
