from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from logistics.ids import uuid7


class AppealQuerySet(models.QuerySet["Appeal"]):
    def open_on(self, day: date) -> "AppealQuerySet":
        """Appeals to which one can give on that day (of the charity's time zone)."""
        return self.filter(Q(closes_on=None) | Q(closes_on__gte=day), opens_on__lte=day)


class Appeal(models.Model):
    """What we ask money for, in words that donors read."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=80, help_text="Its address: /give/<slug>/")
    title_en = models.CharField("title, English", max_length=120)
    title_fr = models.CharField("title, French", max_length=120)
    story_en = models.TextField("story, English", help_text="Blank lines part paragraphs.")
    story_fr = models.TextField("story, French", help_text="Blank lines part paragraphs.")
    target_minor = models.PositiveBigIntegerField("target, minor units", help_text="500000000 is HK$5,000,000.00")
    currency = models.CharField(max_length=3, help_text="ISO 4217; of the target. Gifts come in any that we accept.")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2; blank: several")
    opens_on = models.DateField()
    closes_on = models.DateField(null=True, blank=True, help_text="The last day; blank: open until closed")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = AppealQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["slug"], name="an_appeal_has_an_address_of_its_own"),
            models.CheckConstraint(name="an_appeal_asks_for_more_than_nothing", condition=Q(target_minor__gt=0)),
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

    def is_open_on(self, day: date) -> bool:
        return self.opens_on <= day and (self.closes_on is None or day <= self.closes_on)
