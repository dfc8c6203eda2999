"""The Stripe client and its errors. The only file that imports `stripe`."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import stripe
from django.conf import settings
from django.utils.translation import gettext as _

from logistics.errors import DomainError

API_VERSION: Final = "2026-08-26.dahlia"

# StripeClient does not retry by default. A retry carries the same idempotency key.
NETWORK_RETRIES: Final = 2
CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 7.0  # three tries and their pauses fit within a web worker's 30 s


# Telemetry sends Stripe the timings of our calls and an identifier of this machine. Not needed.
stripe.enable_telemetry = False
# At INFO and DEBUG this logger prints error messages and request bodies, which contain donors' addresses.
logging.getLogger("stripe").setLevel(logging.WARNING)


class PaymentProviderUnavailable(DomainError):
    """Stripe did not respond, or responded with an error. The payment may have been started."""

    code = "payment_provider_unavailable"
    status = 503
    headers = {"Retry-After": "10"}


class PaymentProviderMisconfigured(DomainError):
    """Our Stripe account, key or settings do not allow this call."""

    code = "payment_provider_misconfigured"
    status = 503


class PaymentRefused(DomainError):
    """Stripe refused the request; `provider_code` and `param` say why."""

    code = "payment_refused"
    status = 422


class PaymentObjectMissing(DomainError):
    """Stripe has no such object, or this key cannot see it."""

    code = "payment_object_missing"
    status = 404


def v1() -> Any:
    """Return Stripe's v1 services for the current settings and process."""
    if settings.STRIPE_API_BASE and not settings.DEVELOPMENT:
        raise PaymentProviderMisconfigured(
            _("STRIPE_API_BASE points to a stand-in for Stripe, which is refused when DEBUG is off.")
        )
    if not settings.STRIPE_SECRET_KEY:
        raise PaymentProviderMisconfigured(_("STRIPE_SECRET_KEY is empty: set the account's secret key."))
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, os.getpid()).v1


@lru_cache(maxsize=4)
def _client(api_key: str, api_base: str, pid: int) -> stripe.StripeClient:
    """Return the client of one process; `pid` keeps a forked worker from sharing its parent's connections."""
    return stripe.StripeClient(
        api_key,
        stripe_version=API_VERSION,
        base_addresses={"api": api_base.rstrip("/")} if api_base else {},
        max_network_retries=NETWORK_RETRIES,
        http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
    )


@contextmanager
def errors_translated() -> Iterator[None]:
    """Translate Stripe's errors into ours. Their messages may quote what the donor typed, so only codes are kept."""
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
        _("The payment service is not responding. Nothing is lost: try again with the same Idempotency-Key."),
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


def is_live() -> bool:
    """Return whether our key is a live key, which moves real money."""
    return str(settings.STRIPE_SECRET_KEY).startswith(("sk_live_", "rk_live_"))
