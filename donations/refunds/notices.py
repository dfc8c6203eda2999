"""Mails to finance about refunds: one waits for a second person, one failed."""

from datetime import datetime

from django.urls import reverse

from donations.refunds.models import Refund
from logistics.mail import services as mail
from logistics.people.models import User
from logistics.roles import Role


def to_approve(refund: Refund, *, at: datetime) -> None:
    """Tell the others in finance that a refund waits for one of them."""
    _tell("refund-to-approve", "donations/mail/refund_to_approve.txt", refund, at=at, without=refund.asked_by_id)


def failed(refund: Refund, *, at: datetime) -> None:
    """Tell finance that a refund failed: the donor has not got the money."""
    _tell("refund-failed", "donations/mail/refund_failed.txt", refund, at=at)


def _tell(kind: str, template: str, refund: Refund, *, at: datetime, without: object = None) -> None:
    gift = refund.attempt.donation
    context = {
        "gift": gift,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "path": reverse("admin:donations_donation_change", args=[gift.pk]),
    }
    finance = User.objects.with_role(Role.FINANCE, at=at).exclude(pk=without)
    for email, language in finance.values_list("email", "language"):
        mail.request(kind, to=email, template=template, context=context, language=language)
