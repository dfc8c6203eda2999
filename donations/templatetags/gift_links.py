"""Template filters for a gift's links, and its status in words for the donor."""

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from donations.gifts import money_back, tokens
from donations.gifts.models import Donation

register = template.Library()


@register.filter
def gift_path(donation: Donation) -> str:
    return tokens.path_of(donation)


@register.filter
def receipt_path(donation: Donation) -> str:
    return reverse("gift-receipt", args=[tokens.token_of(donation)])


@register.filter
def status_in_words(donation: Donation) -> str:
    """Return the status of a gift, and how much of it went back."""
    went_back = money_back.in_words(donation)
    if donation.status == Donation.Status.PENDING:
        return _("Not paid yet")
    if donation.status == Donation.Status.DISPUTED:
        return " · ".join(filter(None, (_("Your bank is looking into it"), went_back)))
    return went_back or _("Received")
