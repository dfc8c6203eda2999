"""Refunds and chargebacks of a gift in words for its donor: the same on pages and in mails."""

from django.utils.translation import gettext as _

from donations.gifts.models import Donation
from logistics import wording
from logistics.money import amounts as money


def in_words(donation: Donation) -> str:
    """Say how much went back in total and what remains, in the active language; "" if nothing went back.

    Of a void gift: that it is void.
    """
    if donation.status == Donation.Status.VOIDED:
        return _("This gift was recorded by mistake and is void.")
    values = {
        "amount": _printed(donation.amount_minor, donation),
        "refunded": _printed(donation.refunded_minor, donation),
        "charged_back": _printed(donation.charged_back_minor, donation),
        "kept": _printed(donation.kept_minor, donation),
    }
    remains = _("%(kept)s remains with us.") % values if donation.kept_minor else ""
    if donation.refunded_minor and donation.charged_back_minor:
        back = _(
            "Of your gift of %(amount)s, %(refunded)s was refunded to you, and your bank took back %(charged_back)s."
        )
        remains = remains or _("Nothing remains with us.")
    elif donation.refunded_minor and remains:
        back = _("%(refunded)s of your gift of %(amount)s was refunded to you.")
    elif donation.refunded_minor:
        back = _("Your whole gift of %(amount)s was refunded to you.")
    elif donation.charged_back_minor and remains:
        back = _("Your bank took back %(charged_back)s of your gift of %(amount)s.")
    elif donation.charged_back_minor:
        back = _("Your bank took back your whole gift of %(amount)s.")
    else:
        return ""
    return f"{back % values} {remains}".strip()


def since_receipt(donation: Donation, number: str, receipted_minor: int) -> str:
    """Say what went back, or came back to us, since a receipt for `receipted_minor` minor units was issued.

    "" if nothing changed, and if everything that ever went back did so since: then `in_words` says it.
    """
    if donation.status == Donation.Status.VOIDED:
        return ""  # `in_words` says it
    moved_minor = receipted_minor - donation.kept_minor
    if moved_minor < 0:
        return _("Since receipt %(number)s, a refund of %(amount)s did not go through. That money is with us.") % {
            "number": number,
            "amount": _printed(-moved_minor, donation),
        }
    if moved_minor in (0, donation.amount_minor - donation.kept_minor):
        return ""
    return _("Since receipt %(number)s, another %(amount)s was returned to you.") % {
        "number": number,
        "amount": _printed(moved_minor, donation),
    }


def correction(donation: Donation, number: str, receipted: str) -> str:
    """Say what was wrong with a receipt for an amount, "HK$500.00", that we corrected though no money moved."""
    kept = _printed(donation.kept_minor, donation)
    if receipted != kept:
        return _("Receipt %(number)s was for %(was)s by mistake; we received %(kept)s.") % {
            "number": number,
            "was": receipted,
            "kept": kept,
        }
    return _("Receipt %(number)s had wrong details, which we have corrected.") % {"number": number}


def _printed(amount_minor: int, donation: Donation) -> str:
    return money.printed(amount_minor, donation.currency, [wording.page_language()])
