"""Snapshots: everything Stripe shows of one payment at one moment. An event is only a reason to take one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from donations.stripe import gateway


@dataclass(frozen=True, slots=True)
class Snapshot:
    session: gateway.CheckoutSession | None = None
    intent: gateway.PaymentIntent | None = None
    refunds: tuple[gateway.StripeRefund, ...] = ()
    disputes: tuple[gateway.StripeDispute, ...] = ()
    # Fetched only for their own events: they change no state, and would cost each payment one more request.
    fraud_warnings: tuple[gateway.StripeFraudWarning, ...] = ()

    @property
    def metadata(self) -> Mapping[str, str]:
        """Our metadata at Stripe, `{"attempt": id, "donation": reference}`; empty if the payment is not ours."""
        of_session = self.session.metadata if self.session else {}
        return of_session or (self.intent.metadata if self.intent else {})


def of_session(session_id: str) -> Snapshot:
    """Fetch the snapshot of a checkout session and its payment, if any."""
    session = gateway.fetch_checkout_session(session_id)
    if session.payment_intent_id is None:
        return Snapshot(session)
    return _complete(session, gateway.fetch_payment_intent(session.payment_intent_id))


def of_payment(payment_intent_id: str) -> Snapshot:
    """Fetch the snapshot of a payment."""
    intent = gateway.fetch_payment_intent(payment_intent_id)
    sessions = gateway.find_checkout_sessions(payment_intent_id)
    return _complete(sessions[0] if sessions else None, intent)


def with_fraud_warnings(payment_intent_id: str) -> Snapshot:
    """Fetch the snapshot of a payment, and what its card's network says of fraud."""
    warnings = tuple(gateway.fetch_fraud_warnings(payment_intent_id))
    return replace(of_payment(payment_intent_id), fraud_warnings=warnings)


def _complete(session: gateway.CheckoutSession | None, intent: gateway.PaymentIntent) -> Snapshot:
    if intent.status != "succeeded":
        return Snapshot(session, intent)
    return Snapshot(session, intent, tuple(gateway.fetch_refunds(intent.id)), tuple(gateway.fetch_disputes(intent.id)))
