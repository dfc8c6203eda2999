from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7


class Picture(models.Model):
    """A picture for public pages, as we encoded it: what was uploaded is not kept. Its address is its fingerprint."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    media_type = models.CharField(_("type"), max_length=20, editable=False)
    width = models.PositiveSmallIntegerField(_("width"), editable=False)
    height = models.PositiveSmallIntegerField(_("height"), editable=False)
    content = models.BinaryField(editable=False)
    small = models.BinaryField(editable=False)  # for phones
    small_width = models.PositiveSmallIntegerField(editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sha256"], name="a_picture_is_stored_once"),
            models.CheckConstraint(
                name="a_picture_is_a_jpeg_or_png", condition=Q(media_type__in=["image/jpeg", "image/png"])
            ),
        ]
        triggers: ClassVar = [
            # Browsers and proxies keep a picture for a year under its address.
            pgtrigger.Protect(name="pictures_are_frozen", operation=pgtrigger.Update),
        ]

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    @property
    def path(self) -> str:
        return reverse("picture", args=[self.sha256])

    @property
    def small_path(self) -> str:
        return reverse("picture-small", args=[self.sha256])
