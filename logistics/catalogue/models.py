from typing import ClassVar

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7


class Category(models.Model):
    """A kind of goods: household furniture, appliances, school supplies ..."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    name_en = models.CharField(_("English name"), max_length=100, unique=True)
    name_fr = models.CharField(_("French name"), max_length=100)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering: ClassVar = ["name_en"]

    def __str__(self) -> str:
        return self.name_en


class Item(models.Model):
    """Something that we send, described once. Unknown values are null, never 0."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    # Printed on labels, so it never changes.
    code = models.CharField(
        _("code"),
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9_-]*$", _("A-Z, 0-9, - and _ only."))],
    )
    name_en = models.CharField(_("English name"), max_length=200)
    name_fr = models.CharField(
        _("French name"), max_length=200, blank=True, help_text=_("Required before it is sent to a French speaker")
    )
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="items", verbose_name=_("category"))
    unit = models.CharField(
        _("unit"), max_length=3, default="H87", help_text=_("UN/ECE Rec 20 code: H87 piece, SET set, PR pair")
    )
    hs6 = models.CharField(
        _("HS code"), max_length=6, blank=True, help_text=_("Six digits of the Harmonized System 2022")
    )
    origin = models.CharField(
        _("country of origin"),
        max_length=2,
        blank=True,
        help_text=_("Where it was made: ISO 3166-1, e.g. CN. Blank if unknown or several"),
    )
    unit_weight_kg = models.DecimalField(
        _("unit weight (kg)"),
        max_digits=9,
        decimal_places=3,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("An estimate"),
    )
    is_dangerous = models.BooleanField(_("dangerous goods"), default=False)
    un_number = models.CharField(
        _("UN number"),
        max_length=4,
        blank=True,
        validators=[RegexValidator(r"^\d{4}$", _("Four digits."))],
        help_text=_("For dangerous goods, e.g. 3481. New manifest lines copy it; existing lines keep theirs"),
    )
    is_active = models.BooleanField(_("in use"), default=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(hs6="") | Q(hs6__regex=r"^\d{6}$"), name="an_hs_code_has_six_digits"),
            models.CheckConstraint(
                condition=Q(unit_weight_kg=None) | Q(unit_weight_kg__gt=0), name="an_unknown_weight_is_null_not_zero"
            ),
            models.CheckConstraint(
                condition=Q(is_dangerous=True, un_number__regex=r"^\d{4}$") | Q(is_dangerous=False, un_number=""),
                name="dangerous_goods_have_a_un_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name_en}"
