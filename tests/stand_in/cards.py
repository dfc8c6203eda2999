"""Stripe's test cards, and the bank's response to each."""

import hashlib
from dataclasses import dataclass

from tests.stand_in.errors import Json

DECLINED = "Your card was declined."


@dataclass(frozen=True)
class Outcome:
    """The result of a payment with a card. Without `code` it succeeds."""

    code: str | None = None
    decline_code: str | None = None
    message: str = ""
    then: str = ""  # dispute, inquiry: opened right after the payment; refund_pending, refund_fails: later


OUTCOMES = {
    "4242424242424242": Outcome(),
    "4000056655665556": Outcome(),
    "5555555555554444": Outcome(),
    "378282246310005": Outcome(),
    "4000003440000004": Outcome(),  # issued in Hong Kong
    "4000000000000002": Outcome("card_declined", "generic_decline", DECLINED),
    "4000000000009995": Outcome("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000009987": Outcome("card_declined", "lost_card", DECLINED),
    "4000000000009979": Outcome("card_declined", "stolen_card", DECLINED),
    "4000000000000069": Outcome("expired_card", None, "Your card has expired."),
    "4000000000000127": Outcome("incorrect_cvc", None, "Your card's security code is incorrect."),
    "4000000000000119": Outcome(
        "processing_error", None, "An error occurred while processing your card. Try again in a little bit."
    ),
    "4000000000000259": Outcome(then="dispute"),
    "4000000000001976": Outcome(then="inquiry"),
    "4000000000007726": Outcome(then="refund_pending"),
    "4000000000005126": Outcome(then="refund_fails"),
    "4000000000005423": Outcome(then="fraud_warning"),
}
NOT_A_TEST_CARD = Outcome(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://docs.stripe.com/testing.",
)


@dataclass(frozen=True)
class Card:
    """A card as typed, already validated."""

    number: str
    exp_month: int
    exp_year: int
    name: str = ""

    @property
    def outcome(self) -> Outcome:
        """Return the bank's response."""
        return OUTCOMES.get(self.number, NOT_A_TEST_CARD)

    @property
    def brand(self) -> str:
        """Return the network, by the first digits."""
        return {"4": "visa", "5": "mastercard", "3": "amex"}.get(self.number[0], "unknown")

    def facts(self) -> Json:
        """Return the card details that Stripe exposes."""
        return {
            "brand": self.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "fail" if self.outcome.code == "incorrect_cvc" else "pass",
            },
            "country": "HK" if self.number.startswith("4000003440") else "US",
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "fingerprint": f"fp{hash_of(self.number)}",
            "funding": "credit",
            "last4": self.number[-4:],
        }


def hash_of(number: str) -> str:
    """Return a stable fingerprint of a card that does not reveal its number."""
    return hashlib.sha256(number.encode()).hexdigest()[:14]


def passes_luhn(number: str) -> bool:
    """Return whether the Luhn check digit is valid."""
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0
