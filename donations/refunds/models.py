from collections.abc import Mapping
from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.payments.models import PaymentAttempt
from logistics import wording
from logistics.ids import uuid7
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job


class RefundState(models.TextChoices):
    AWAITING_APPROVAL = "awaiting_approval", pgettext_lazy("refund", "Awaiting approval")
    REJECTED = "rejected", pgettext_lazy("refund", "Rejected")
    REQUESTED = "requested", pgettext_lazy("refund", "Requested")
    PENDING = "pending", pgettext_lazy("refund", "Pending")
    SUCCEEDED = "succeeded", pgettext_lazy("refund", "Succeeded")
    FAILED = "failed", pgettext_lazy("refund", "Failed")
    CANCELED = "canceled", pgettext_lazy("refund", "Canceled")


R = RefundState
# A bank may return a refund long after it succeeded. The first three are ours, the others Stripe's.
NEXT: Final[Mapping[RefundState, frozenset[RefundState]]] = {
    R.AWAITING_APPROVAL: frozenset({R.REQUESTED, R.REJECTED}),
    R.REJECTED: frozenset(),
    R.REQUESTED: frozenset({R.PENDING, R.SUCCEEDED, R.FAILED, R.CANCELED}),
    R.PENDING: frozenset({R.SUCCEEDED, R.FAILED, R.CANCELED}),
    R.SUCCEEDED: frozenset({R.FAILED}),
    R.FAILED: frozenset(),
    R.CANCELED: frozenset(),
}
NOT_SENT: Final = (R.AWAITING_APPROVAL, R.REJECTED, R.REQUESTED)
# Money of these refunds has left us or is about to: it cannot be refunded a second time.
TAKEN: Final = (R.AWAITING_APPROVAL, R.REQUESTED, R.PENDING, R.SUCCEEDED)


class RefundReason(models.TextChoices):
    """Why we refund, in Stripe's words; Stripe tells the bank."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer", pgettext_lazy("refund reason", "The donor asked for it")
    DUPLICATE = "duplicate", pgettext_lazy("refund reason", "Paid twice")
    FRAUDULENT = "fraudulent", pgettext_lazy("refund reason", "Fraud: the card’s owner did not give")


class Refund(models.Model):
    """A refund to a donor, made by us or in Stripe's dashboard.

    Ours is a row before Stripe hears of it, so that it can be neither lost nor sent twice.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, related_name="refunds", verbose_name=_("payment attempt")
    )
    stripe_id = models.CharField(_("Stripe ID"), max_length=100, null=True, editable=False)  # once Stripe has it
    state = models.CharField(_("state"), max_length=17, choices=RefundState)
    amount_minor = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    failure_reason = models.CharField(_("failure reason"), max_length=60, blank=True)
    created_at = models.DateTimeField(_("created at"))
    # Of refunds made here. Above a limit (settings.REFUND_ALONE_UP_TO) another person decides.
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("requested by"),
    )
    asked_at = models.DateTimeField(_("requested at"), null=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("approved or rejected by"),
    )
    decided_at = models.DateTimeField(_("approved or rejected at"), null=True, editable=False)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stripe_id"], name="a_refund_is_known_once"),
            models.CheckConstraint(
                name="a_refund_is_at_stripe_or_was_requested_here",
                condition=Q(stripe_id__isnull=False) | Q(asked_at__isnull=False, state__in=[*NOT_SENT, R.FAILED]),
            ),
            models.CheckConstraint(
                name="a_refund_that_was_not_sent_is_not_at_stripe",
                condition=~Q(state__in=NOT_SENT) | Q(stripe_id=None),
            ),
            models.CheckConstraint(
                name="nobody_approves_a_refund_alone",
                condition=Q(decided_by=None) | Q(state="rejected") | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(name="a_refund_is_of_more_than_nothing", condition=Q(amount_minor__gt=0)),
        ]
        indexes: ClassVar = [
            # Filters of the lists, which are in the order of the ids. Most refunds succeeded.
            models.Index(fields=["state", "id"], condition=~Q(state="succeeded"), name="refunds_by_state"),
            models.Index(fields=["reason", "id"], name="refunds_by_reason"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="refunds_are_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="what_was_refunded_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("attempt", "amount_minor", "currency", "asked_by", "asked_at"),
            ),
            pgtrigger.Protect(
                name="a_refund_keeps_its_id_at_stripe",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.stripe_id IS NOT NULL AND NEW.stripe_id IS DISTINCT FROM OLD.stripe_id"
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id or wording.of_moment(self._meta.verbose_name, self.created_at)

    @property
    def is_unsent(self) -> bool:
        """Whether Stripe has not heard of it, as far as we know."""
        return self.state in NOT_SENT


class RefundSending(Job):
    """The request to Stripe to make one refund: repeated until Stripe answers, and never made twice."""

    TASK = "donations.send_refund"
    LANE = Lane.NOW

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, related_name="sending", editable=False, verbose_name=_("refund")
    )

    class Meta(Job.Meta):
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.created_at)
