from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7
from logistics.pictures.models import Picture


class AppealQuerySet(models.QuerySet["Appeal"]):
    def open_on(self, day: date) -> "AppealQuerySet":
        """Return the appeals open for gifts on that day (in the charity's time zone)."""
        return self.filter(Q(closes_on=None) | Q(closes_on__gte=day), opens_on__lte=day)

    def with_picture(self) -> "AppealQuerySet":
        """Read what a page needs of the pictures, without their contents."""
        return self.select_related("picture").defer("picture__content", "picture__small")


class Appeal(models.Model):
    """A fundraising appeal, as donors read it."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(_("slug"), max_length=80, db_index=False, help_text=_("Its address: /give/<slug>/"))
    title_en = models.CharField(_("English title"), max_length=120)
    title_fr = models.CharField(_("French title"), max_length=120)
    story_en = models.TextField(_("English story"), help_text=_("Separate paragraphs with a blank line."))
    story_fr = models.TextField(_("French story"), help_text=_("Separate paragraphs with a blank line."))
    target_minor = models.PositiveBigIntegerField(_("target"), help_text=_("500000000 is HK$5,000,000.00"))
    currency = models.CharField(
        _("currency"),
        max_length=3,
        help_text=_("Of the target (ISO 4217). Gifts may be made in any currency that we accept."),
    )
    country = models.CharField(
        _("country"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2; blank if several")
    )
    opens_on = models.DateField(_("opening date"))
    closes_on = models.DateField(
        _("closing date"), null=True, blank=True, help_text=_("The last day; blank: no end date")
    )
    picture = models.ForeignKey(
        Picture,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="appeals",
        verbose_name=_("picture"),
    )
    picture_alt_en = models.CharField(
        _("English description of the picture"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("For people who do not see it"),
    )
    picture_alt_fr = models.CharField(
        _("French description of the picture"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("For people who do not see it"),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    objects = AppealQuerySet.as_manager()

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slug"], name="an_appeal_has_an_address_of_its_own"),
            models.CheckConstraint(name="an_appeal_asks_for_more_than_nothing", condition=Q(target_minor__gt=0)),
            models.CheckConstraint(
                name="a_picture_is_described_in_both_languages",
                condition=Q(picture=None) | ~(Q(picture_alt_en="") | Q(picture_alt_fr="")),
            ),
            models.CheckConstraint(
                name="an_appeal_closes_after_it_opens", condition=Q(closes_on=None) | Q(closes_on__gte=F("opens_on"))
            ),
            models.CheckConstraint(
                name="the_currency_of_an_appeal_is_a_code", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
        ]

    def __str__(self) -> str:
        return self.title_en

    def title(self, language: str) -> str:
        return self.title_fr if language == "fr" else self.title_en

    def story(self, language: str) -> str:
        return self.story_fr if language == "fr" else self.story_en

    def picture_alt(self, language: str) -> str:
        return self.picture_alt_fr if language == "fr" else self.picture_alt_en

    def is_open_on(self, day: date) -> bool:
        return self.opens_on <= day and (self.closes_on is None or day <= self.closes_on)


class GiftTotal(models.Model):
    """What an appeal has received in one currency and kept. The database keeps it (donations.gifts.totals)."""

    appeal = models.ForeignKey(
        Appeal, on_delete=models.PROTECT, related_name="totals", db_index=False, verbose_name=_("appeal")
    )
    currency = models.CharField(_("currency"), max_length=3, editable=False)
    amount_minor = models.BigIntegerField(_("amount"), editable=False)
    gifts = models.PositiveBigIntegerField(_("gifts"), editable=False)

    class Meta:
        verbose_name = _("total of gifts")
        verbose_name_plural = _("totals of gifts")
        ordering: ClassVar = ["appeal", "currency"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["appeal", "currency"], name="an_appeal_has_one_total_in_a_currency"),
            models.CheckConstraint(name="no_total_of_gifts_is_negative", condition=Q(amount_minor__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.appeal_id} {self.currency}"
