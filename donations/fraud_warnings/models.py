from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.payments.models import PaymentAttempt
from logistics import wording
from logistics.ids import uuid7


class FraudType(models.TextChoices):
    """Why the card's network calls a payment fraud. Stripe may add others: they are kept and shown as they are."""

    CARD_NEVER_RECEIVED = "card_never_received", pgettext_lazy("fraud", "The card never reached its owner")
    FRAUDULENT_CARD_APPLICATION = (
        "fraudulent_card_application",
        pgettext_lazy("fraud", "The card was ordered in somebody else’s name"),
    )
    MADE_WITH_COUNTERFEIT_CARD = "made_with_counterfeit_card", pgettext_lazy("fraud", "A counterfeit card")
    MADE_WITH_LOST_CARD = "made_with_lost_card", pgettext_lazy("fraud", "A lost card")
    MADE_WITH_STOLEN_CARD = "made_with_stolen_card", pgettext_lazy("fraud", "A stolen card")
    UNAUTHORIZED_USE_OF_CARD = "unauthorized_use_of_card", pgettext_lazy("fraud", "The owner did not allow it")
    MISC = "misc", pgettext_lazy("fraud", "Another reason")


class FraudWarning(models.Model):
    """An early fraud warning: a card's network reports a payment as fraud. A full refund avoids most disputes."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, related_name="fraud_warnings", verbose_name=_("payment attempt")
    )
    stripe_id = models.CharField(_("Stripe ID"), max_length=100, editable=False)
    fraud_type = models.CharField(_("kind of fraud"), max_length=60)
    # Until the payment is refunded in full or disputed; never again afterwards.
    actionable = models.BooleanField(_("can be acted on"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("fraud warning")
        verbose_name_plural = _("fraud warnings")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["stripe_id"], name="a_fraud_warning_is_known_once")]
        indexes: ClassVar = [
            models.Index(fields=["actionable", "id"], condition=models.Q(actionable=True), name="fraud_warnings_open"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="fraud_warnings_are_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="fraud_warnings_only_end",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["actionable"]),
            ),
        ]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.created_at)

    @property
    def fraud_shown(self) -> str:
        """The kind of fraud in words; one that we do not know, as the network says it."""
        return str(dict(FraudType.choices).get(self.fraud_type, self.fraud_type.replace("_", " ")))
