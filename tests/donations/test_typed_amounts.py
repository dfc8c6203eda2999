"""Typed amounts are read as meant, or clarified with a question; never guessed."""

from decimal import Decimal

import pytest
from babel.numbers import format_currency, format_decimal, get_currency_precision
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logistics import wording
from logistics.codes import codes
from logistics.errors import Invalid
from logistics.money import amounts as money
from logistics.money import typed
from logistics.money.typed import AmountUnclear

CURRENCIES = sorted(codes.currencies())
BOTH = ("en", "fr")


def outcome(text: str, currency: str, language: str) -> int | list[int] | str:
    """Return the minor units, all possible amounts if unclear, or the code of the refusal."""
    try:
        return typed.read(text, currency, language)
    except AmountUnclear as unclear:
        return unclear.readings
    except Invalid as refusal:
        return str(refusal.details["errors"][0]["code"])  # type: ignore[index]


# typed, currency, on an English page, on a French page
SEPARATED = [
    ("10,000", "HKD", 10_000_00, [10_000_00, 10_00]),
    ("1,000", "USD", 1_000_00, [1_000_00, 1_00]),
    ("2,500", "EUR", 2_500_00, [2_500_00, 2_50]),
    ("10.000", "HKD", [10_000_00, 10_00], [10_000_00, 10_00]),
    ("500.500", "HKD", [500_500_00, 500_50], [500_500_00, 500_50]),
    ("10.555", "HKD", [10_555_00], [10_555_00]),
    ("10,555", "HKD", 10_555_00, [10_555_00]),
    ("10,000", "XOF", 10_000, 10_000),
    ("10.000", "XOF", 10_000, 10_000),
    ("10,000", "JPY", 10_000, 10_000),
    ("10,000", "KWD", [10_000_000, 10_000], 10_000),
    ("10.000", "KWD", 10_000, [10_000_000, 10_000]),
    ("10,555", "TND", [10_555_000, 10_555], 10_555),
    ("10.555", "TND", 10_555, [10_555_000, 10_555]),
    ("10,000.000", "KWD", 10_000_000, 10_000_000),
    ("10 000,000", "KWD", 10_000_000, 10_000_000),
    ("0.500", "HKD", [50], [50]),
    ("1250,500", "HKD", [1250_50], [1250_50]),
    ("10 000,500", "HKD", [10_000_50], [10_000_50]),
    ("1000.00", "XOF", [1000], [1000]),
]
# The same in both languages.
PLAIN = [
    ("10000", "HKD", 10_000_00),
    ("10 000", "HKD", 10_000_00),
    ("10\N{NO-BREAK SPACE}000", "HKD", 10_000_00),
    ("10\N{NARROW NO-BREAK SPACE}000", "HKD", 10_000_00),
    ("10\N{THIN SPACE}000", "HKD", 10_000_00),
    ("10'000", "HKD", 10_000_00),
    ("10’000.50", "HKD", 10_000_50),
    ("1 250,50", "HKD", 1_250_50),
    ("1 250.5", "HKD", 1_250_50),
    ("1.250,50", "HKD", 1_250_50),
    ("1,250.50", "HKD", 1_250_50),
    ("10,5", "HKD", 10_50),
    ("10.5", "HKD", 10_50),
    (".5", "HKD", 50),
    (",50", "HKD", 50),
    ("0.5", "HKD", 50),
    ("1,000,000", "HKD", 1_000_000_00),
    ("1.000.000", "HKD", 1_000_000_00),
    ("1,00,000", "INR", 1_00_000_00),
    ("12,34,567.50", "INR", 12_34_567_50),
    ("1.000.000,5", "HKD", 1_000_000_50),
    ("١٠٠", "HKD", 100_00),
    ("١٠٬٠٠٠٫٥٠", "HKD", 10_000_50),
    ("١٠٬٠٠٠", "HKD", 10_000_00),
    ("١٠٫٥", "HKD", 10_50),
    ("۱۲۳", "HKD", 123_00),
    ("５００", "HKD", 500_00),
    ("１，２５０．５０", "HKD", 1_250_50),
    ("  500  ", "HKD", 500_00),
    ("\u200f500\u200e", "HKD", 500_00),
    ("500.00", "HKD", 500_00),
    ("0500", "HKD", 500_00),
    ("65 500", "XOF", 65_500),
    ("10,5", "KWD", 10_500),
    # with a currency
    ("HK$ 500", "HKD", 500_00),
    ("hk$500", "HKD", 500_00),
    ("25 $US", "USD", 25_00),
    ("500 HKD", "HKD", 500_00),
    ("500hkd", "HKD", 500_00),
    ("HKD 500 HKD", "HKD", 500_00),
    ("€25", "EUR", 25_00),
    ("25,50 €", "EUR", 25_50),
    ("£25", "GBP", 25_00),
    ("65 500 F CFA", "XOF", 65_500),
    ("65 500 FCFA", "XAF", 65_500),
    ("CHF 1'000.50", "CHF", 1_000_50),
    ("Fr. 20", "CHF", 20_00),
    ("$500", "HKD", [500_00]),
    ("500 $", "CAD", [500_00]),
    ("¥500", "CNY", [500_00]),
    ("€25", "HKD", "another_currency"),
    ("25 EUR", "HKD", "another_currency"),
    ("US$25", "HKD", "another_currency"),
    ("$25", "EUR", "another_currency"),
    ("HK$25 EUR", "HKD", "another_currency"),
    # no amount
    ("", "HKD", "not_an_amount"),
    ("ten", "HKD", "not_an_amount"),
    ("10k", "HKD", "not_an_amount"),
    ("10 XYZ", "HKD", "not_an_amount"),
    ("-500", "HKD", "not_an_amount"),
    ("−500", "HKD", "not_an_amount"),
    ("+500", "HKD", "not_an_amount"),
    ("(500)", "HKD", "not_an_amount"),
    ("1e3", "HKD", "not_an_amount"),
    ("NaN", "HKD", "not_an_amount"),
    ("Infinity", "HKD", "not_an_amount"),
    ("0x10", "HKD", "not_an_amount"),
    ("1_000", "HKD", "not_an_amount"),
    ("1/2", "HKD", "not_an_amount"),
    ("½", "HKD", "not_an_amount"),
    ("5²", "HKD", "not_an_amount"),
    ("500.", "HKD", "not_an_amount"),
    ("500,", "HKD", "not_an_amount"),
    (".", "HKD", "not_an_amount"),
    ("1..5", "HKD", "not_an_amount"),
    ("1,00", "INR", 1_00),
    ("10,00,00", "HKD", "not_an_amount"),
    ("1,0000", "HKD", [1_00]),
    ("100,00,000", "INR", "not_an_amount"),
    ("1 00 000", "HKD", "not_an_amount"),
    ("5 00", "HKD", "not_an_amount"),
    ("1,000 000", "HKD", "not_an_amount"),
    ("1.000,000.00", "HKD", "not_an_amount"),
    ("1٫5٫5", "HKD", "not_an_amount"),
    ("1٠0", "HKD", "not_an_amount"),
    ("9" * 60, "HKD", "not_an_amount"),
    ("9" * 13, "HKD", "not_an_amount"),
    ("500 or 600", "HKD", "not_an_amount"),
    ("0", "HKD", "amount_zero"),
    ("0,000", "HKD", "amount_zero"),
    ("0.00", "KWD", "amount_zero"),
    ("10,50", "XOF", "too_many_decimals"),
    ("10.5", "JPY", "too_many_decimals"),
    ("1.250,50", "XOF", "too_many_decimals"),
    ("1250,555", "HKD", "too_many_decimals"),
    ("10 000,555", "HKD", "too_many_decimals"),
    ("10.5555", "KWD", "too_many_decimals"),
    ("500", "XXX", "unknown_currency"),
]


@pytest.mark.parametrize(
    ("typed", "currency", "language", "expected"),
    [(typed, currency, "en", english) for typed, currency, english, _ in SEPARATED]
    + [(typed, currency, "fr", french) for typed, currency, _, french in SEPARATED]
    + [(typed, currency, language, same) for typed, currency, same in PLAIN for language in BOTH],
)
def test_a_typed_amount_is_read_questioned_or_refused(
    typed: str, currency: str, language: str, expected: object
) -> None:
    assert outcome(typed, currency, language) == expected


def test_the_question_lists_every_possible_amount_in_the_page_language() -> None:
    with pytest.raises(AmountUnclear, match=r"^Do you mean HK\$10,000\.00 or HK\$10\.00\?$"):
        typed.read("10.000", "HKD", "en")
    with pytest.raises(AmountUnclear, match=r"^Do you mean HK\$10,555\.00\?$"):
        typed.read("10.555", "HKD", "en")
    with pytest.raises(Invalid, match=r"in HKD; you wrote € \(EUR\)\."):
        typed.read("€25", "HKD", "en")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("10000.00", 10_000_00), ("10.00", 10_00), ("10", None), ("10,000", None), ("500.00", None), ("", None)],
)
def test_only_an_offered_amount_is_accepted_as_the_answer(answer: str, expected: int | None) -> None:
    unclear = AmountUnclear([10_00, 10_000_00], "HKD", "fr")

    if expected is not None:
        assert typed.answered(unclear, answer, "HKD") == expected
    else:
        with pytest.raises(AmountUnclear):
            typed.answered(unclear, answer, "HKD")


currencies, minors = st.sampled_from(CURRENCIES), st.integers(min_value=1, max_value=10**11)


@given(currencies, minors, st.sampled_from(BOTH))
@example("KWD", 10_000, "en")
@example("KWD", 10_000, "fr")
@example("XOF", 10_000, "en")
@settings(max_examples=200, deadline=None)
def test_a_printed_amount_reads_back_as_the_same_amount(currency: str, amount_minor: int, language: str) -> None:
    exponent = codes.currencies()[currency].exponent
    amount = Decimal(amount_minor).scaleb(-exponent)
    places = "." + "0" * exponent if exponent else ""
    printed = [
        money.printed(amount_minor, currency, [language]),
        wording.number(money.decimal_string(amount_minor, currency), [language]),
        format_decimal(amount, format=f"#,##0{places}", locale=language),
    ]
    if get_currency_precision(currency) == exponent:  # CLDR leaves out the decimals of some
        printed.append(format_currency(amount, currency, locale=language))

    assert [outcome(text, currency, language) for text in printed] == [amount_minor] * len(printed)


@given(st.text("0123456789.,' \N{NARROW NO-BREAK SPACE}٫٬$€kHD-", max_size=14), currencies, st.sampled_from(BOTH))
@settings(max_examples=300, deadline=None)
def test_no_typed_text_is_read_with_other_digits(text: str, currency: str, language: str) -> None:
    found = outcome(text, currency, language)
    readings = found if isinstance(found, list) else [found] if isinstance(found, int) else []
    typed = "".join(filter(str.isdigit, text)).strip("0")

    assert all(str(minor).strip("0") == typed for minor in readings)


@given(st.text(max_size=20), st.sampled_from(BOTH))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_questioned_or_refused(text: str, language: str) -> None:
    outcome(text, "HKD", language)
