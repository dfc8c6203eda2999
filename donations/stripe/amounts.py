"""Convert amounts between ISO 4217 and Stripe.

We store every amount as an integer number of ISO 4217 minor units. Stripe also uses "the smallest
currency unit", but with exceptions, listed here as data
(Stripe documentation, "Supported currencies": zero-decimal, three-decimal, special cases).
"""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _

from logistics.errors import DomainError

# Stripe units per ISO 4217 minor unit. ISO says 0 decimals for both; Stripe keeps two "for backwards
# compatibility", which must always be 00.
STRIPE_UNITS_PER_MINOR: Final[Mapping[str, int]] = {"ISK": 100, "UGX": 100}

# ISO 4217 minor units per Stripe unit. ISO says 2 decimals; Stripe takes whole ariary only.
MINOR_PER_STRIPE_UNIT: Final[Mapping[str, int]] = {"MGA": 100}

# Three decimals in both, but card networks require the last digit to be 0.
ENDS_IN_ZERO: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

# As in ISO 4217: no decimals. (Stripe's list also has UGX and MGA; see above.)
ZERO_DECIMAL: Final = frozenset(
    {
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    }
)

# As in ISO 4217: two decimals. HUF and TWD are charged with two decimals; only payouts to a bank are whole.
_TWO_DECIMAL_CODES = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE
    CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD
    KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK
    PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SVC SZL THB TJS TOP TRY TTD TWD TZS UAH
    USD UYU UZS WST XCD YER ZAR ZMW
"""
TWO_DECIMAL: Final = frozenset(_TWO_DECIMAL_CODES.split())

SUPPORTED: Final = (
    TWO_DECIMAL | ZERO_DECIMAL | ENDS_IN_ZERO | frozenset(STRIPE_UNITS_PER_MINOR) | frozenset(MINOR_PER_STRIPE_UNIT)
)

# "The amount value supports up to eight digits"; the few currencies that allow more do not matter for gifts.
STRIPE_UNITS_MAX: Final = 99_999_999


class AmountNotChargeable(DomainError):
    """Stripe cannot charge this amount in this currency."""

    code = "amount_not_chargeable"
    status = 422


class AmountTooLarge(AmountNotChargeable):
    """One card payment cannot take this amount."""

    code = "amount_too_large"


def to_stripe_amount(amount_minor: int, currency: str) -> int:
    """Convert ISO 4217 minor units of a currency to Stripe's `amount`.

    Raises AmountTooLarge, and AmountNotChargeable for a currency that Stripe does not charge, for an amount that is not
    positive, and for a fraction that Stripe cannot express (0.01 MGA, 0.001 KWD).
    """
    code = currency.upper()
    if code not in SUPPORTED:
        raise AmountNotChargeable(
            _("Cards cannot be charged in %(currency)s. Choose another currency, or give by bank transfer.")
            % {"currency": code},
            currency=code,
        )
    if type(amount_minor) is not int or amount_minor <= 0:
        raise AmountNotChargeable(_("The amount must be more than zero."), currency=code)
    step = MINOR_PER_STRIPE_UNIT.get(code, 10 if code in ENDS_IN_ZERO else 1)
    if amount_minor % step:
        raise AmountNotChargeable(
            _("An amount in %(currency)s must be a multiple of %(step)d of its smallest unit. Round it and try again.")
            % {"currency": code, "step": step},
            currency=code,
            multiple_of_minor=step,
        )
    amount = amount_minor * STRIPE_UNITS_PER_MINOR.get(code, 1) // MINOR_PER_STRIPE_UNIT.get(code, 1)
    if amount > STRIPE_UNITS_MAX:
        raise AmountTooLarge(
            _("The amount is more than one card payment can take. Split the gift, or give by bank transfer."),
            currency=code,
        )
    return amount


def from_stripe_amount(stripe_amount: int, currency: str) -> int:
    """Convert an amount reported by Stripe, of any sign, to ISO 4217 minor units.

    Raises ValueError if Stripe reports a fraction of a minor unit, which it never should.
    """
    code = currency.upper()
    scaled = stripe_amount * MINOR_PER_STRIPE_UNIT.get(code, 1)
    amount_minor, rest = divmod(scaled, STRIPE_UNITS_PER_MINOR.get(code, 1))
    if rest:
        raise ValueError(f"Stripe reported {stripe_amount} in {code}, which is not a whole number of its units")
    return amount_minor
