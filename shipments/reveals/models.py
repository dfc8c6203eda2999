from datetime import timedelta
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from logistics import wording
from logistics.ids import uuid7
from logistics.partners.models import Site
from logistics.triggers import never_truncated
from shipments.papers.models import Paper

HOURS_MAX = 72


class Reveal(models.Model):
    """A link with which the driver of one waybill sees the address of one site, once.

    Its text is shown to the safety officer who made it, and not stored: only its hash is.
    """

    class End(models.TextChoices):
        REVOKED = "revoked", pgettext_lazy("link", "Revoked")
        DELIVERED = "delivered", pgettext_lazy("link", "Delivered")
        SHIPMENT = "shipment", _("Shipment reopened or ended")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    paper = models.ForeignKey(Paper, on_delete=models.PROTECT, related_name="+", verbose_name=_("waybill"))
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", verbose_name=_("site"))
    driver = models.CharField(_("driver"), max_length=100)
    reason = models.CharField(_("reason"), max_length=500)
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    made_at = models.DateTimeField(_("made at"), editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("made by"),
    )
    expires_at = models.DateTimeField(_("expires at"), editable=False)
    seen_at = models.DateTimeField(_("seen at"), null=True, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)
    ended_because = models.CharField(
        _("ended because"), max_length=9, choices=End, blank=True, default="", db_default="", editable=False
    )
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=_("ended by"),
    )

    class Meta:
        verbose_name = _("driver’s link")
        verbose_name_plural = _("drivers’ links")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="a_drivers_link_lasts_72_hours_at_most",
                condition=Q(expires_at__gt=F("made_at"), expires_at__lte=F("made_at") + timedelta(hours=HOURS_MAX)),
            ),
            models.CheckConstraint(
                name="a_drivers_link_is_seen_while_it_works",
                condition=Q(seen_at=None)
                | (
                    Q(seen_at__gte=F("made_at"), seen_at__lt=F("expires_at"))
                    & (Q(ended_at=None) | Q(seen_at__lte=F("ended_at")))
                ),
            ),
            models.CheckConstraint(
                name="a_drivers_link_says_why_it_ended",
                condition=Q(ended_at=None, ended_because="", ended_by=None)
                | (Q(ended_at__isnull=False) & ~Q(ended_because="")),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="drivers_links_are_not_deleted", operation=pgtrigger.Delete),
            never_truncated("drivers_links_are_not_truncated"),
            pgtrigger.Protect(
                name="a_drivers_link_does_not_change",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["seen_at", "ended_at", "ended_because", "ended_by"]),
            ),
            pgtrigger.Protect(
                name="a_drivers_link_is_seen_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.seen_at IS NOT NULL AND NEW.seen_at IS DISTINCT FROM OLD.seen_at"
                    " OR OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at"
                ),
            ),
        ]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.made_at)
