from collections.abc import Mapping
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.payments.models import PaymentAttempt
from logistics.ids import uuid7


class RefundState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("refund", "Pending")
    SUCCEEDED = "succeeded", pgettext_lazy("refund", "Succeeded")
    FAILED = "failed", pgettext_lazy("refund", "Failed")
    CANCELED = "canceled", pgettext_lazy("refund", "Canceled")


R = RefundState
# A bank may return a refund long after it succeeded.
NEXT: Final[Mapping[RefundState, frozenset[RefundState]]] = {
    R.PENDING: frozenset({R.SUCCEEDED, R.FAILED, R.CANCELED}),
    R.SUCCEEDED: frozenset({R.FAILED}),
    R.FAILED: frozenset(),
    R.CANCELED: frozenset(),
}


class Refund(models.Model):
    """A refund to a donor, made by us or in Stripe's dashboard."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("payment attempt")
    )
    stripe_id = models.CharField(_("Stripe ID"), max_length=100, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=RefundState)
    amount_minor = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    failure_reason = models.CharField(_("failure reason"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["stripe_id"], name="a_refund_is_known_once")]
        # The admin's filter; refunds that did not succeed are few.
        indexes: ClassVar = [models.Index(fields=["state", "id"], name="refunds_by_state")]
        triggers: ClassVar = [
            pgtrigger.Protect(name="refunds_are_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="what_was_refunded_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("attempt", "stripe_id", "amount_minor", "currency"),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id
