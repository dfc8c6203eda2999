"""Parsing and formatting amounts in every currency."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from donations import amounts
from donations.stripe.amounts import SUPPORTED, to_stripe_amount
from logistics.codes import codes
from logistics.errors import Invalid
from logistics.money import amounts as money

CURRENCIES = sorted(codes.currencies())


@given(st.sampled_from(CURRENCIES), st.integers(min_value=1, max_value=10**11))
@settings(max_examples=500, deadline=None)
def test_a_formatted_amount_parses_to_the_same_value(currency: str, amount_minor: int) -> None:
    text = money.decimal_string(amount_minor, currency)
    assert amounts.read(text, currency) == amount_minor
    assert Decimal(text).scaleb(codes.currencies()[currency].exponent) == amount_minor


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [(50050, "HKD", "500.50"), (65500, "XOF", "65500"), (1, "KWD", "0.001"), (100, "JPY", "100"), (5, "EUR", "0.05")],
)
def test_amounts_are_formatted_with_the_decimals_of_their_currency(amount_minor: int, currency: str, text: str) -> None:
    assert money.decimal_string(amount_minor, currency) == text


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_smallest_gift_is_chargeable_in_every_card_currency(currency: str) -> None:
    if currency in SUPPORTED:
        smallest = amounts.smallest(currency)
        assert amounts.parse(money.decimal_string(smallest, currency), currency) == smallest
        assert to_stripe_amount(smallest, currency) > 0
    else:
        with pytest.raises(Invalid):
            amounts.parse("1000", currency)


@given(st.text(max_size=20))
@settings(max_examples=500, deadline=None)
def test_any_other_text_is_refused_and_never_guessed(text: str) -> None:
    try:
        amount_minor = amounts.read(text, "HKD")
    except Invalid:
        return
    assert Decimal(text) * 100 == amount_minor
