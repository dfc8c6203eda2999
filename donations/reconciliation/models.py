from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.payments.models import PaymentAttempt
from logistics.ids import uuid7


class StripeDifference(models.Model):
    """Something that Stripe and our rows say differently, found by comparing both; ended when they agree again."""

    class About(models.TextChoices):
        PAYMENT = "payment", pgettext_lazy("difference with Stripe", "Payment")
        REFUND = "refund", pgettext_lazy("difference with Stripe", "Refund")
        DISPUTE = "dispute", pgettext_lazy("difference with Stripe", "Dispute")

    class Kind(models.TextChoices):
        NOT_HERE = "not_here", pgettext_lazy("difference with Stripe", "At Stripe, not in our books")
        NOT_THERE = "not_there", pgettext_lazy("difference with Stripe", "In our books, not at Stripe")
        STATE = "state", pgettext_lazy("difference with Stripe", "Different states")
        AMOUNT = "amount", pgettext_lazy("difference with Stripe", "Different amounts")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    about = models.CharField(pgettext_lazy("difference with Stripe", "about"), max_length=8, choices=About)
    kind = models.CharField(_("difference"), max_length=10, choices=Kind)
    stripe_id = models.CharField(_("Stripe ID"), max_length=100)
    attempt = models.ForeignKey(
        PaymentAttempt,
        null=True,  # of a payment with an id that was never ours
        on_delete=models.PROTECT,
        related_name="differences",
        verbose_name=_("payment attempt"),
    )
    # What each side says: a state as the model names it, or an amount such as "HKD 500.50"; empty: nothing.
    ours = models.CharField(_("our books"), max_length=60, blank=True)
    theirs = models.CharField(pgettext_lazy("difference with Stripe", "Stripe"), max_length=60, blank=True)
    happened_at = models.DateTimeField(_("occurred at"))
    found_at = models.DateTimeField(_("found at"))
    ended_at = models.DateTimeField(_("settled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("difference with Stripe")
        verbose_name_plural = _("differences with Stripe")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["about", "kind", "stripe_id"],
                condition=Q(ended_at=None),
                name="a_difference_is_open_once",
            ),
        ]
        indexes: ClassVar = [
            # The desk counts open ones, and a comparison looks at those of its span.
            models.Index(fields=["happened_at"], condition=Q(ended_at=None), name="differences_open"),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="differences_are_not_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.get_about_display()}: {self.get_kind_display()}"
