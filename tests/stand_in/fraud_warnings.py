"""Early fraud warnings: a card network reports a payment that its owner did not make, before any dispute."""

from tests.stand_in.errors import Json
from tests.stand_in.world import World

KIND = "radar.early_fraud_warning"


def warn(world: World, charge: Json, *, fraud_type: str = "made_with_stolen_card") -> Json:
    """Report a payment as fraud. A refund or a dispute of it ends what can be done."""
    warning = world.new(
        KIND,
        "issfr_1",
        actionable=not (charge["refunded"] or charge["disputed"]),
        charge=charge["id"],
        fraud_type=fraud_type,
        payment_intent=charge["payment_intent"],
    )
    world.store.save(warning)
    world.tell(f"{KIND}.created", warning)
    return warning


def end(world: World, charge: Json) -> None:
    """Note that nothing can be done any more about the warnings of a charge: it was refunded in full, or disputed."""
    for warning in world.store.newest_first(KIND):
        if warning["charge"] == charge["id"] and warning["actionable"]:
            warning["actionable"] = False
            world.store.save(warning)
            world.tell(f"{KIND}.updated", warning)
