from collections.abc import Mapping
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.payments.models import PaymentAttempt
from logistics.ids import uuid7


class DisputeState(models.TextChoices):
    WARNING_NEEDS_RESPONSE = "warning_needs_response", pgettext_lazy("dispute", "Inquiry, needs response")
    WARNING_UNDER_REVIEW = "warning_under_review", pgettext_lazy("dispute", "Inquiry, under review")
    WARNING_CLOSED = "warning_closed", pgettext_lazy("dispute", "Inquiry closed")
    NEEDS_RESPONSE = "needs_response", pgettext_lazy("dispute", "Needs response")
    UNDER_REVIEW = "under_review", pgettext_lazy("dispute", "Under review")
    PREVENTED = "prevented", pgettext_lazy("dispute", "Prevented")
    WON = "won", pgettext_lazy("dispute", "Won")
    LOST = "lost", pgettext_lazy("dispute", "Lost")


D = DisputeState
_ENDS = frozenset({D.PREVENTED, D.WON, D.LOST})
# An inquiry (warning_*) takes no money; it may close or become a dispute.
NEXT: Final[Mapping[DisputeState, frozenset[DisputeState]]] = {
    D.WARNING_NEEDS_RESPONSE: frozenset({D.WARNING_UNDER_REVIEW, D.WARNING_CLOSED, D.NEEDS_RESPONSE, D.UNDER_REVIEW})
    | _ENDS,
    D.WARNING_UNDER_REVIEW: frozenset({D.WARNING_CLOSED, D.NEEDS_RESPONSE, D.UNDER_REVIEW}) | _ENDS,
    D.WARNING_CLOSED: frozenset({D.NEEDS_RESPONSE, D.UNDER_REVIEW}) | _ENDS,
    D.NEEDS_RESPONSE: frozenset({D.UNDER_REVIEW}) | _ENDS,
    D.UNDER_REVIEW: _ENDS,
    D.PREVENTED: frozenset(),
    D.WON: frozenset(),
    D.LOST: frozenset(),
}
# In these states a bank holds the money until the dispute is decided.
OPEN: Final = (D.NEEDS_RESPONSE, D.UNDER_REVIEW)


class Dispute(models.Model):
    """A dispute or inquiry raised by a donor's bank."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, related_name="disputes", verbose_name=_("payment attempt")
    )
    stripe_id = models.CharField(_("Stripe ID"), max_length=100, editable=False)
    state = models.CharField(_("state"), max_length=24, choices=DisputeState)
    amount_minor = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    evidence_due_at = models.DateTimeField(_("evidence due"), null=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["stripe_id"], name="a_dispute_is_known_once")]
        triggers: ClassVar = [pgtrigger.Protect(name="disputes_are_not_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.stripe_id
