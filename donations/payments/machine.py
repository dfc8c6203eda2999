"""What Stripe shows of a payment -> what our books should say of it. Pure: no database, no clock, no network.

Four machines that know nothing of each other: the attempt, each refund, each dispute, and (in receipts) the
receipt; the donation's standing is derived from them. All only go forward, so pictures that come twice, late or
in any order end in the same books.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeVar

from donations.gifts.models import Donation
from donations.payments.models import (
    DISPUTE_NEXT,
    DISPUTE_OPEN,
    NEXT,
    REFUND_NEXT,
    AttemptState,
    DisputeState,
    RefundState,
)
from donations.stripe import facts

State = TypeVar("State", AttemptState, RefundState, DisputeState)


class Mismatch(Exception):
    """What Stripe shows is not what we asked for; a person must look, and nothing may be booked."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Picture:
    """All that Stripe shows of one payment at one moment."""

    session: facts.CheckoutSession | None = None
    intent: facts.PaymentIntent | None = None
    refunds: tuple[facts.Refund, ...] = ()
    disputes: tuple[facts.Dispute, ...] = ()

    @property
    def metadata(self) -> Mapping[str, str]:
        """What we told Stripe to remember, `{"attempt": id, "donation": reference}`; empty if it is not ours."""
        of_session = self.session.metadata if self.session else {}
        return of_session or (self.intent.metadata if self.intent else {})


@dataclass(frozen=True, slots=True)
class RefundBook:
    state: RefundState
    amount_minor: int
    reason: str
    failure_reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeBook:
    state: DisputeState
    amount_minor: int
    reason: str
    evidence_due_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """What our rows say of one attempt, its refunds and disputes (by Stripe's ids)."""

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
    refunds: Mapping[str, RefundBook] = field(default_factory=dict)
    disputes: Mapping[str, DisputeBook] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a donation."""

    status: Donation.Status
    refunded_minor: int
    charged_back_minor: int


def advance(books: Books, picture: Picture, *, livemode: bool) -> Books:
    """Return what the books should say after seeing this picture; older pictures change nothing.

    Raises Mismatch with a code (amount_mismatch, currency_mismatch, livemode_mismatch, session_mismatch,
    payment_intent_mismatch) when the picture is not of what we asked for.
    """
    _check(books, picture, livemode)
    session, intent = picture.session, picture.intent
    state = _forward(books.state, _state_shown(picture), NEXT)
    new = replace(
        books,
        state=state,
        session_id=session.id if session else books.session_id,
        payment_intent_id=intent.id if intent else books.payment_intent_id,
        refunds={**books.refunds, **{one.id: _refund(books.refunds.get(one.id), one) for one in picture.refunds}},
        disputes={**books.disputes, **{one.id: _dispute(books.disputes.get(one.id), one) for one in picture.disputes}},
    )
    if state != AttemptState.SUCCEEDED:
        shown = (intent.decline_code or intent.error_code or "") if intent else ""
        return replace(new, decline_code=(shown or books.decline_code)[:60])
    if intent is None or intent.status != "succeeded":
        return new  # an older picture of a payment that has succeeded since
    return _with_payment(new, intent)


# What Stripe calls the states of a payment intent and of a checkout session, and what that means for the attempt.
# A decline is `requires_payment_method` in an open session: the donor may try another card there.
_OF_INTENT: Final = {
    "succeeded": AttemptState.SUCCEEDED,
    "processing": AttemptState.PROCESSING,
    "requires_capture": AttemptState.PROCESSING,
    "canceled": AttemptState.CANCELED,
}


def _state_shown(picture: Picture) -> AttemptState | None:
    session, intent = picture.session, picture.intent
    of_intent = _OF_INTENT.get(intent.status) if intent else None
    if of_intent in (AttemptState.SUCCEEDED, AttemptState.PROCESSING):
        return of_intent
    if session is None:
        return of_intent
    if session.status == "expired":
        return AttemptState.EXPIRED  # Stripe cancels the intent of a session that expires
    if session.status == "complete" and intent is not None and intent.status == "requires_payment_method":
        return AttemptState.FAILED  # paid by a method that answers later, with a no
    return of_intent or (AttemptState.SESSION_OPEN if session.status == "open" else None)


def _forward(now: State, shown: State | None, allowed: Mapping[State, frozenset[State]]) -> State:
    return shown if shown is not None and shown in allowed[now] else now


def _check(books: Books, picture: Picture, livemode: bool) -> None:
    session, intent = picture.session, picture.intent
    if session and books.session_id and session.id != books.session_id:
        raise Mismatch("session_mismatch")
    if intent and books.payment_intent_id and intent.id != books.payment_intent_id:
        raise Mismatch("payment_intent_mismatch")
    for one in (session, intent):
        if one is None:
            continue
        if one.livemode != livemode:
            raise Mismatch("livemode_mismatch")
        if one.currency != books.currency:
            raise Mismatch("currency_mismatch")
        if one.amount_minor != books.amount_minor:
            raise Mismatch("amount_mismatch")
    if intent and intent.status == "succeeded" and intent.amount_received_minor != books.amount_minor:
        raise Mismatch("amount_mismatch")
    back = {refund.currency for refund in picture.refunds} | {dispute.currency for dispute in picture.disputes}
    if back - {books.currency}:
        raise Mismatch("currency_mismatch")


def _with_payment(books: Books, intent: facts.PaymentIntent) -> Books:
    charge = intent.charge
    booked = charge.balance_transaction if charge else None
    return replace(
        books,
        decline_code="",
        charge_id=intent.latest_charge_id or books.charge_id,
        succeeded_at=books.succeeded_at or (charge.created_at if charge else intent.created_at),
        card_brand=(charge.card_brand or "")[:20] if charge else books.card_brand,
        card_last4=(charge.card_last4 or "")[:4] if charge else books.card_last4,
        balance_transaction_id=booked.id if booked else books.balance_transaction_id,
        fee_minor=booked.fee_minor if booked else books.fee_minor,
        fee_currency=booked.currency if booked else books.fee_currency,
    )


def _refund(known: RefundBook | None, shown: facts.Refund) -> RefundBook:
    wanted = RefundState.PENDING if shown.status == "requires_action" else RefundState(shown.status)
    state = wanted if known is None else _forward(known.state, wanted, REFUND_NEXT)
    return RefundBook(
        state=state,
        amount_minor=shown.amount_minor,
        reason=(shown.reason or "")[:60],
        failure_reason=(shown.failure_reason or (known.failure_reason if known else ""))[:60],
        created_at=shown.created_at,
    )


def _dispute(known: DisputeBook | None, shown: facts.Dispute) -> DisputeBook:
    wanted = DisputeState(shown.status)
    state = wanted if known is None else _forward(known.state, wanted, DISPUTE_NEXT)
    return DisputeBook(
        state=state,
        amount_minor=shown.amount_minor,
        reason=shown.reason[:60],
        evidence_due_at=shown.evidence_due_at,
        created_at=shown.created_at,
    )


def standing(amount_minor: int, refunds: Iterable[RefundBook], disputes: Iterable[DisputeBook]) -> Standing:
    """Return the status of a received donation, and what of it went back to the donor or the donor's bank."""
    disputes = list(disputes)
    refunded = min(sum(one.amount_minor for one in refunds if one.state == RefundState.SUCCEEDED), amount_minor)
    lost = min(sum(one.amount_minor for one in disputes if one.state == DisputeState.LOST), amount_minor)
    if lost:
        status = Donation.Status.CHARGED_BACK
    elif any(one.state in DISPUTE_OPEN for one in disputes):
        status = Donation.Status.DISPUTED
    elif refunded == amount_minor:
        status = Donation.Status.REFUNDED
    elif refunded:
        status = Donation.Status.PARTIALLY_REFUNDED
    else:
        status = Donation.Status.RECEIVED
    return Standing(status, refunded, lost)
