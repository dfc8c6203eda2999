"""Refunds: requested over the API or in the dashboard; they may stay pending, and may fail late."""

from tests.stand_in import fraud_warnings, money
from tests.stand_in.balance import book
from tests.stand_in.cards import OUTCOMES
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.world import World

# Which cards refund slowly or not at all, by the digits that we keep.
LATER = {number[-4:]: outcome.then for number, outcome in OUTCOMES.items() if outcome.then.startswith("refund")}


def create(world: World, wanted: Json) -> Json:
    """Refund a charge; refuse more than is left of it."""
    charge = _charge_of(world, wanted)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = wanted.get("amount", left)
    _check(charge, amount, left)
    later = LATER.get(charge["payment_method_details"]["card"]["last4"], "")
    refund = world.new(
        "refund",
        "re_3",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        destination_details={"card": {"reference_status": "pending", "reference_type": "acquirer_reference_number",
                                      "type": "refund"}, "type": "card"},
        metadata=wanted.get("metadata") or {},
        payment_intent=charge["payment_intent"],
        reason=wanted.get("reason"),
        status="pending" if later == "refund_pending" else "succeeded",
    )  # fmt: skip
    booked = book(world, -amount, charge["currency"], kind="refund", source=refund["id"])
    refund["balance_transaction"] = booked["id"]
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    world.store.save(refund, charge)
    world.tell("refund.created", refund)
    world.tell("charge.refunded", charge)
    if charge["refunded"]:
        fraud_warnings.end(world, charge)
    return refund


def _charge_of(world: World, wanted: Json) -> Json:
    if ("charge" in wanted) == ("payment_intent" in wanted):
        raise StripeRefusal(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    if "charge" in wanted:
        return world.store.get("charge", wanted["charge"], "charge")
    intent = world.store.get("payment_intent", wanted["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise StripeRefusal(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return world.store.get("charge", intent["latest_charge"], "charge")


def _check(charge: Json, amount: int, left: int) -> None:
    if charge["status"] != "succeeded":
        raise StripeRefusal(f"Charge {charge['id']} has not succeeded.", param="charge")
    if charge["disputed"]:
        raise StripeRefusal(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if left == 0:
        raise StripeRefusal(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded", param="charge"
        )
    if amount < 1:
        raise StripeRefusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise StripeRefusal(
            f"Refund amount ({money.shown(amount, charge['currency'])}) is greater than unrefunded amount on charge "
            f"({money.shown(left, charge['currency'])})",
            param="amount",
        )
    money.check_divisible(amount, charge["currency"], "amount")


def settle(world: World, refund: Json) -> Json:
    """Make a pending refund succeed."""
    if refund["status"] != "pending":
        raise StripeRefusal(f"This refund is {refund['status']}, not pending.")
    refund["status"] = "succeeded"
    world.store.save(refund)
    _tell_updated(world, refund)
    return refund


def fail(world: World, refund: Json, *, reason: str = "lost_or_stolen_card") -> Json:
    """Make a refund fail, even one that has succeeded: the money comes back to us."""
    if refund["status"] not in ("pending", "succeeded"):
        raise StripeRefusal(f"This refund is {refund['status']}.")
    booked = book(world, refund["amount"], refund["currency"], kind="refund_failure", source=refund["id"])
    refund.update(status="failed", failure_reason=reason, failure_balance_transaction=booked["id"])
    charge = world.store.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    world.store.save(refund, charge)
    world.tell("refund.failed", refund)
    _tell_updated(world, refund)
    return refund


def _tell_updated(world: World, refund: Json) -> None:
    world.tell("refund.updated", refund)
    world.tell("charge.refund.updated", refund)
