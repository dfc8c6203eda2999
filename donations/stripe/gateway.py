"""Our calls to Stripe. Callers import this module, never Stripe's library.

Nothing here writes to our database, and nothing here may be called inside a transaction: a call takes up
to 25 seconds. Amounts go in and come out as integers of ISO 4217 minor units, currencies as upper-case
codes, times as aware datetimes in UTC. Results are frozen dataclasses (`donations.stripe.facts`), never
Stripe's own objects. API version 2026-08-26.dahlia.

Raises, besides what each function names:
- PaymentProviderUnavailable: no response, a timeout, a 5xx or a rate limit, after two retries. The call may
  have taken effect all the same: call again with the same idempotency key.
- PaymentProviderMisconfigured: our key or permissions are wrong; staff must act.
- PaymentRefused: Stripe refused; a retry changes nothing.
- PaymentObjectMissing: Stripe does not know the id.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from donations.stripe.amounts import to_stripe_amount
from donations.stripe.client import (
    API_VERSION,
    PaymentObjectMissing,
    PaymentProviderMisconfigured,
    PaymentProviderUnavailable,
    PaymentRefused,
    errors_translated,
    is_live,
    v1,
)
from donations.stripe.facts import (
    Charge,
    CheckoutSession,
    Event,
    PaymentIntent,
    StripeDispute,
    StripeFraudWarning,
    StripeRefund,
)
from donations.stripe.signature import BadSignature, verify

__all__ = [
    "API_VERSION",
    "BadSignature",
    "Charge",
    "CheckoutSession",
    "Event",
    "PaymentIntent",
    "PaymentObjectMissing",
    "PaymentProviderMisconfigured",
    "PaymentProviderUnavailable",
    "PaymentRefused",
    "StripeDispute",
    "StripeFraudWarning",
    "StripeRefund",
    "create_checkout_session",
    "create_refund",
    "expire_checkout_session",
    "fetch_checkout_session",
    "fetch_disputes",
    "fetch_fraud_warnings",
    "fetch_payment_intent",
    "fetch_refunds",
    "find_checkout_sessions",
    "is_live",
    "list_charges",
    "list_disputes",
    "list_events",
    "list_refunds",
    "read_event",
]


KINDS_MAX: Final = 20  # of events, that Stripe lists at once


def create_checkout_session(
    *,
    amount_minor: int,
    currency: str,
    reference: str,
    description: str,
    email: str | None,
    locale: str,
    success_url: str,
    cancel_url: str,
    expires_at: datetime,
    metadata: Mapping[str, str],
    idempotency_key: str,
) -> CheckoutSession:
    """Open a Stripe checkout page for one card payment; send the donor to its `url`.

    The same key and arguments return the same session for 24 hours, so every argument must come from a
    committed row, `expires_at` too (30 minutes to 24 hours from now, by Stripe's clock). `reference` becomes
    `client_reference_id`; `metadata` is also set on the payment intent. Stripe replaces
    `{CHECKOUT_SESSION_ID}` in `success_url`. Raises AmountNotChargeable before anything is sent.
    """
    product = {"name": description}
    price = {
        "currency": currency.lower(),
        "unit_amount": to_stripe_amount(amount_minor, currency),
        "product_data": product,
    }
    params: dict[str, object] = {
        "mode": "payment",
        "submit_type": "donate",
        "payment_method_types": ["card"],
        # Otherwise Stripe may charge in the donor's own currency, and the receipt would not match the payment.
        "adaptive_pricing": {"enabled": False},
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": reference,
        "metadata": dict(metadata),
        "payment_intent_data": {"description": description, "metadata": dict(metadata)},
        "locale": locale,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(expires_at.timestamp()),
    }
    if email:
        params["customer_email"] = email
    with errors_translated():
        session = v1().checkout.sessions.create(params, {"idempotency_key": idempotency_key})
    return CheckoutSession.from_stripe(session.to_dict())


# A payment with its latest charge, what Stripe has booked of it (the fee), and its refunds: in one request.
EXPANDED: Final = ("latest_charge.balance_transaction", "latest_charge.refunds")


def fetch_checkout_session(session_id: str) -> CheckoutSession:
    """Return the current state of a checkout session, with its payment as `fetch_payment_intent` returns it."""
    params = {"expand": [f"payment_intent.{path}" for path in EXPANDED]}
    with errors_translated():
        return CheckoutSession.from_stripe(v1().checkout.sessions.retrieve(session_id, params).to_dict())


def find_checkout_sessions(payment_intent_id: str) -> list[CheckoutSession]:
    """Return the checkout sessions of a payment, with the payment: one, or none if it was made another way."""
    expanded = [f"data.payment_intent.{path}" for path in EXPANDED]
    with errors_translated():
        page = v1().checkout.sessions.list({"payment_intent": payment_intent_id, "limit": 10, "expand": expanded})
    return [CheckoutSession.from_stripe(session.to_dict()) for session in page.data]


def expire_checkout_session(session_id: str, *, idempotency_key: str) -> CheckoutSession:
    """Expire an open session, so that it can no longer be paid. Raises PaymentRefused unless it is open."""
    with errors_translated():
        session = v1().checkout.sessions.expire(session_id, {}, {"idempotency_key": idempotency_key})
    return CheckoutSession.from_stripe(session.to_dict())


def fetch_payment_intent(payment_intent_id: str) -> PaymentIntent:
    """Return the current state of a payment, with its latest charge, the fee once Stripe has booked it, and refunds."""
    with errors_translated():
        intent = v1().payment_intents.retrieve(payment_intent_id, {"expand": list(EXPANDED)})
    return PaymentIntent.from_stripe(intent.to_dict())


def fetch_refunds(payment_intent_id: str) -> list[StripeRefund]:
    """Return every refund of a payment, oldest first, including those made in Stripe's dashboard.

    The first ten come with the payment: see `Charge.refunds`.
    """
    with errors_translated():
        page = v1().refunds.list({"payment_intent": payment_intent_id, "limit": 100})
        rows = [refund.to_dict() for refund in page.auto_paging_iter()]
    return StripeRefund.oldest_first(rows)


def create_refund(
    *,
    payment_intent_id: str,
    amount_minor: int,
    currency: str,
    reason: str,
    metadata: Mapping[str, str],
    idempotency_key: str,
) -> StripeRefund:
    """Refund money to the donor's card. `reason`: duplicate, fraudulent or requested_by_customer.

    Raises PaymentRefused for more than what is left of the payment.
    """
    params: dict[str, object] = {
        "payment_intent": payment_intent_id,
        "amount": to_stripe_amount(amount_minor, currency),
        "metadata": dict(metadata),
        "reason": reason,
    }
    with errors_translated():
        refund = v1().refunds.create(params, {"idempotency_key": idempotency_key})
    return StripeRefund.from_stripe(refund.to_dict())


def fetch_disputes(payment_intent_id: str) -> list[StripeDispute]:
    """Return every dispute and inquiry about a payment, oldest first."""
    with errors_translated():
        page = v1().disputes.list({"payment_intent": payment_intent_id, "limit": 100})
        rows = [dispute.to_dict() for dispute in page.auto_paging_iter()]
    return sorted((StripeDispute.from_stripe(row) for row in rows), key=lambda dispute: dispute.created_at)


def fetch_fraud_warnings(payment_intent_id: str) -> list[StripeFraudWarning]:
    """Return every early fraud warning about a payment, oldest first."""
    with errors_translated():
        page = v1().radar.early_fraud_warnings.list({"payment_intent": payment_intent_id, "limit": 100})
        rows = [warning.to_dict() for warning in page.auto_paging_iter()]
    return sorted((StripeFraudWarning.from_stripe(row) for row in rows), key=lambda warning: warning.created_at)


def list_events(since: datetime, until: datetime | None = None, *, kinds: Sequence[str] = ()) -> Iterator[Event]:
    """Yield the events created at or after `since` and before `until`, of all kinds or of these.

    Newest first among 20 kinds, which is as many as Stripe lists at once. Stripe keeps events for 30 days. The fallback
    for lost webhooks.
    """
    for start in range(0, len(kinds) or 1, KINDS_MAX):
        params = _created(since, until)
        if kinds:
            params["types"] = list(kinds[start : start + KINDS_MAX])
        with errors_translated():
            for event in v1().events.list(params).auto_paging_iter():
                yield Event.from_stripe(event.to_dict())


def list_charges(since: datetime, until: datetime) -> Iterator[Charge]:
    """Yield the charges of the account created at or after `since` and before `until`, newest first."""
    with errors_translated():
        for charge in v1().charges.list(_created(since, until)).auto_paging_iter():
            yield Charge.from_stripe(charge.to_dict())


def list_refunds(since: datetime, until: datetime) -> Iterator[StripeRefund]:
    """Yield the refunds of the account created at or after `since` and before `until`, newest first."""
    with errors_translated():
        for refund in v1().refunds.list(_created(since, until)).auto_paging_iter():
            yield StripeRefund.from_stripe(refund.to_dict())


def list_disputes(since: datetime, until: datetime) -> Iterator[StripeDispute]:
    """Yield the disputes of the account opened at or after `since` and before `until`, newest first."""
    with errors_translated():
        for dispute in v1().disputes.list(_created(since, until)).auto_paging_iter():
            yield StripeDispute.from_stripe(dispute.to_dict())


def _created(since: datetime, until: datetime | None) -> dict[str, object]:
    """Return the parameters of a list of what was created in a span of time, 100 a page."""
    span = {"gte": int(since.timestamp())} | ({"lt": int(until.timestamp())} if until else {})
    return {"created": span, "limit": 100}


def read_event(payload: bytes, signature: str | None, now: datetime) -> Event:
    """Verify a webhook's signature and age, and return its event.

    `payload` is the raw body, `signature` the `Stripe-Signature` header. Any secret in
    STRIPE_WEBHOOK_SECRETS is accepted, so that secrets can be rotated. Stricter than Stripe's library, which
    accepts timestamps from the future and raises other errors for bytes that are not UTF-8.
    Raises BadSignature, or PaymentProviderMisconfigured if no secret is set (Stripe will retry).
    """
    secrets = [secret.strip() for secret in settings.STRIPE_WEBHOOK_SECRETS if secret.strip()]
    if not secrets:
        raise PaymentProviderMisconfigured(_("STRIPE_WEBHOOK_SECRETS is empty: set the endpoint's signing secret."))
    verify(payload, signature, secrets, now)
    try:
        return Event.from_stripe(json.loads(payload.decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadSignature(_("The body is signed but is not a Stripe event.")) from error
