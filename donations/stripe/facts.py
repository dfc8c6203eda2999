"""Stripe's objects as frozen dataclasses.

Amounts are integers of ISO 4217 minor units, currencies upper-case codes, times aware datetimes in UTC,
ids Stripe's own. `from_stripe` takes Stripe's JSON of API version 2026-08-26.dahlia and raises KeyError,
TypeError or ValueError for anything else. Texts are in NFC, like our own. Statuses are Stripe's, listed beside each
field.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from donations.stripe.amounts import from_stripe_amount
from logistics.text import tidied

Json = dict[str, Any]
WORD = re.compile(r"[\x21-\x7e]+")
SECONDS_MIN, SECONDS_MAX = 946_684_800, 4_102_444_800  # 2000-01-01 and 2100-01-01


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _id(value: str | Json | None) -> str | None:
    """Return the id of a field that holds an id or, if expanded, the object."""
    return value["id"] if isinstance(value, dict) else value


def _word(value: object, most: int) -> str:
    """Check an identifier of Stripe: printable ASCII without spaces, as long as its column. Raises ValueError."""
    if not isinstance(value, str) or not WORD.fullmatch(value) or len(value) > most:
        raise ValueError("not an identifier of Stripe")
    return value


def _text(value: str | None) -> str | None:
    """Return a text as our own are kept. Raises UnusableText, a ValueError."""
    return None if value is None else tidied(value)


def _moment(seconds: object) -> datetime:
    """Check a Unix timestamp of this century. Raises ValueError."""
    if type(seconds) is not int or not SECONDS_MIN <= seconds <= SECONDS_MAX:
        raise ValueError("not a time")
    return _at(seconds)


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A Stripe checkout page for one payment."""

    id: str
    url: str | None  # only while it is open
    status: str  # open, complete, expired
    payment_status: str  # unpaid, paid, no_payment_required
    amount_minor: int
    currency: str
    reference: str | None
    payment_intent_id: str | None  # None until the donor first tries a card
    livemode: bool
    created_at: datetime
    expires_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    intent: "PaymentIntent | None" = None  # if it was expanded

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        intent = data["payment_intent"]
        return cls(
            id=data["id"],
            url=data["url"],
            status=data["status"],
            payment_status=data["payment_status"],
            amount_minor=from_stripe_amount(data["amount_total"], data["currency"]),
            currency=data["currency"].upper(),
            reference=data["client_reference_id"],
            payment_intent_id=_id(intent),
            livemode=data["livemode"],
            created_at=_at(data["created"]),
            expires_at=_at(data["expires_at"]),
            metadata=data["metadata"] or {},
            intent=PaymentIntent.from_stripe(intent) if isinstance(intent, dict) else None,
        )


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """An entry in our Stripe balance; the only source of the fee.

    In our balance currency, which may differ from the gift's: `exchange_rate` is then set, as text.
    """

    id: str
    kind: str  # charge, refund, adjustment, ...
    amount_minor: int  # negative when money leaves
    fee_minor: int
    net_minor: int
    currency: str
    exchange_rate: str | None
    created_at: datetime
    available_at: datetime

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        currency, rate = data["currency"], data["exchange_rate"]
        return cls(
            id=data["id"],
            kind=data["type"],
            amount_minor=from_stripe_amount(data["amount"], currency),
            fee_minor=from_stripe_amount(data["fee"], currency),
            net_minor=from_stripe_amount(data["net"], currency),
            currency=currency.upper(),
            exchange_rate=None if rate is None else str(rate),
            created_at=_at(data["created"]),
            available_at=_at(data["available_on"]),
        )


@dataclass(frozen=True, slots=True)
class Charge:
    """One attempt on one card."""

    id: str
    status: str  # succeeded, pending, failed
    amount_minor: int
    amount_refunded_minor: int
    currency: str
    paid: bool
    refunded: bool  # in full
    disputed: bool
    failure_code: str | None
    payment_intent_id: str | None
    card_brand: str | None
    card_last4: str | None
    livemode: bool
    created_at: datetime
    balance_transaction_id: str | None  # None until Stripe has booked it, moments after the payment
    balance_transaction: BalanceTransaction | None
    metadata: Mapping[str, str] = field(default_factory=dict)  # the payment's, when the card was tried
    # All of them, oldest first, if they were expanded and are ten at most.
    refunds: "tuple[StripeRefund, ...] | None" = None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        booked, refunds = data["balance_transaction"], data.get("refunds")
        card = (data["payment_method_details"] or {}).get("card") or {}
        return cls(
            id=data["id"],
            status=data["status"],
            amount_minor=from_stripe_amount(data["amount"], data["currency"]),
            amount_refunded_minor=from_stripe_amount(data["amount_refunded"], data["currency"]),
            currency=data["currency"].upper(),
            paid=data["paid"],
            refunded=data["refunded"],
            disputed=data["disputed"],
            failure_code=_text(data["failure_code"]),
            payment_intent_id=_id(data["payment_intent"]),
            card_brand=_text(card.get("brand")),
            card_last4=_text(card.get("last4")),
            livemode=data["livemode"],
            created_at=_at(data["created"]),
            balance_transaction_id=_id(booked),
            balance_transaction=BalanceTransaction.from_stripe(booked) if isinstance(booked, dict) else None,
            metadata=data["metadata"] or {},
            refunds=tuple(StripeRefund.oldest_first(refunds["data"])) if refunds and not refunds["has_more"] else None,
        )


@dataclass(frozen=True, slots=True)
class PaymentIntent:
    """A donor's payment, across all its charges."""

    id: str
    # requires_payment_method (also after a decline), requires_action, processing, succeeded, canceled, ...
    status: str
    amount_minor: int
    amount_received_minor: int
    currency: str
    latest_charge_id: str | None
    charge: Charge | None  # the latest one, if it was expanded
    error_code: str | None  # of the last attempt, if that failed: card_declined, expired_card, ...
    decline_code: str | None  # generic_decline, insufficient_funds, ...; never shown to a donor (card testing)
    error_message: str | None  # Stripe's English text
    livemode: bool
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        charge, error = data["latest_charge"], data["last_payment_error"] or {}
        return cls(
            id=data["id"],
            status=data["status"],
            amount_minor=from_stripe_amount(data["amount"], data["currency"]),
            amount_received_minor=from_stripe_amount(data["amount_received"], data["currency"]),
            currency=data["currency"].upper(),
            latest_charge_id=_id(charge),
            charge=Charge.from_stripe(charge) if isinstance(charge, dict) else None,
            error_code=_text(error.get("code")),
            decline_code=_text(error.get("decline_code")),
            error_message=_text(error.get("message")),
            livemode=data["livemode"],
            created_at=_at(data["created"]),
            metadata=data["metadata"] or {},
        )


@dataclass(frozen=True, slots=True)
class StripeRefund:
    """A refund to a donor."""

    id: str
    status: str  # pending, requires_action, succeeded, failed, canceled; `failed` may follow `succeeded`
    amount_minor: int
    currency: str
    payment_intent_id: str | None
    charge_id: str | None
    reason: str | None
    failure_reason: str | None
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        return cls(
            id=data["id"],
            status=data["status"],
            amount_minor=from_stripe_amount(data["amount"], data["currency"]),
            currency=data["currency"].upper(),
            payment_intent_id=_id(data["payment_intent"]),
            charge_id=_id(data["charge"]),
            reason=_text(data["reason"]),
            failure_reason=_text(data.get("failure_reason")),
            created_at=_at(data["created"]),
            metadata=data["metadata"] or {},
        )

    @classmethod
    def oldest_first(cls, rows: Iterable[Json]) -> list[Self]:
        return sorted(map(cls.from_stripe, rows), key=lambda refund: refund.created_at)


@dataclass(frozen=True, slots=True)
class StripeDispute:
    """A dispute or inquiry raised by a donor's bank."""

    id: str
    # needs_response, under_review, won, lost, prevented; warning_needs_response, warning_under_review, warning_closed
    status: str
    reason: str
    amount_minor: int
    currency: str
    payment_intent_id: str | None
    charge_id: str | None
    evidence_due_at: datetime | None
    is_charge_refundable: bool
    balance_transactions: tuple[BalanceTransaction, ...]
    livemode: bool
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        due_by = data["evidence_details"]["due_by"]
        return cls(
            id=data["id"],
            status=data["status"],
            reason=tidied(data["reason"]),
            amount_minor=from_stripe_amount(data["amount"], data["currency"]),
            currency=data["currency"].upper(),
            payment_intent_id=_id(data["payment_intent"]),
            charge_id=_id(data["charge"]),
            evidence_due_at=_at(due_by) if due_by else None,
            is_charge_refundable=data["is_charge_refundable"],
            balance_transactions=tuple(map(BalanceTransaction.from_stripe, data["balance_transactions"])),
            livemode=data["livemode"],
            created_at=_at(data["created"]),
            metadata=data["metadata"] or {},
        )


@dataclass(frozen=True, slots=True)
class StripeFraudWarning:
    """An early fraud warning of a card's network."""

    id: str
    fraud_type: str  # made_with_stolen_card, unauthorized_use_of_card, misc, ...
    actionable: bool  # until the charge is refunded in full or disputed
    payment_intent_id: str | None
    created_at: datetime

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        return cls(
            id=data["id"],
            fraud_type=tidied(data["fraud_type"]),
            actionable=data["actionable"],
            payment_intent_id=_id(data.get("payment_intent")),
            created_at=_at(data["created"]),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """A notification that something happened at Stripe: a reason to fetch, not a fact to book."""

    id: str
    kind: str  # checkout.session.completed, payment_intent.succeeded, charge.refunded, ...
    api_version: str | None
    livemode: bool
    created_at: datetime
    object_type: str  # checkout.session, payment_intent, charge, refund, dispute, ...
    object_id: str
    payment_intent_id: str | None  # of the payment concerned, if the object names it
    reference: str | None  # `client_reference_id` of a checkout session
    account: str | None = None  # of a connected account; None: our own

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read an event. Raises ValueError for a value that no event of Stripe has."""
        about = data["data"]["object"]
        kind = _word(about["object"], 60)
        # Some objects, such as a balance, have no id.
        object_id = _word(about["id"], 100) if "id" in about else ""
        intent = object_id if kind == "payment_intent" else _id(about.get("payment_intent"))
        if type(data["livemode"]) is not bool:
            raise ValueError("livemode is not a boolean")
        return cls(
            id=_word(data["id"], 100),
            kind=_word(data["type"], 80),
            api_version=_word(data["api_version"], 40) if data["api_version"] is not None else None,
            livemode=data["livemode"],
            created_at=_moment(data["created"]),
            object_type=kind,
            object_id=object_id,
            payment_intent_id=_word(intent, 100) if intent is not None else None,
            reference=about.get("client_reference_id"),
            account=_word(data["account"], 100) if data.get("account") is not None else None,
        )
