from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7

ABOUT_MESSAGE = _("Shown instead of the form. Blank: a general one.")


class GivingSwitch(models.Model):
    """Whether gifts can be made online, and what donors read while they cannot. One row; a migration inserts it."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    is_the_one = models.BooleanField(default=True, editable=False)
    is_on = models.BooleanField(_("online giving is on"), default=True)
    message_en = models.TextField(_("English message"), max_length=500, blank=True, help_text=ABOUT_MESSAGE)
    message_fr = models.TextField(_("French message"), max_length=500, blank=True, help_text=ABOUT_MESSAGE)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("online giving switch")
        verbose_name_plural = _("online giving switch")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_the_one"], name="there_is_one_giving_switch"),
            models.CheckConstraint(condition=Q(is_the_one=True), name="the_giving_switch_is_the_one"),
        ]

    def __str__(self) -> str:
        return str(_("Online giving is on") if self.is_on else _("Online giving is off"))

    def message(self, language: str) -> str:
        """Return what donors read while giving is off."""
        written = self.message_fr if language == "fr" else self.message_en
        return written or str(_("Online giving is paused at the moment. Nothing was charged. Please come back later."))
