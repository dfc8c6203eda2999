"""Disputes and inquiries by a donor's bank."""

from tests.stand_in import fraud_warnings
from tests.stand_in.balance import book
from tests.stand_in.description import complete
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.money import DISPUTE_FEE
from tests.stand_in.world import World

DAY = 86_400
LIVING = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


def open_dispute(
    world: World, charge: Json, *, amount: int | None = None, reason: str = "fraudulent", inquiry: bool = False
) -> Json:
    """Open a dispute of a charge, in full or in part; an inquiry does not take money yet."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise StripeRefusal(f"Charge {charge['id']} cannot be disputed.", param="charge")
    due_by = world.store.now() + 9 * DAY
    details = {"due_by": due_by, "has_evidence": False, "past_due": False, "submission_count": 0}
    card = charge["payment_method_details"]["card"]
    case = {
        "brand": card["brand"],
        "case_type": "inquiry" if inquiry else "chargeback",
        "network": card["brand"],
        "network_reason_code": "10.4",
    }
    dispute = world.new(
        "dispute",
        "du_1",
        amount=amount or charge["amount"] - charge["amount_refunded"],
        charge=charge["id"],
        currency=charge["currency"],
        evidence_details={**details, "enhanced_eligibility": {}},
        is_charge_refundable=inquiry,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details={"card": complete("dispute_payment_method_details_card", case), "type": "card"},
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    charge["disputed"] = not inquiry
    world.store.save(dispute, charge)
    world.tell("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(world, dispute)
        fraud_warnings.end(world, charge)
    return dispute


def _withdraw(world: World, dispute: Json) -> None:
    booked = book(
        world,
        -dispute["amount"],
        dispute["currency"],
        kind="adjustment",
        source=dispute["id"],
        category="dispute",
        fixed_fee=DISPUTE_FEE,
    )
    dispute["balance_transactions"] = [*dispute["balance_transactions"], booked]
    world.store.save(dispute)
    world.tell("charge.dispute.funds_withdrawn", dispute)


def submit(world: World, dispute: Json) -> Json:
    """Submit evidence: the dispute is under review."""
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise StripeRefusal(f"This dispute is {dispute['status']}.")
    dispute["status"] = dispute["status"].replace("needs_response", "under_review")
    dispute["evidence_details"].update(has_evidence=True, submission_count=1)
    world.store.save(dispute)
    world.tell("charge.dispute.updated", dispute)
    return dispute


def close(world: World, dispute: Json, *, status: str = "lost") -> Json:
    """Close a dispute: won (the money comes back) or lost; an inquiry: warning_closed."""
    is_inquiry = dispute["status"].startswith("warning")
    allowed = ("warning_closed",) if is_inquiry else ("won", "lost")
    if dispute["status"] not in LIVING or status not in allowed:
        raise StripeRefusal(f"A dispute that is {dispute['status']} cannot become {status}.")
    dispute["status"] = status
    dispute["is_charge_refundable"] = is_inquiry
    world.store.save(dispute)
    world.tell("charge.dispute.closed", dispute)
    if status == "won":
        # The charge stays `disputed`, as at Stripe: the field says that there was a dispute.
        booked = book(
            world,
            dispute["amount"],
            dispute["currency"],
            kind="adjustment",
            source=dispute["id"],
            category="dispute_reversal",
            fixed_fee=-DISPUTE_FEE,
        )
        dispute["balance_transactions"] = [*dispute["balance_transactions"], booked]
        world.store.save(dispute)
        world.tell("charge.dispute.funds_reinstated", dispute)
    return dispute
