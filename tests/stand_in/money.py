"""Amounts in Stripe's units, fees of a Hong Kong account, and amounts formatted for the page."""

from tests.stand_in.errors import StripeRefusal

ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Two decimals in the API, but they must be 00.
WHOLE_ONLY = frozenset({"isk", "ugx"})
_TWO_DECIMAL_CODES = """
    aed afn all amd aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk
    dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak
    lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln
    qar ron rsd rub sar sbd scr sek sgd shp sle sos srd stn svc szl thb tjs top try ttd twd tzs uah usd uyu uzs wst
    xcd yer zar zmw
"""
TWO_DECIMAL = frozenset(_TWO_DECIMAL_CODES.split())
CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_ONLY | TWO_DECIMAL

# The least that a Hong Kong account may charge; other currencies: about the same, converted. In Stripe's units.
LEAST = {
    "hkd": 400,
    "usd": 50,
    "eur": 50,
    "gbp": 30,
    "jpy": 50,
    "xof": 300,
    "xaf": 300,
    "aud": 50,
    "cad": 50,
    "chf": 50,
}
MOST = 99_999_999

# Hong Kong cents for one whole unit, times 1,000,000; about right, and always the same. Else: one dollar.
HKD_MICRO = {
    "hkd": 1_000_000,
    "usd": 7_800_000,
    "eur": 8_900_000,
    "gbp": 10_400_000,
    "chf": 9_600_000,
    "aud": 5_100_000,
    "cad": 5_600_000,
    "cny": 1_090_000,
    "jpy": 52_000,
    "kwd": 25_400_000,
    "xof": 13_500,
    "xaf": 13_500,
    "gnf": 900,
    "ugx": 2_100,
    "isk": 61_000,
    "mga": 1_750,
}
FEE_PER_MILLE = 34  # 3.4 %
FEE_FIXED = 235  # HK$2.35
DISPUTE_FEE = 8500  # HK$85.00


def exponent(currency: str) -> int:
    """Return the number of decimals of Stripe's units of a currency."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def check(amount: int, currency: str, param: str) -> None:
    """Refuse amounts that cannot be charged."""
    if currency not in CURRENCIES:
        raise StripeRefusal(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: "
            + ", ".join(sorted(CURRENCIES)),
            param=param.replace("unit_amount", "currency"),
        )
    if amount < LEAST.get(currency, 1):
        raise StripeRefusal(
            "The Checkout Session's total amount due must add up to at least "
            f"{shown(LEAST.get(currency, 1), currency)}",
            code="amount_too_small",
        )
    if amount > MOST:
        raise StripeRefusal(
            f"Amount must be no more than {shown(MOST, currency)}", code="amount_too_large", param=param
        )
    check_divisible(amount, currency, param)


def check_divisible(amount: int, currency: str, param: str) -> None:
    """Refuse fractions that the card networks do not support."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_ONLY else 1
    if amount % step:
        raise StripeRefusal(
            f"Invalid amount. Amounts in {currency.upper()} must be evenly divisible by {step}.",
            code="invalid_charge_amount_no_decimal_compatible" if step == 100 else "amount_invalid",
            param=param,
        )


def in_hong_kong_cents(amount: int, currency: str) -> int:
    """Convert an amount of either sign, rounding half away from zero."""
    scale = 10 ** exponent(currency) * 10_000
    cents, rest = divmod(abs(amount) * HKD_MICRO.get(currency, 1_000_000), scale)
    cents += 2 * rest >= scale
    return cents if amount >= 0 else -cents


def fee(cents: int) -> int:
    """Return Stripe's fee for a charge, in Hong Kong cents."""
    return (cents * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED


def shown(amount: int, currency: str, language: str = "en") -> str:
    """Return an amount for people: HKD 500.50, XOF 65 500; in French 500,50 HKD."""
    decimals = 0 if currency in WHOLE_ONLY else exponent(currency)
    whole, part = divmod(amount // (100 if currency in WHOLE_ONLY else 1), 10**decimals)
    text = f"{whole:,}".replace(",", "\u00a0")
    if decimals:
        text += ("," if language == "fr" else ".") + f"{part:0{decimals}d}"
    code = currency.upper()
    return f"{text}\u00a0{code}" if language == "fr" else f"{code}\u00a0{text}"
