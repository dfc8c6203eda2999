"""Mails to finance about refunds: one waits for a second person, one failed."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from donations.refunds.models import Refund
from logistics.mail import services as mail
from logistics.people.models import User
from logistics.roles import Role


def to_approve(refund: Refund, *, at: datetime) -> None:
    """Tell the others in finance that a refund waits for one of them."""
    for email, language in _finance(at, without=refund.asked_by_id):
        mail.request(
            "refund-to-approve",
            to=email,
            template="donations/mail/refund_to_approve.txt",
            context=_context(refund),
            language=language,
        )


def failed(refund: Refund, *, at: datetime) -> None:
    """Tell finance that a refund failed: the donor has not got the money."""
    for email, language in _finance(at):
        mail.request(
            "refund-failed",
            to=email,
            template="donations/mail/refund_failed.txt",
            context=_context(refund),
            language=language,
        )


def _finance(at: datetime, *, without: UUID | None = None) -> Iterable[tuple[str, str]]:
    people = User.objects.with_role(Role.FINANCE, at=at)
    if without is not None:
        people = people.exclude(pk=without)
    return people.values_list("email", "language")


def _context(refund: Refund) -> dict[str, object]:
    gift = refund.attempt.donation
    return {
        "gift": gift,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "path": reverse("admin:donations_donation_change", args=[gift.pk]),
    }
