"""Where a gift's pages are, and what its status means to its donor."""

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from donations.giving import tokens
from donations.giving.models import Donation

register = template.Library()


@register.filter
def gift_path(donation: Donation) -> str:
    return tokens.path_of(donation)


@register.filter
def receipt_path(donation: Donation) -> str:
    return reverse("gift-receipt", args=[tokens.token_of(donation)])


@register.filter
def status_in_words(donation: Donation) -> str:
    return {
        Donation.Status.PENDING: _("Not paid yet"),
        Donation.Status.RECEIVED: _("Received"),
        Donation.Status.PARTIALLY_REFUNDED: _("Partly given back"),
        Donation.Status.REFUNDED: _("Given back"),
        Donation.Status.DISPUTED: _("Your bank is looking into it"),
        Donation.Status.CHARGED_BACK: _("Taken back by your bank"),
    }[Donation.Status(donation.status)]
