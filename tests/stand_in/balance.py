"""The account's balance transactions."""

from tests.stand_in import money
from tests.stand_in.description import complete
from tests.stand_in.errors import Json
from tests.stand_in.world import World

DAY = 86_400


def book(
    world: World,
    amount: int,
    currency: str,
    *,
    kind: str,
    source: str,
    category: str = "",
    has_fee: bool = False,
    fixed_fee: int = 0,
) -> Json:
    """Book money on the account's balance, which is in Hong Kong dollars; `amount` is negative when it leaves."""
    cents = money.in_hong_kong_cents(amount, currency)
    fee = money.fee(cents) if has_fee else fixed_fee
    details = [{"amount": fee, "currency": "hkd", "type": "stripe_fee", "description": "Stripe processing fees"}]
    rate = None if currency == "hkd" else money.HKD_MICRO.get(currency, 1_000_000) / 1_000_000
    booked = world.new(
        "balance_transaction",
        "txn_3",
        amount=cents,
        available_on=world.store.now() + 2 * DAY,
        balance_type="payments",
        currency="hkd",
        exchange_rate=rate,
        fee=fee,
        fee_details=[complete("fee", one) for one in details] if fee else [],
        net=cents - fee,
        reporting_category=category or kind,
        source=source,
        status="pending",
        type=kind,
    )
    world.store.save(booked)
    return booked
