"""Packages, and the manifest lines with their contents.

Kilograms have 3 places, centimetres 1; money is whole minor units of the shipment's customs currency. The one rounding
rule: net, gross and volume are rounded half up to 3 places per package and then summed (see totals.py).
"""

import secrets
from typing import ClassVar
from uuid import UUID

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Round
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from logistics.catalogue.models import Item
from logistics.ids import uuid7
from logistics.search import trigrams
from shipments.packing.freezing import frozen_once_sealed
from shipments.shipments.models import Shipment, ShipmentSite, is_known


class Condition(models.TextChoices):
    NEW = "new", pgettext_lazy("condition of goods", "New")
    LIKE_NEW = "like_new", pgettext_lazy("condition of goods", "Like new")
    LIGHTLY_USED = "lightly_used", pgettext_lazy("condition of goods", "Lightly used")
    HEAVILY_USED = "heavily_used", pgettext_lazy("condition of goods", "Heavily used")
    MIXED = "mixed", pgettext_lazy("condition of goods", "Mixed")
    FOR_PARTS = "for_parts", pgettext_lazy("condition of goods", "For parts")


class Flag(models.TextChoices):
    """How to handle a package. Heavy is not stored: it follows from the weight."""

    FRAGILE = "fragile"
    THIS_WAY_UP = "this_way_up"
    OPEN_FIRST = "open_first"
    DANGEROUS = "dangerous"


# The usual limit for one person; labels and lists mark heavier packages, which two people must lift.
HEAVY_KG = 25


def label_token() -> str:
    """Return 128 random bits for the QR code of a package's label. One cannot be guessed from another."""
    return secrets.token_urlsafe(16)


def goes_to(site_id: UUID, path: str = "") -> Q:
    """Return the condition on packages for a site, or on rows from which `path` ("package__") leads to one.

    Only in a shipment to a single site may packages have no destination (packing/completeness.py): they go there.
    """
    return Q(**{f"{path}destination__site": site_id}) | Q(**{f"{path}destination": None})


# The same in SQL, for a package `p`.
GOES_TO = """(p.destination_id IS NULL OR EXISTS (
    SELECT FROM shipments_shipmentsite d WHERE d.id = p.destination_id AND d.site_id = %(site)s))"""


class Package(models.Model):
    """A handling unit: a carton, a bale, a refrigerator on its skid."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, related_name="packages", db_index=False, verbose_name=_("shipment")
    )
    number = models.PositiveIntegerField(_("number"), help_text=_("1 to N within its shipment, without gaps"))
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    token = models.CharField(max_length=22, default=label_token, editable=False)
    kind = models.CharField(
        _("kind"), max_length=2, help_text=_("UN/ECE Rec 21: CT carton, PX pallet, BL bale, PK package")
    )
    marks = models.CharField(_("marks"), max_length=60, blank=True)
    sscc = models.CharField(_("SSCC"), max_length=18, blank=True)
    length_cm = models.DecimalField(_("length (cm)"), max_digits=6, decimal_places=1, null=True, blank=True)
    width_cm = models.DecimalField(_("width (cm)"), max_digits=6, decimal_places=1, null=True, blank=True)
    height_cm = models.DecimalField(_("height (cm)"), max_digits=6, decimal_places=1, null=True, blank=True)
    volume_m3 = models.GeneratedField(
        verbose_name=_("volume (m³)"),
        expression=Round(F("length_cm") * F("width_cm") * F("height_cm") / 1_000_000, precision=3),
        output_field=models.DecimalField(max_digits=12, decimal_places=3),
        db_persist=True,
    )
    gross_kg = models.DecimalField(
        _("gross weight (kg)"), max_digits=9, decimal_places=3, null=True, blank=True, help_text=_("Blank if unknown")
    )
    gross_measured = models.BooleanField(
        _("weighed"), default=False, help_text=_("Ticked: weighed on a scale; otherwise an estimate")
    )
    destination = models.ForeignKey(
        ShipmentSite, null=True, blank=True, on_delete=models.PROTECT, related_name="packages"
    )
    flags = ArrayField(
        models.CharField(max_length=12, choices=Flag), default=list, blank=True, verbose_name=_("handling")
    )
    remark = models.CharField(_("remark"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("package")
        verbose_name_plural = _("packages")
        ordering: ClassVar = ["shipment", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shipment", "number"], name="a_package_number_is_used_once_in_a_shipment"),
            # Not unique=True, which makes a second index for LIKE.
            models.UniqueConstraint(fields=["token"], name="a_label_has_an_address_of_its_own"),
            models.CheckConstraint(name="packages_are_numbered_from_one", condition=Q(number__gte=1)),
            models.CheckConstraint(
                name="an_unknown_gross_weight_is_null", condition=Q(gross_kg=None) | Q(gross_kg__gt=0)
            ),
            models.CheckConstraint(
                name="a_package_has_all_its_dimensions_or_none",
                condition=Q(length_cm=None, width_cm=None, height_cm=None)
                | (
                    is_known("length_cm", "width_cm", "height_cm") & Q(length_cm__gt=0, width_cm__gt=0, height_cm__gt=0)
                ),
            ),
            # Forever and everywhere: carriers know a package by it (GS1 General Specifications).
            models.UniqueConstraint(fields=["sscc"], condition=~Q(sscc=""), name="an_sscc_is_used_once"),
            models.CheckConstraint(name="an_sscc_has_18_digits", condition=Q(sscc="") | Q(sscc__regex=r"^\d{18}$")),
            models.CheckConstraint(
                name="only_what_stood_on_a_scale_is_measured", condition=Q(gross_measured=False) | is_known("gross_kg")
            ),
        ]
        indexes: ClassVar = [
            # The admin's list of all packages: its filter, in the order of its rows, and its search.
            models.Index(fields=["kind", "shipment", "number"], name="packages_by_kind"),
            trigrams("marks", name="packages_by_words"),
        ]
        triggers: ClassVar = [
            *frozen_once_sealed("package"),
            # Printed on labels that are already on the cartons.
            pgtrigger.Protect(
                name="a_package_keeps_the_address_of_its_label",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("token"),
            ),
            # Its lines hold a copy.
            pgtrigger.Protect(
                name="a_package_stays_in_its_shipment",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("shipment"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.number}"

    @property
    def is_heavy(self) -> bool:
        """Whether two people must lift it; False if the weight is unknown."""
        return self.gross_kg is not None and self.gross_kg > HEAVY_KG

    @property
    def un_numbers(self) -> list[str]:
        """The distinct UN numbers of the dangerous goods in it; reads its lines."""
        return sorted({line.un_number for line in self.lines.all() if line.un_number})

    @property
    def label_url(self) -> str:
        """The URL of this package's public page, which the QR code of its label opens."""
        return f"{settings.PUBLIC_URL}{reverse('package-label', args=[self.token])}"


class ManifestLine(models.Model):
    """A quantity of one item in one package, as printed on the papers."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    package = models.ForeignKey(
        Package, on_delete=models.CASCADE, related_name="lines", db_index=False, verbose_name=_("package")
    )
    # That of its package, whose foreign key is checked. The database fills it in, whatever is written: see `triggers`.
    shipment = models.ForeignKey(
        Shipment,
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,
        db_constraint=False,
        editable=False,
        verbose_name=_("shipment"),
    )
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("1 to n within its package"))
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+", verbose_name=_("item"))
    # Snapshots: this shipment's papers stay correct when the catalogue changes.
    description_en = models.CharField(_("English description"), max_length=200)
    description_fr = models.CharField(_("French description"), max_length=200, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit = models.CharField(_("unit"), max_length=3, help_text=_("UN/ECE Rec 20, e.g. H87 piece"))
    unit_weight_kg = models.DecimalField(_("unit weight (kg)"), max_digits=9, decimal_places=3, null=True, blank=True)
    net_kg = models.GeneratedField(
        verbose_name=_("net weight (kg)"),
        expression=F("quantity") * F("unit_weight_kg"),
        output_field=models.DecimalField(max_digits=12, decimal_places=3),
        db_persist=True,
    )
    hs6 = models.CharField(_("HS code"), max_length=6)
    origin = models.CharField(
        _("country of origin"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2; blank if unknown")
    )
    condition = models.CharField(_("condition"), max_length=12, choices=Condition, default=Condition.LIGHTLY_USED)
    grade = models.CharField(max_length=1, blank=True)
    unit_value_minor = models.BigIntegerField(help_text=_("For customs purposes only, in minor units"))
    value_minor = models.GeneratedField(
        expression=F("quantity") * F("unit_value_minor"), output_field=models.BigIntegerField(), db_persist=True
    )
    # Empty: not dangerous, according to the line or, when it was written, to the catalogue.
    un_number = models.CharField(
        _("UN number"), max_length=4, blank=True, help_text=_("For dangerous goods, e.g. 3481")
    )
    serials = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    remark = models.CharField(_("remark"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("manifest line")
        verbose_name_plural = _("manifest lines")
        ordering: ClassVar = ["package", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["package", "position"], name="a_line_has_its_place_in_its_package"),
            models.CheckConstraint(name="a_line_has_goods", condition=Q(quantity__gt=0, position__gte=1)),
            models.CheckConstraint(
                name="an_unknown_line_weight_is_null", condition=Q(unit_weight_kg=None) | Q(unit_weight_kg__gt=0)
            ),
            models.CheckConstraint(name="a_customs_value_is_not_negative", condition=Q(unit_value_minor__gte=0)),
            models.CheckConstraint(name="a_line_s_hs_code_has_six_digits", condition=Q(hs6__regex=r"^\d{6}$")),
            models.CheckConstraint(
                name="a_un_number_has_its_form", condition=Q(un_number="") | Q(un_number__regex=r"^\d{4}$")
            ),
        ]
        indexes: ClassVar = [
            # The list of a shipment's lines. By way of their packages, every page read all lines of the shipment.
            models.Index(fields=["shipment", "id"], name="lines_of_a_shipment"),
        ]
        triggers: ClassVar = [
            *frozen_once_sealed("line"),
            pgtrigger.Trigger(
                name="a_line_is_in_the_shipment_of_its_package",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("package_id", "shipment_id"),
                func="""
                    SELECT shipment_id INTO NEW.shipment_id FROM shipments_package WHERE id = NEW.package_id;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.position}"
