"""Payments: charging a card in a session."""

from tests.stand_in import disputes, fraud_warnings
from tests.stand_in.balance import book
from tests.stand_in.cards import Card
from tests.stand_in.description import complete
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.store import new_id
from tests.stand_in.world import World


def pay(world: World, session: Json, card: Card, *, email: str = "", late: bool = False) -> Json:
    """Try a card in an open session and return its payment intent: succeeded, or waiting for another card.

    A decline leaves the session open. `late` lets a payment succeed in a session that has expired, as bank
    networks do now and then.
    """
    if session["status"] == "complete" or (session["status"] == "expired" and not late):
        raise StripeRefusal(f"This Checkout Session is {session['status']}.", code="checkout_session_not_open")
    with world.acting():
        intent = _intent(world, session)
        method = _payment_method(world, card, email)
        world.store.save(method)
        charge = _charge(world, session, intent, method, card)
        intent["latest_charge"] = charge["id"]
        if card.outcome.code:
            _decline(world, intent, charge, method, card)
        else:
            _succeed(world, session, intent, charge, method)
        if card.outcome.then in ("dispute", "inquiry"):
            disputes.open_dispute(world, charge, inquiry=card.outcome.then == "inquiry")
        if card.outcome.then == "fraud_warning":
            fraud_warnings.warn(world, charge)
    return intent


def _intent(world: World, session: Json) -> Json:
    """Return the session's payment intent; since 2022 Stripe creates it when a card is first tried."""
    if session["payment_intent"]:
        return world.store.get("payment_intent", session["payment_intent"])
    data = world.store.get("_behind", session["id"])["payment_intent_data"]
    intent_id = new_id("pi_3")
    intent = world.new(
        "payment_intent",
        "",
        id=intent_id,
        amount=session["amount_total"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method="automatic_async",
        client_secret=f"{intent_id}_secret_{new_id('')}",
        confirmation_method="automatic",
        currency=session["currency"],
        customer=session["customer"],
        description=data.get("description"),
        metadata=data.get("metadata") or {},
        payment_method_options={"card": {"request_three_d_secure": "automatic"}},
        payment_method_types=session["payment_method_types"],
        receipt_email=data.get("receipt_email"),
        statement_descriptor_suffix=data.get("statement_descriptor_suffix"),
        status="requires_payment_method",
    )
    session["payment_intent"] = intent_id
    world.store.save(intent, session)
    world.tell("payment_intent.created", intent)
    return intent


def _payment_method(world: World, card: Card, email: str) -> Json:
    address = complete("address", {"country": "HK"})
    return world.new(
        "payment_method",
        "pm_1",
        billing_details={"address": address, "email": email or None, "name": card.name or None},
        card={**card.facts(), "display_brand": card.brand},
        metadata={},
        type="card",
    )


def _charge(world: World, session: Json, intent: Json, method: Json, card: Card) -> Json:
    failed, now = card.outcome.code is not None, world.store.now()
    outcome = {
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": card.outcome.decline_code or card.outcome.code,
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline."
        if failed
        else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }
    return world.new(
        "charge",
        "ch_3",
        amount=intent["amount"],
        amount_captured=0 if failed else intent["amount"],
        amount_refunded=0,
        billing_details=method["billing_details"],
        captured=not failed,
        created=now,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        failure_code=card.outcome.code,
        failure_message=card.outcome.message or None,
        metadata=intent["metadata"],
        outcome=outcome,
        paid=not failed,
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"card": {**card.facts(), "network": card.brand}, "type": "card"},
        refunded=False,
        status="failed" if failed else "succeeded",
    )


def _decline(world: World, intent: Json, charge: Json, method: Json, card: Card) -> None:
    error = {
        "charge": charge["id"],
        "code": card.outcome.code,
        "doc_url": f"https://docs.stripe.com/error-codes/{str(card.outcome.code).replace('_', '-')}",
        "message": card.outcome.message,
        "payment_method": method,
        "type": "card_error",
    }
    if card.outcome.decline_code:
        error["decline_code"] = card.outcome.decline_code
    intent["last_payment_error"] = error
    intent["status"], intent["payment_method"] = "requires_payment_method", None
    world.store.save(charge, intent)
    world.tell("charge.failed", charge)
    world.tell("payment_intent.payment_failed", intent)


def _succeed(world: World, session: Json, intent: Json, charge: Json, method: Json) -> None:
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        last_payment_error=None,
        payment_method=method["id"],
        canceled_at=None,
        cancellation_reason=None,
    )
    details = method["billing_details"]
    customer = {
        "address": details["address"],
        "email": details["email"] or session["customer_email"],
        "name": details["name"],
        "tax_exempt": "none",
    }
    session.update(
        status="complete",
        payment_status="paid",
        url=None,
        customer_details=complete("payment_pages_checkout_session_customer_details", customer),
    )
    world.store.save(charge, intent, session)
    world.tell("charge.succeeded", charge)
    world.tell("payment_intent.succeeded", intent)
    world.tell("checkout.session.completed", session)
    # Stripe captures first and books a moment later: only now is the fee known.
    booked = book(world, charge["amount"], charge["currency"], kind="charge", source=charge["id"], has_fee=True)
    charge["balance_transaction"] = booked["id"]
    world.store.save(charge)
    world.tell("charge.updated", charge)
