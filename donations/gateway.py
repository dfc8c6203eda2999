"""Stripe. The only file that imports `stripe`.

Nothing here writes to our database, and nothing here may be called inside a transaction: a call takes up
to 25 seconds. Amounts go in and come out as integers of ISO 4217 minor units, currencies as upper-case
codes, times as aware datetimes in UTC; what comes out are frozen dataclasses (`donations.payment_facts`),
never Stripe's own objects. API version 2026-08-26.dahlia.

Raises, besides what each function names:
- PaymentProviderUnavailable: no answer, a time-out, a 5xx or a rate limit, after two retries. The effect may
  have happened all the same: call again with the same idempotency key.
- PaymentProviderMisconfigured: our key or permissions are wrong; staff must act.
- PaymentRefused: Stripe understood and said no; calling again changes nothing.
- PaymentObjectMissing: Stripe does not know the id.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import stripe
from django.conf import settings
from django.utils.translation import gettext as _

from donations import stripe_signature
from donations.payment_facts import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Dispute,
    Event,
    PaymentIntent,
    Refund,
)
from donations.stripe_amounts import to_stripe_amount
from donations.stripe_signature import BadSignature
from logistics.errors import DomainError

__all__ = [
    "API_VERSION",
    "BadSignature",
    "BalanceTransaction",
    "Charge",
    "CheckoutSession",
    "Dispute",
    "Event",
    "PaymentIntent",
    "PaymentObjectMissing",
    "PaymentProviderMisconfigured",
    "PaymentProviderUnavailable",
    "PaymentRefused",
    "Refund",
    "create_checkout_session",
    "create_refund",
    "expire_checkout_session",
    "fetch_charge",
    "fetch_checkout_session",
    "fetch_dispute",
    "fetch_disputes",
    "fetch_event",
    "fetch_payment_intent",
    "fetch_refund",
    "fetch_refunds",
    "find_checkout_sessions",
    "list_events",
    "read_event",
]

API_VERSION: Final = "2026-08-26.dahlia"

# Without this number StripeClient does not retry at all. A retry carries the same idempotency key.
NETWORK_RETRIES: Final = 2
CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 7.0  # three tries and their pauses end before a web worker's 30 s do


# Sends timings of our calls to Stripe, and keeps an identifier of this machine for it. Not needed.
stripe.enable_telemetry = False
# At INFO and DEBUG this logger prints error texts and request bodies, with donors' addresses in them.
logging.getLogger("stripe").setLevel(logging.WARNING)


class PaymentProviderUnavailable(DomainError):
    """Stripe did not answer, or not well. The effect may have happened."""

    code = "payment_provider_unavailable"
    status = 503
    headers = {"Retry-After": "10"}


class PaymentProviderMisconfigured(DomainError):
    """Our account, key or settings do not allow the call; only staff can mend it."""

    code = "payment_provider_misconfigured"
    status = 503


class PaymentRefused(DomainError):
    """Stripe understood and said no. `provider_code` and `param` say why."""

    code = "payment_refused"
    status = 422


class PaymentObjectMissing(DomainError):
    """Stripe has no such object, or not under this key."""

    code = "payment_object_missing"
    status = 404


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
    """Open a page at Stripe on which a donor pays once, by card; its `url` is where to send the donor.

    The same key and arguments return the same session for 24 hours, so every argument must come from a
    committed row, `expires_at` too (30 minutes to 24 hours from Stripe's now). `reference` becomes
    `client_reference_id`; `metadata` also lands on the payment intent. Stripe replaces
    `{CHECKOUT_SESSION_ID}` in `success_url`. Raises AmountNotChargeable before anything is sent.
    """
    product = {"name": description}
    price = {
        "currency": currency.lower(),
        "unit_amount": to_stripe_amount(amount_minor, currency),
        "product_data": product,
    }
    params: dict[str, Any] = {
        "mode": "payment",
        "submit_type": "donate",
        "payment_method_types": ["card"],
        # Otherwise Stripe may charge in the donor's own currency, and the receipt would not say what was paid.
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
    with _told_apart():
        session = _v1().checkout.sessions.create(params, {"idempotency_key": idempotency_key})
    return CheckoutSession.from_stripe(session.to_dict())


def fetch_checkout_session(session_id: str) -> CheckoutSession:
    """Return a checkout session as it is now."""
    with _told_apart():
        return CheckoutSession.from_stripe(_v1().checkout.sessions.retrieve(session_id).to_dict())


def find_checkout_sessions(payment_intent_id: str) -> list[CheckoutSession]:
    """Return the sessions in which a payment was made: one, or none if it was made otherwise."""
    with _told_apart():
        page = _v1().checkout.sessions.list({"payment_intent": payment_intent_id, "limit": 10})
    return [CheckoutSession.from_stripe(session.to_dict()) for session in page.data]


def expire_checkout_session(session_id: str, *, idempotency_key: str) -> CheckoutSession:
    """Close an open session, so that nobody can pay in it any more. Raises PaymentRefused unless it is open."""
    with _told_apart():
        session = _v1().checkout.sessions.expire(session_id, {}, {"idempotency_key": idempotency_key})
    return CheckoutSession.from_stripe(session.to_dict())


def fetch_payment_intent(payment_intent_id: str) -> PaymentIntent:
    """Return a payment as it is now, with its latest charge and, once Stripe has booked it, the fee."""
    with _told_apart():
        intent = _v1().payment_intents.retrieve(payment_intent_id, {"expand": ["latest_charge.balance_transaction"]})
    return PaymentIntent.from_stripe(intent.to_dict())


def fetch_charge(charge_id: str) -> Charge:
    """Return a charge as it is now, with what Stripe booked for it."""
    with _told_apart():
        charge = _v1().charges.retrieve(charge_id, {"expand": ["balance_transaction"]})
    return Charge.from_stripe(charge.to_dict())


def fetch_refunds(payment_intent_id: str) -> list[Refund]:
    """Return every refund of a payment, oldest first, those made in Stripe's dashboard too."""
    with _told_apart():
        page = _v1().refunds.list({"payment_intent": payment_intent_id, "limit": 100})
        rows = [refund.to_dict() for refund in page.auto_paging_iter()]
    return sorted((Refund.from_stripe(row) for row in rows), key=lambda refund: refund.created_at)


def fetch_refund(refund_id: str) -> Refund:
    """Return a refund as it is now; a refund that succeeded may still fail later."""
    with _told_apart():
        return Refund.from_stripe(_v1().refunds.retrieve(refund_id).to_dict())


def create_refund(
    *,
    payment_intent_id: str,
    amount_minor: int,
    currency: str,
    metadata: Mapping[str, str],
    idempotency_key: str,
) -> Refund:
    """Give money back to the donor's card. Raises PaymentRefused for more than what is left of the payment."""
    params: dict[str, Any] = {
        "payment_intent": payment_intent_id,
        "amount": to_stripe_amount(amount_minor, currency),
        "metadata": dict(metadata),
        "reason": "requested_by_customer",
    }
    with _told_apart():
        refund = _v1().refunds.create(params, {"idempotency_key": idempotency_key})
    return Refund.from_stripe(refund.to_dict())


def fetch_dispute(dispute_id: str) -> Dispute:
    """Return a dispute as it is now."""
    with _told_apart():
        return Dispute.from_stripe(_v1().disputes.retrieve(dispute_id).to_dict())


def fetch_disputes(payment_intent_id: str) -> list[Dispute]:
    """Return every dispute and inquiry about a payment, oldest first."""
    with _told_apart():
        page = _v1().disputes.list({"payment_intent": payment_intent_id, "limit": 100})
        rows = [dispute.to_dict() for dispute in page.auto_paging_iter()]
    return sorted((Dispute.from_stripe(row) for row in rows), key=lambda dispute: dispute.created_at)


def fetch_event(event_id: str) -> Event:
    """Return an event of the last 30 days."""
    with _told_apart():
        return Event.from_stripe(_v1().events.retrieve(event_id).to_dict())


def list_events(since: datetime, *, kinds: Sequence[str] = ()) -> Iterator[Event]:
    """Yield the events created at or after `since`, newest first, of the given kinds (20 at most) or of all.

    Stripe keeps events for 30 days. The net under lost webhooks.
    """
    params: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": 100}
    if kinds:
        params["types"] = list(kinds)
    with _told_apart():
        for event in _v1().events.list(params).auto_paging_iter():
            yield Event.from_stripe(event.to_dict())


def read_event(payload: bytes, signature: str | None, now: datetime) -> Event:
    """Return what a webhook says, having made sure that Stripe said it to us, and lately.

    `payload` is the raw body, `signature` the `Stripe-Signature` header. Any of the secrets in
    STRIPE_WEBHOOK_SECRETS will do, so that one can be replaced while the other is still used. Stricter
    than the library: it accepts timestamps from the future and fails otherwise on bytes that are not UTF-8.
    Raises BadSignature, or PaymentProviderMisconfigured if we have no secret (Stripe will call again).
    """
    secrets = [secret.strip() for secret in settings.STRIPE_WEBHOOK_SECRETS if secret.strip()]
    if not secrets:
        raise PaymentProviderMisconfigured(_("STRIPE_WEBHOOK_SECRETS is empty: set the endpoint's signing secret."))
    stripe_signature.verify(payload, signature, secrets, now)
    try:
        return Event.from_stripe(json.loads(payload.decode("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadSignature("The body is signed but is not a Stripe event.") from error


def _v1() -> Any:
    """Return Stripe's v1 services for the settings of this moment, in this process."""
    if settings.STRIPE_API_BASE and not settings.DEBUG:
        raise PaymentProviderMisconfigured(_("STRIPE_API_BASE names a stand-in, which is refused when DEBUG is off."))
    if not settings.STRIPE_SECRET_KEY:
        raise PaymentProviderMisconfigured(_("STRIPE_SECRET_KEY is empty: set the account's secret key."))
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, os.getpid()).v1


@lru_cache(maxsize=4)
def _client(api_key: str, api_base: str, pid: int) -> stripe.StripeClient:
    """Return the client of one process: `pid` keeps a forked worker from sharing its parent's connections."""
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base.rstrip("/")} if api_base else {},
        max_network_retries=NETWORK_RETRIES,
        http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
    )


@contextmanager
def _told_apart() -> Iterator[None]:
    """Turn Stripe's errors into ours. Their texts may quote what the donor typed, so only codes go on."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise _unavailable(error) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise PaymentProviderMisconfigured(
            _("Stripe did not accept our key. Check STRIPE_SECRET_KEY and its permissions."), **_details(error)
        ) from error
    except (
        stripe.InvalidRequestError,
        stripe.CardError,
        stripe.IdempotencyError,
    ) as error:
        if error.code == "resource_missing" and error.http_status == 404:
            raise PaymentObjectMissing(_("Stripe does not know this object."), **_details(error)) from error
        raise _refused(error) from error
    except stripe.StripeError as error:
        if error.http_status is None or error.http_status == 409 or error.http_status >= 500:
            raise _unavailable(error) from error
        raise _refused(error) from error


def _unavailable(error: stripe.StripeError) -> PaymentProviderUnavailable:
    return PaymentProviderUnavailable(
        _("The payment service does not answer. Nothing is lost: try again with the same Idempotency-Key."),
        **_details(error),
    )


def _refused(error: stripe.StripeError) -> PaymentRefused:
    return PaymentRefused(_("The payment service refused the request; `provider_code` says why."), **_details(error))


def _details(error: stripe.StripeError) -> dict[str, object]:
    details = {
        "provider_code": error.code,
        "param": getattr(error, "param", None),
        "decline_code": error.error.decline_code if error.error else None,
        "request_id": error.request_id,
    }
    return {key: value for key, value in details.items() if value}
