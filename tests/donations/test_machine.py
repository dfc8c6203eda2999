"""The pure function from pictures to books: it only goes forward and ends in one place."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from donations.gifts.models import Donation
from donations.payments import machine
from donations.payments.machine import Books, Mismatch, Picture, advance, standing
from donations.payments.models import DISPUTE_NEXT, NEXT, REFUND_NEXT, AttemptState, DisputeState, RefundState
from donations.stripe import facts

T0 = datetime(2026, 3, 1, 4, tzinfo=UTC)
NEW = Books(amount_minor=50050, currency="HKD", state=AttemptState.CREATED)


def session(status: str = "open", **changes: Any) -> facts.CheckoutSession:
    values: dict[str, Any] = {
        "id": "cs_1", "url": "http://x", "status": status, "payment_status": "unpaid", "amount_minor": 50050,
        "currency": "HKD", "reference": "GFT", "payment_intent_id": None, "livemode": False, "created_at": T0,
        "expires_at": T0 + timedelta(hours=23), "metadata": {"attempt": "1"},
    }  # fmt: skip
    return facts.CheckoutSession(**values | changes)


def intent(status: str = "succeeded", **changes: Any) -> facts.PaymentIntent:
    values: dict[str, Any] = {
        "id": "pi_1", "status": status, "amount_minor": 50050,
        "amount_received_minor": 50050 if status == "succeeded" else 0, "currency": "HKD",
        "latest_charge_id": "ch_1", "charge": None, "error_code": None, "decline_code": None, "error_message": None,
        "livemode": False, "created_at": T0, "metadata": {"attempt": "1"},
    }  # fmt: skip
    return facts.PaymentIntent(**values | changes)


def refund(status: str, amount: int = 10000, number: int = 1) -> facts.Refund:
    return facts.Refund(f"re_{number}", status, amount, "HKD", "pi_1", "ch_1", None, None, T0)


def dispute(status: str, amount: int = 40050) -> facts.Dispute:
    return facts.Dispute(
        "du_1", status, "fraudulent", amount, "HKD", "pi_1", "ch_1", None, False, (), False, T0
    )  # fmt: skip


DECLINED = intent("requires_payment_method", error_code="card_declined", decline_code="generic_decline")
# A payment's life as Stripe shows it, moment by moment.
LIFE: Sequence[Picture] = (
    Picture(session()),
    Picture(session(payment_intent_id="pi_1"), DECLINED),
    Picture(session(payment_intent_id="pi_1"), intent("processing")),
    Picture(session("expired", url=None), intent("canceled")),
    Picture(session("complete", url=None), intent()),
    Picture(session("complete", url=None), intent(), (refund("pending"),)),
    Picture(session("complete", url=None), intent(), (refund("succeeded"),)),
    Picture(session("complete", url=None), intent(), (refund("failed"),)),
    Picture(session("complete", url=None), intent(), (refund("failed"),), (dispute("warning_needs_response"),)),
    Picture(session("complete", url=None), intent(), (refund("failed"),), (dispute("needs_response"),)),
    Picture(session("complete", url=None), intent(), (refund("failed"),), (dispute("under_review"),)),
    Picture(session("complete", url=None), intent(), (refund("failed"),), (dispute("lost"),)),
)


def after(pictures: Sequence[Picture]) -> Books:
    books = NEW
    for picture in pictures:
        books = advance(books, picture, livemode=False)
    return books


@given(st.lists(st.sampled_from(range(len(LIFE))), max_size=12).flatmap(
    lambda some: st.permutations([*some, *range(len(LIFE))])
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_order_with_any_repeats_ends_in_the_same_books(order: list[int]) -> None:
    assert after([LIFE[index] for index in order]) == after(LIFE)


@given(st.lists(st.sampled_from(LIFE), max_size=12))
@settings(max_examples=300, deadline=None)
def test_each_step_goes_forward_and_repeating_it_changes_nothing(pictures: list[Picture]) -> None:
    books = NEW
    for picture in pictures:
        then = advance(books, picture, livemode=False)
        assert then.state == books.state or then.state in NEXT[books.state]
        for key, one in books.refunds.items():
            assert then.refunds[key].state in {one.state, *REFUND_NEXT[one.state]}
        for key, case in books.disputes.items():
            assert then.disputes[key].state in {case.state, *DISPUTE_NEXT[case.state]}
        assert advance(then, picture, livemode=False) == then
        books = then


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (Picture(session(amount_minor=1)), "amount_mismatch"),
        (Picture(session(), intent(amount_minor=1)), "amount_mismatch"),
        (Picture(None, intent(amount_received_minor=50000)), "amount_mismatch"),
        (Picture(session(currency="USD")), "currency_mismatch"),
        (Picture(None, intent(currency="USD")), "currency_mismatch"),
        (Picture(None, intent(), (replace(refund("succeeded"), currency="USD"),)), "currency_mismatch"),
        (Picture(None, intent(), (), (replace(dispute("lost"), currency="USD"),)), "currency_mismatch"),
        (Picture(session(livemode=True)), "livemode_mismatch"),
        (Picture(None, intent(livemode=True)), "livemode_mismatch"),
    ],
)
def test_what_we_did_not_ask_for_is_a_mismatch(picture: Picture, code: str) -> None:
    with pytest.raises(Mismatch) as refusal:
        advance(NEW, picture, livemode=False)
    assert refusal.value.code == code


def test_another_session_or_payment_is_a_mismatch() -> None:
    known = replace(NEW, session_id="cs_1", payment_intent_id="pi_1")
    for picture in (Picture(session(id="cs_2")), Picture(None, intent(id="pi_2"))):
        with pytest.raises(Mismatch):
            advance(known, picture, livemode=False)


def test_a_decline_leaves_the_checkout_open_and_a_success_forgets_it() -> None:
    declined = after(LIFE[:2])
    assert (declined.state, declined.decline_code) == (AttemptState.SESSION_OPEN, "generic_decline")
    assert advance(declined, LIFE[4], livemode=False).decline_code == ""


def test_a_method_that_answers_later_with_a_no_has_failed() -> None:
    waiting = after([Picture(session("complete", payment_intent_id="pi_1"), intent("processing"))])
    assert waiting.state == AttemptState.PROCESSING
    failed = advance(waiting, Picture(session("complete"), intent("requires_payment_method")), livemode=False)
    assert failed.state == AttemptState.FAILED


S, D, R = Donation.Status, DisputeState, RefundState


@pytest.mark.parametrize(
    ("refunds", "disputes", "expected"),
    [
        ([], [], (S.RECEIVED, 0, 0)),
        ([(R.PENDING, 50050)], [], (S.RECEIVED, 0, 0)),
        ([(R.SUCCEEDED, 10000)], [], (S.PARTIALLY_REFUNDED, 10000, 0)),
        ([(R.SUCCEEDED, 10000), (R.SUCCEEDED, 40050)], [], (S.REFUNDED, 50050, 0)),
        ([(R.SUCCEEDED, 10000), (R.FAILED, 40050)], [], (S.PARTIALLY_REFUNDED, 10000, 0)),
        ([(R.CANCELED, 50050)], [], (S.RECEIVED, 0, 0)),
        ([], [(D.WARNING_NEEDS_RESPONSE, 50050)], (S.RECEIVED, 0, 0)),
        ([], [(D.WARNING_CLOSED, 50050)], (S.RECEIVED, 0, 0)),
        ([], [(D.NEEDS_RESPONSE, 50050)], (S.DISPUTED, 0, 0)),
        ([(R.SUCCEEDED, 10000)], [(D.UNDER_REVIEW, 40050)], (S.DISPUTED, 10000, 0)),
        ([], [(D.WON, 50050)], (S.RECEIVED, 0, 0)),
        ([], [(D.LOST, 50050)], (S.CHARGED_BACK, 0, 50050)),
        ([(R.SUCCEEDED, 10000)], [(D.LOST, 40050)], (S.CHARGED_BACK, 10000, 40050)),
        ([(R.SUCCEEDED, 50050)], [(D.WON, 50050)], (S.REFUNDED, 50050, 0)),
    ],
)
def test_what_became_of_a_donation(refunds: Any, disputes: Any, expected: Any) -> None:
    result = standing(
        50050,
        [machine.RefundBook(state, amount, "", "", T0) for state, amount in refunds],
        [machine.DisputeBook(state, amount, "", None, T0) for state, amount in disputes],
    )
    assert (result.status, result.refunded_minor, result.charged_back_minor) == expected
