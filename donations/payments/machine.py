"""State machine of a payment: from a Stripe snapshot to our row. Pure: no database, no clock, no network.

States only go forward, so snapshots that come twice, late or in any order lead to the same recorded state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from donations.payments.models import NEXT, AttemptState
from donations.stripe import facts

State = TypeVar("State")


class Mismatch(Exception):
    """Stripe's data does not match what we asked for: nothing may be booked, and staff must investigate."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class RecordedPayment:
    """One attempt as recorded in our row; same field names."""

    amount_minor: int
    currency: str
    state: AttemptState
    session_id: str | None = None
    payment_intent_id: str | None = None
    charge_id: str = ""
    decline_code: str = ""
    card_brand: str = ""
    card_last4: str = ""
    succeeded_at: datetime | None = None
    balance_transaction_id: str = ""
    fee_minor: int | None = None
    fee_currency: str = ""


def advance(
    recorded: RecordedPayment,
    session: facts.CheckoutSession | None,
    intent: facts.PaymentIntent | None,
    *,
    livemode: bool,
) -> RecordedPayment:
    """Return the new state of our row, given what Stripe shows; an older snapshot changes nothing.

    Raises Mismatch with a code (amount_mismatch, currency_mismatch, livemode_mismatch, session_mismatch,
    payment_intent_mismatch) if this is not what we asked for.
    """
    _check(recorded, session, intent, livemode)
    state = forward(recorded.state, _state_shown(session, intent), NEXT)
    new = replace(
        recorded,
        state=state,
        session_id=session.id if session else recorded.session_id,
        payment_intent_id=intent.id if intent else recorded.payment_intent_id,
    )
    if state != AttemptState.SUCCEEDED:
        shown = (intent.decline_code or intent.error_code or "") if intent else ""
        return replace(new, decline_code=(shown or recorded.decline_code)[:60])
    if intent is None or intent.status != "succeeded":
        return new  # an older snapshot; the payment has succeeded since
    return _with_payment(new, intent)


def forward(now: State, shown: State | None, allowed: Mapping[State, frozenset[State]]) -> State:
    """Return Stripe's state if it may follow the recorded one, else the recorded one."""
    return shown if shown is not None and shown in allowed[now] else now


# From payment intent status to attempt state. A decline is `requires_payment_method` in an open session: the donor may
# try another card there.
_OF_INTENT: Final = {
    "succeeded": AttemptState.SUCCEEDED,
    "processing": AttemptState.PROCESSING,
    "requires_capture": AttemptState.PROCESSING,
    "canceled": AttemptState.CANCELED,
}


def _state_shown(session: facts.CheckoutSession | None, intent: facts.PaymentIntent | None) -> AttemptState | None:
    of_intent = _OF_INTENT.get(intent.status) if intent else None
    if of_intent in (AttemptState.SUCCEEDED, AttemptState.PROCESSING):
        return of_intent
    if session is None:
        return of_intent
    if session.status == "expired":
        return AttemptState.EXPIRED  # Stripe cancels the intent of a session that expires
    if session.status == "complete" and intent is not None and intent.status == "requires_payment_method":
        return AttemptState.FAILED  # a delayed payment method that failed
    return of_intent or (AttemptState.SESSION_OPEN if session.status == "open" else None)


def _check(
    recorded: RecordedPayment,
    session: facts.CheckoutSession | None,
    intent: facts.PaymentIntent | None,
    livemode: bool,
) -> None:
    if session and recorded.session_id and session.id != recorded.session_id:
        raise Mismatch("session_mismatch")
    if intent and recorded.payment_intent_id and intent.id != recorded.payment_intent_id:
        raise Mismatch("payment_intent_mismatch")
    for one in (session, intent):
        if one is None:
            continue
        if one.livemode != livemode:
            raise Mismatch("livemode_mismatch")
        if one.currency != recorded.currency:
            raise Mismatch("currency_mismatch")
        if one.amount_minor != recorded.amount_minor:
            raise Mismatch("amount_mismatch")
    if intent and intent.status == "succeeded" and intent.amount_received_minor != recorded.amount_minor:
        raise Mismatch("amount_mismatch")


def _with_payment(recorded: RecordedPayment, intent: facts.PaymentIntent) -> RecordedPayment:
    charge = intent.charge
    booked = charge.balance_transaction if charge else None
    return replace(
        recorded,
        decline_code="",
        charge_id=intent.latest_charge_id or recorded.charge_id,
        succeeded_at=recorded.succeeded_at or (charge.created_at if charge else intent.created_at),
        card_brand=(charge.card_brand or "")[:20] if charge else recorded.card_brand,
        card_last4=(charge.card_last4 or "")[:4] if charge else recorded.card_last4,
        balance_transaction_id=booked.id if booked else recorded.balance_transaction_id,
        fee_minor=booked.fee_minor if booked else recorded.fee_minor,
        fee_currency=booked.currency if booked else recorded.fee_currency,
    )
