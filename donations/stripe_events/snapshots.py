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


def of_session(session_id: str, *, of_dispute: bool = False) -> Snapshot:
    """Fetch the snapshot of a checkout session and its payment, if any: one request."""
    session = gateway.fetch_checkout_session(session_id)
    return _complete(session, session.intent, of_dispute)


def of_payment(payment_intent_id: str, *, of_dispute: bool = False) -> Snapshot:
    """Fetch the snapshot of a payment, mostly by one request.

    Disputes are another request, made if the charge is marked as disputed, or for an event that tells of a dispute
    (`of_dispute`): an inquiry leaves no mark.
    """
    sessions = gateway.find_checkout_sessions(payment_intent_id)
    session = sessions[0] if sessions else None
    intent = session.intent if session else gateway.fetch_payment_intent(payment_intent_id)
    return _complete(session, intent, of_dispute)


def with_fraud_warnings(payment_intent_id: str) -> Snapshot:
    """Fetch the snapshot of a payment, and what its card's network says of fraud."""
    warnings = tuple(gateway.fetch_fraud_warnings(payment_intent_id))
    return replace(of_payment(payment_intent_id), fraud_warnings=warnings)


def _complete(
    session: gateway.CheckoutSession | None, intent: gateway.PaymentIntent | None, of_dispute: bool
) -> Snapshot:
    if intent is None or intent.status != "succeeded":
        return Snapshot(session, intent)
    charge = intent.charge
    refunds = charge.refunds if charge else None
    disputes = gateway.fetch_disputes(intent.id) if of_dispute or charge is None or charge.disputed else ()
    return Snapshot(
        session, intent, tuple(gateway.fetch_refunds(intent.id) if refunds is None else refunds), tuple(disputes)
    )
