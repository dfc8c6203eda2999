"""The state machine from Stripe snapshots to our recorded state: it only goes forward and is order-independent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from donations.disputes.machine import RecordedDispute
from donations.disputes.models import NEXT as DISPUTE_NEXT
from donations.disputes.models import DisputeState
from donations.gifts.models import Donation
from donations.gifts.outcome import outcome_of
from donations.payments.machine import Mismatch, RecordedPayment
from donations.payments.models import NEXT, AttemptState
from donations.refunds.machine import RecordedRefund
from donations.refunds.models import NEXT as REFUND_NEXT
from donations.refunds.models import RefundState
from donations.stripe import facts
from donations.stripe_events.machine import RecordedState, advance
from donations.stripe_events.snapshots import Snapshot

T0 = datetime(2026, 3, 1, 4, tzinfo=UTC)
NEW = RecordedState(RecordedPayment(amount_minor=50050, currency="HKD", state=AttemptState.CREATED))


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


def refund(status: str, amount: int = 10000, number: int = 1) -> facts.StripeRefund:
    return facts.StripeRefund(f"re_{number}", status, amount, "HKD", "pi_1", "ch_1", None, None, T0)


def dispute(status: str, amount: int = 40050) -> facts.StripeDispute:
    return facts.StripeDispute(
        "du_1", status, "fraudulent", amount, "HKD", "pi_1", "ch_1", None, False, (), False, T0
    )  # fmt: skip


DECLINED = intent("requires_payment_method", error_code="card_declined", decline_code="generic_decline")
# Successive snapshots of a payment.
LIFE: Sequence[Snapshot] = (
    Snapshot(session()),
    Snapshot(session(payment_intent_id="pi_1"), DECLINED),
    Snapshot(session(payment_intent_id="pi_1"), intent("processing")),
    Snapshot(session("expired", url=None), intent("canceled")),
    Snapshot(session("complete", url=None), intent()),
    Snapshot(session("complete", url=None), intent(), (refund("pending"),)),
    Snapshot(session("complete", url=None), intent(), (refund("succeeded"),)),
    Snapshot(session("complete", url=None), intent(), (refund("failed"),)),
    Snapshot(session("complete", url=None), intent(), (refund("failed"),), (dispute("warning_needs_response"),)),
    Snapshot(session("complete", url=None), intent(), (refund("failed"),), (dispute("needs_response"),)),
    Snapshot(session("complete", url=None), intent(), (refund("failed"),), (dispute("under_review"),)),
    Snapshot(session("complete", url=None), intent(), (refund("failed"),), (dispute("lost"),)),
)


def after(taken: Sequence[Snapshot]) -> RecordedState:
    recorded = NEW
    for snapshot in taken:
        recorded = advance(recorded, snapshot, livemode=False)
    return recorded


@given(st.lists(st.sampled_from(range(len(LIFE))), max_size=12).flatmap(
    lambda some: st.permutations([*some, *range(len(LIFE))])
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_snapshots_in_any_order_with_repeats_end_in_the_same_state(order: list[int]) -> None:
    assert after([LIFE[index] for index in order]) == after(LIFE)


@given(st.lists(st.sampled_from(LIFE), max_size=12))
@settings(max_examples=300, deadline=None)
def test_each_step_goes_forward_and_repeating_it_changes_nothing(taken: list[Snapshot]) -> None:
    recorded = NEW
    for snapshot in taken:
        then = advance(recorded, snapshot, livemode=False)
        assert then.payment.state in {recorded.payment.state, *NEXT[recorded.payment.state]}
        for key, one in recorded.refunds.items():
            assert then.refunds[key].state in {one.state, *REFUND_NEXT[one.state]}
        for key, case in recorded.disputes.items():
            assert then.disputes[key].state in {case.state, *DISPUTE_NEXT[case.state]}
        assert advance(then, snapshot, livemode=False) == then
        recorded = then


@pytest.mark.parametrize(
    ("snapshot", "code"),
    [
        (Snapshot(session(amount_minor=1)), "amount_mismatch"),
        (Snapshot(session(), intent(amount_minor=1)), "amount_mismatch"),
        (Snapshot(None, intent(amount_received_minor=50000)), "amount_mismatch"),
        (Snapshot(session(currency="USD")), "currency_mismatch"),
        (Snapshot(None, intent(currency="USD")), "currency_mismatch"),
        (Snapshot(None, intent(), (replace(refund("succeeded"), currency="USD"),)), "currency_mismatch"),
        (Snapshot(None, intent(), (), (replace(dispute("lost"), currency="USD"),)), "currency_mismatch"),
        (Snapshot(session(livemode=True)), "livemode_mismatch"),
        (Snapshot(None, intent(livemode=True)), "livemode_mismatch"),
    ],
)
def test_unexpected_values_are_a_mismatch(snapshot: Snapshot, code: str) -> None:
    with pytest.raises(Mismatch) as refusal:
        advance(NEW, snapshot, livemode=False)
    assert refusal.value.code == code


def test_another_session_or_payment_is_a_mismatch() -> None:
    known = RecordedState(replace(NEW.payment, session_id="cs_1", payment_intent_id="pi_1"))
    for snapshot in (Snapshot(session(id="cs_2")), Snapshot(None, intent(id="pi_2"))):
        with pytest.raises(Mismatch):
            advance(known, snapshot, livemode=False)


def test_a_decline_keeps_the_checkout_open_and_a_success_clears_its_code() -> None:
    declined = after(LIFE[:2])
    assert (declined.payment.state, declined.payment.decline_code) == (AttemptState.SESSION_OPEN, "generic_decline")
    assert advance(declined, LIFE[4], livemode=False).payment.decline_code == ""


def test_a_delayed_payment_method_that_fails_marks_the_attempt_failed() -> None:
    waiting = after([Snapshot(session("complete", payment_intent_id="pi_1"), intent("processing"))])
    assert waiting.payment.state == AttemptState.PROCESSING
    failed = advance(waiting, Snapshot(session("complete"), intent("requires_payment_method")), livemode=False)
    assert failed.payment.state == AttemptState.FAILED


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
def test_the_outcome_of_a_donation_follows_from_refunds_and_disputes(
    refunds: Any, disputes: Any, expected: Any
) -> None:
    payment = after(LIFE[:5]).payment
    money = RecordedState(
        payment,
        {str(at): RecordedRefund(state, amount, "", "", T0) for at, (state, amount) in enumerate(refunds)},
        {str(at): RecordedDispute(state, amount, "", None, T0) for at, (state, amount) in enumerate(disputes)},
    ).money(1)
    assert money is not None
    result = outcome_of(payment.amount_minor, [money])
    assert (result.status, result.refunded_minor, result.charged_back_minor) == expected
