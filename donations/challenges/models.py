from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.gifts.models import Donation
from logistics import wording
from logistics.ids import uuid7


class Challenge(models.Model):
    """A challenge that a donor must pass before another checkout is opened. It can be used once, until it expires.

    `proof`: a proof of work that the donor's browser computes. `mail`: a link that only the owner of the email
    address receives. Rows are kept for a few weeks, because alarms compare with them.
    """

    class Method(models.TextChoices):
        PROOF = "proof", pgettext_lazy("challenge", "Proof of work")
        MAIL = "mail", pgettext_lazy("challenge", "Link by email")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    method = models.CharField(_("method"), max_length=5, choices=Method, editable=False)
    # Keyed hashes. A proof is accepted only from the address, and for the purpose, for which it was asked.
    purpose = models.CharField(max_length=32, editable=False)
    address_hash = models.CharField(max_length=32, blank=True, editable=False)
    email_hash = models.CharField(max_length=32, blank=True, editable=False)
    donation = models.ForeignKey(  # of a link
        Donation, null=True, editable=False, on_delete=models.CASCADE, related_name="+", verbose_name=_("donation")
    )
    issued_at = models.DateTimeField(_("issued at"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires at"), editable=False)
    used_at = models.DateTimeField(_("used at"), null=True, editable=False)

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="a_challenge_is_not_used_after_it_expired",
                condition=Q(used_at=None) | Q(used_at__lt=F("expires_at")),
            ),
            models.CheckConstraint(
                name="a_link_by_mail_is_for_a_donation",
                condition=Q(method="mail", donation__isnull=False) | Q(method="proof", donation=None),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["issued_at"], name="challenges_by_age")]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.issued_at)
