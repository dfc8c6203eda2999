"""Partners' confirmations, and their tallies."""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import Exact, LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7
from logistics.partners.models import Site
from logistics.triggers import never_truncated
from shipments.packing.models import ManifestLine
from shipments.shipments.models import Shipment


class Delivery(models.Model):
    """One confirmation of goods received; a shipment may have several. Never edited: a correction reverses it."""

    class Source(models.TextChoices):
        API = "api", _("Partner's system")
        LINK = "link", _("Link")
        PAPER = "paper", _("Paper")
        PHONE = "phone", _("Telephone")
        SMS = "sms", _("SMS")

    class Default(models.TextChoices):
        GOOD = "good", _("Everything else arrived in good condition")
        NONE = "none", _("Nothing else has been counted yet")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("shipment")
    )
    # The only site that it counts goods of; null if it may count those of all sites.
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("site"))
    sequence = models.PositiveSmallIntegerField(_("sequence number"), help_text=_("1 to n within its shipment"))
    # The partner's own id: a phone that retries, or is reinstalled, cannot confirm twice.
    client_id = models.UUIDField()
    body_sha256 = models.CharField(max_length=64)
    stated_at = models.DateTimeField(
        _("received at, as stated"), help_text=_("When the goods were received, by the receiver's clock")
    )
    recorded_at = models.DateTimeField(_("recorded at"))
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    source = models.CharField(_("source"), max_length=5, choices=Source)
    default = models.CharField(_("packages not listed"), max_length=4, choices=Default)
    received_by = models.CharField(_("received by"), max_length=100)
    delivered_by = models.CharField(_("delivered by"), max_length=100, blank=True)
    seal_read = models.CharField(_("seal number read"), max_length=30, blank=True)
    seal_intact = models.BooleanField(_("seal intact"), null=True)
    packages_counted = models.PositiveIntegerField(_("packages counted"), null=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    reverses = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="reversed_by", verbose_name=_("reverses")
    )

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shipment", "client_id"], name="a_client_id_confirms_once_in_a_shipment"),
            models.UniqueConstraint(fields=["shipment", "sequence"], name="deliveries_of_a_shipment_are_numbered"),
            models.CheckConstraint(name="a_delivery_reverses_another", condition=~Q(reverses=F("id"))),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="deliveries_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("deliveries_are_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.sequence}"


NONE_NEGATIVE = Q(good__gte=0, damaged__gte=0, missing__gte=0, surplus__gte=0)


class DeliveryLine(models.Model):
    """The figures of one delivery for one manifest line. A reversal has the same figures, negated."""

    pk = models.CompositePrimaryKey("delivery_id", "line_id")
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(ManifestLine, on_delete=models.PROTECT, related_name="+")
    good = models.IntegerField(default=0)
    damaged = models.IntegerField(default=0)
    missing = models.IntegerField(default=0)
    surplus = models.IntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="a_delivery_line_counts_up_or_reverses",
                condition=NONE_NEGATIVE | Q(good__lte=0, damaged__lte=0, missing__lte=0, surplus__lte=0),
            ),
            models.CheckConstraint(
                name="a_delivery_line_says_something",
                condition=~Q(good=0, damaged=0, missing=0, surplus=0),
            ),
            models.CheckConstraint(name="damage_has_a_reason", condition=Q(damaged__lte=0) | ~Q(reason="")),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="delivery_lines_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("delivery_lines_are_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.good} / {self.damaged} / {self.missing} / {self.surplus}"


class UnlistedGoods(models.Model):
    """Goods that arrived but are not on the manifest; not part of the counts."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.PROTECT, related_name="unlisted", verbose_name=_("delivery")
    )
    description = models.CharField(_("description"), max_length=200)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit = models.CharField(_("unit"), max_length=3, default="H87")
    remark = models.CharField(_("remark"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("unlisted goods")
        verbose_name_plural = _("unlisted goods")
        constraints: ClassVar = [models.CheckConstraint(name="unlisted_goods_are_some", condition=Q(quantity__gt=0))]
        triggers: ClassVar = [
            pgtrigger.Protect(name="unlisted_goods_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name}: {self.quantity}"


ACCOUNTED = F("good") + F("damaged") + F("missing")
EXPECTED = F("shipped") + F("surplus")


class Tally(models.Model):
    """The sum of a manifest line's deliveries so far: a projection of DeliveryLine, with constraints.

    `missing` is declared, never inferred: anything not named yet is simply not accounted for.
    """

    line = models.OneToOneField(ManifestLine, primary_key=True, on_delete=models.PROTECT, related_name="tally")
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="tallies")
    shipped = models.PositiveIntegerField()
    good = models.IntegerField(default=0)
    damaged = models.IntegerField(default=0)
    missing = models.IntegerField(default=0)
    surplus = models.IntegerField(default=0)
    is_resolved = models.GeneratedField(
        expression=Q(  # type: ignore[arg-type]  # a condition is an expression too
            Exact(ACCOUNTED, EXPECTED),
            Q(missing=0) | Q(surplus=0),
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        verbose_name_plural = "tallies"
        constraints: ClassVar = [
            models.CheckConstraint(name="a_tally_is_not_negative", condition=NONE_NEGATIVE),
            models.CheckConstraint(
                name="no_more_is_accounted_for_than_was_shipped_and_surplus",
                condition=LessThanOrEqual(ACCOUNTED, EXPECTED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.good + self.damaged + self.missing} / {self.shipped + self.surplus}"
