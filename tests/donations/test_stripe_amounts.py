"""Our minor units and Stripe's, for every currency."""

import pytest
from babel.numbers import get_currency_precision, list_currencies

from donations.stripe import amounts as stripe_amounts
from donations.stripe.amounts import AmountNotChargeable, from_stripe_amount, to_stripe_amount
from tests.stand_in import money

# ISO 4217, list one; Babel's table is CLDR's, which follows use instead (HUF without fillér, UGX without cents).
ISO_ZERO = stripe_amounts.ZERO_DECIMAL | {"ISK", "UGX"}


@pytest.mark.parametrize(
    ("amount_minor", "currency", "stripes"),
    [
        (50050, "HKD", 50050),
        (50050, "hkd", 50050),
        (65500, "XOF", 65500),
        (500, "JPY", 500),
        (5120, "KWD", 5120),
        (5, "UGX", 500),
        (5, "ISK", 500),
        (10_000, "MGA", 100),
        (1050, "HUF", 1050),
        (1050, "TWD", 1050),
    ],
)
def test_known_amounts_round_trip(amount_minor: int, currency: str, stripes: int) -> None:
    assert to_stripe_amount(amount_minor, currency) == stripes
    assert from_stripe_amount(stripes, currency) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency"),
    [
        (0, "HKD"),
        (-1, "HKD"),
        (True, "HKD"),
        (500.5, "HKD"),
        ("500", "HKD"),
        (100_000_000, "HKD"),
        (1_000_000, "ISK"),
        (5124, "KWD"),
        (150, "MGA"),
        (500, "XXX"),
        (500, "LYD"),
        (500, "KPW"),
        (500, ""),
    ],
)
def test_amounts_that_cannot_be_charged_are_refused(amount_minor: int, currency: str) -> None:
    with pytest.raises(AmountNotChargeable):
        to_stripe_amount(amount_minor, currency)


def test_an_impossible_fraction_from_stripe_raises_value_error() -> None:
    with pytest.raises(ValueError, match="UGX"):
        from_stripe_amount(550, "UGX")


@pytest.mark.parametrize("currency", sorted(stripe_amounts.SUPPORTED))
def test_every_currency_converts_to_the_stand_ins_amount(currency: str) -> None:
    """The stand-in has its own table of Stripe's units; 10,000 whole units are the same amount in both."""
    exponent = 0 if currency in ISO_ZERO else 3 if currency in stripe_amounts.ENDS_IN_ZERO else 2
    whole = 10_000
    stripes = to_stripe_amount(whole * 10**exponent, currency)

    assert currency.lower() in money.CURRENCIES
    assert stripes == whole * 10 ** money.exponent(currency.lower())
    assert from_stripe_amount(stripes, currency) == whole * 10**exponent


def test_both_tables_have_the_same_real_currencies() -> None:
    assert {code.upper() for code in money.CURRENCIES} == stripe_amounts.SUPPORTED
    assert not stripe_amounts.SUPPORTED - list_currencies()


@pytest.mark.parametrize("currency", sorted(stripe_amounts.ZERO_DECIMAL | stripe_amounts.ENDS_IN_ZERO))
def test_the_exponents_match_the_unicode_tables(currency: str) -> None:
    expected = 3 if currency in stripe_amounts.ENDS_IN_ZERO else 0
    assert get_currency_precision(currency) == expected
