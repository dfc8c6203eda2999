"""Template tags that format money for donors in their language."""

from datetime import date

from django import template

from donations.gifts import money_back
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from donations.receipts.services import DONOR_CORRECTED, GIFT_CORRECTED
from logistics import wording
from logistics.money import amounts

register = template.Library()


@register.filter
def amount_given(donation: Donation) -> str:
    """HK$500.50, or XOF 65 500."""
    return money(donation.amount_minor, donation.currency)


@register.simple_tag
def money(amount_minor: int, currency: str) -> str:
    """Format minor units of a currency in the language of the page or mail."""
    return amounts.printed(amount_minor, currency, [wording.page_language()])


@register.filter
def in_words(day: date) -> str:
    """1 March 2026, or 1 mars 2026."""
    return wording.day(day.isoformat(), [wording.page_language()])


@register.simple_tag
def shown_amount(amount: str, currency: str) -> str:
    """Format a suggested amount, "250" or "65500", with its currency but without decimals."""
    spoken = wording.page_language()
    printed = wording.number(amount, ["fr" if currency in amounts.GROUPED_BY_SPACE else spoken])
    if spoken == "fr":
        return f"{printed}{wording.GROUP}{currency}"
    symbol = {"HKD": "HK$", "EUR": "€", "USD": "US$", "GBP": "£"}.get(currency, f"{currency}\N{NO-BREAK SPACE}")
    return f"{symbol}{printed}"


@register.filter
def went_back(donation: Donation) -> str:
    """Say how much of a gift went back in total, and what remains; "" if nothing went back."""
    return money_back.in_words(donation)


@register.simple_tag
def went_back_since(donation: Donation, receipt: Receipt | None) -> str:
    """Say the same, preceded by what changed since that receipt was issued; each on its own line."""
    since = ""
    if receipt and receipt.end_reason in (GIFT_CORRECTED, DONOR_CORRECTED):
        since = money_back.correction(donation, receipt.number, money(receipt.amount_minor, receipt.currency))
    elif receipt:
        since = money_back.since_receipt(donation, receipt.number, receipt.amount_minor)
    return "\n".join(filter(None, (since, money_back.in_words(donation))))
