from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from logistics.ids import uuid7
from logistics.pictures.models import Picture

DEFAULT_COLOUR: Final = "#0b5c6b"
DEFAULT_ACCENT: Final = "#e07a2f"


class Jurisdiction(models.TextChoices):
    HONG_KONG = "HK", pgettext_lazy("jurisdiction", "Hong Kong (Inland Revenue Ordinance, section 88)")


class Charity(models.Model):
    """The charity's details, printed on every receipt and paper. One row."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    is_the_one = models.BooleanField(default=True, editable=False)
    name = models.CharField(_("name"), max_length=200)
    name_local = models.CharField(_("local name"), max_length=200, blank=True, help_text=_("e.g. the Chinese name"))
    address = models.TextField(_("address"))
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166-1 alpha-2"))
    registration = models.CharField(
        _("registration number"), max_length=60, help_text=_("The tax authority's file number, e.g. 91/1234")
    )
    jurisdiction = models.CharField(_("jurisdiction"), max_length=2, choices=Jurisdiction)
    time_zone = models.CharField(_("time zone"), max_length=40, default="Asia/Hong_Kong")
    email = models.EmailField(_("email address"))
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    website = models.URLField(_("website"), blank=True)
    signatory = models.CharField(_("signatory"), max_length=100, help_text=_("Who signs receipts"))
    signatory_title = models.CharField(_("signatory’s title"), max_length=100, blank=True)
    currencies = ArrayField(
        models.CharField(max_length=3),
        default=list,
        help_text=_("ISO 4217 codes that we accept"),
        verbose_name=_("currencies"),
    )
    # How public pages look.
    colour = models.CharField(
        _("colour"),
        max_length=7,
        default=DEFAULT_COLOUR,
        db_default=DEFAULT_COLOUR,
        help_text=_("Of headings and links; dark enough for white text"),
    )
    accent = models.CharField(
        _("second colour"), max_length=7, default=DEFAULT_ACCENT, db_default=DEFAULT_ACCENT, help_text=_("Of buttons")
    )
    logo = models.ForeignKey(
        Picture,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("logo"),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("charity")
        verbose_name_plural = _("charity")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_the_one"], name="there_is_one_charity"),
            models.CheckConstraint(condition=Q(is_the_one=True), name="the_charity_is_the_one"),
            models.CheckConstraint(
                condition=Q(colour__regex=r"^#[0-9a-f]{6}$", accent__regex=r"^#[0-9a-f]{6}$"),
                name="the_colours_of_the_charity_are_colours",
            ),
        ]

    def __str__(self) -> str:
        return self.name
