from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from logistics.ids import uuid7


class Jurisdiction(models.TextChoices):
    HONG_KONG = "HK", "Hong Kong (Inland Revenue Ordinance, section 88)"


class Charity(models.Model):
    """Who we are: stands on every receipt and paper. One row."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    is_the_one = models.BooleanField(default=True, editable=False)
    name = models.CharField(max_length=200)
    name_local = models.CharField(max_length=200, blank=True, help_text="e.g. the Chinese name")
    address = models.TextField()
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")
    registration = models.CharField(max_length=60, help_text="The tax authority's file number, e.g. 91/1234")
    jurisdiction = models.CharField(max_length=2, choices=Jurisdiction)
    time_zone = models.CharField(max_length=40, default="Asia/Hong_Kong")
    email = models.EmailField()
    phone = models.CharField(max_length=40, blank=True)
    website = models.URLField(blank=True)
    signatory = models.CharField(max_length=100, help_text="Who signs receipts")
    signatory_title = models.CharField(max_length=100, blank=True)
    currencies = ArrayField(models.CharField(max_length=3), default=list, help_text="ISO 4217 codes that we accept")
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name_plural = "charity"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["is_the_one"], name="there_is_one_charity"),
            models.CheckConstraint(condition=Q(is_the_one=True), name="the_charity_is_the_one"),
        ]

    def __str__(self) -> str:
        return self.name
