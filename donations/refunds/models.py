from collections.abc import Mapping
from typing import ClassVar, Final

import pgtrigger
from django.db import models

from donations.payments.models import PaymentAttempt
from logistics.ids import uuid7


class RefundState(models.TextChoices):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


R = RefundState
# A bank may send a refund back long after it succeeded.
NEXT: Final[Mapping[RefundState, frozenset[RefundState]]] = {
    R.PENDING: frozenset({R.SUCCEEDED, R.FAILED, R.CANCELED}),
    R.SUCCEEDED: frozenset({R.FAILED}),
    R.FAILED: frozenset(),
    R.CANCELED: frozenset(),
}


class Refund(models.Model):
    """Money on its way back to a donor, ours or made in Stripe's dashboard."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="refunds")
    stripe_id = models.CharField(max_length=100, editable=False)
    state = models.CharField(max_length=10, choices=RefundState)
    amount_minor = models.PositiveBigIntegerField("amount, minor units")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60, blank=True)
    failure_reason = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["stripe_id"], name="a_refund_is_known_once")]
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
