"""A shipment, its packages and the lines of its manifest.

Kilograms have 3 places, centimetres 1; money is whole minor units of the shipment's customs currency. The one rounding
rule: net, gross and volume are rounded half up to 3 places per package and then summed (see totals.py).
"""

import secrets
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Round
from django.urls import reverse
from django.utils.translation import gettext as _

from logistics.catalogue.models import Item
from logistics.errors import WrongState
from logistics.ids import uuid7
from logistics.partners.models import Partner, Site
from logistics.people.models import User
from shipments.manifests.freezing import OF_LINES, OF_PACKAGES, frozen_once_sealed
from shipments.manifests.states import (
    EVER_DISPATCHED,
    NEXT,
    OPEN_FOR_PACKING,
    SEALED_STATES,
    Status,
)

TOTALS = (
    "package_count",
    "line_count",
    "piece_count",
    "net_kg",
    "gross_kg",
    "measured_kg",
    "volume_m3",
    "value_minor",
)
# What stands on the issued papers, and so cannot change below them; reopening is the way.
FROZEN = (
    "number",
    "title",
    "reference",
    "consignee_id",
    "customs_currency",
    "container_number",
    "manifest_sha256",
    "sealed_at",
    *TOTALS,
)


def is_known(*columns: str) -> Q:
    """None of them is null. To a constraint `null > 0` is neither true nor false, and so no reason to refuse a row."""
    return Q(**{f"{column}__isnull": False for column in columns})


class Mode(models.TextChoices):
    SEA = "sea"
    AIR = "air"
    ROAD = "road"
    RAIL = "rail"
    MULTIMODAL = "multimodal"


class Condition(models.TextChoices):
    NEW = "new", "New"
    LIKE_NEW = "like_new", "Like new"
    LIGHTLY_USED = "lightly_used", "Lightly used"
    HEAVILY_USED = "heavily_used", "Heavily used"
    MIXED = "mixed", "Mixed"
    FOR_PARTS = "for_parts", "For parts"


class Flag(models.TextChoices):
    """How to handle a package. Heavy is not stored: it follows from the weight."""

    FRAGILE = "fragile"
    THIS_WAY_UP = "this_way_up"
    OPEN_FIRST = "open_first"
    DANGEROUS = "dangerous"


def somebody() -> "models.ForeignKey[User | None, User | None]":
    """Who did something, where somebody did."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )


class Shipment(models.Model):
    """Goods on their way to one partner, from the first package to the last signature."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=20, editable=False)
    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    title = models.CharField(max_length=200)
    reference = models.CharField(max_length=40, blank=True, help_text="The shipper's own, e.g. CGD-ML-26-001")
    purpose = models.TextField(blank=True)
    consignee = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="shipments")
    notify_party = models.TextField(blank=True, help_text="Empty: the consignee")

    hand_over_point = models.CharField(
        max_length=200, blank=True, help_text="A public place where the consignee takes the goods over"
    )

    mode = models.CharField(max_length=12, choices=Mode, default=Mode.SEA)
    incoterm = models.CharField(max_length=3, blank=True, help_text="Incoterms 2020, e.g. DAP")
    incoterm_place = models.CharField(max_length=60, blank=True)
    port_of_loading = models.CharField(max_length=5, blank=True, help_text="UN/LOCODE, e.g. HKHKG")
    port_of_discharge = models.CharField(max_length=5, blank=True, help_text="UN/LOCODE")
    place_of_delivery = models.CharField(max_length=5, blank=True, help_text="UN/LOCODE")
    container_number = models.CharField(max_length=11, blank=True, help_text="ISO 6346, e.g. CSQU3054383")
    container_type = models.CharField(max_length=4, blank=True, help_text="ISO 6346 size and type, e.g. 45G1")
    container_tare_kg = models.DecimalField(max_digits=8, decimal_places=1, null=True, blank=True)
    container_payload_kg = models.DecimalField(max_digits=8, decimal_places=1, null=True, blank=True)
    seal_number = models.CharField(max_length=30, blank=True)
    cargo_tracking_note = models.CharField(max_length=30, blank=True, help_text="BESC / CTN / ECTN")
    bill_of_lading = models.CharField(max_length=30, blank=True)
    packed_on = models.DateField(null=True, blank=True)
    departs_on = models.DateField("ETD", null=True, blank=True)
    reaches_port_on = models.DateField("ETA at the port", null=True, blank=True)
    arrives_on = models.DateField("ETA at its end", null=True, blank=True)

    customs_currency = models.CharField(max_length=3, help_text="ISO 4217; of all customs values of the manifest")
    freight_minor = models.BigIntegerField("freight, minor units", null=True, blank=True)
    freight_currency = models.CharField(max_length=3, blank=True)

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    created_by = somebody()
    packed_by = somebody()
    checked_by = somebody()
    sealed_by = somebody()
    sealed_at = models.DateTimeField(null=True, editable=False)
    dispatched_at = models.DateTimeField(null=True, editable=False)
    arrived_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)

    # Counted when it is sealed; before that the manifest may still change (see totals.py).
    package_count = models.PositiveIntegerField(null=True, editable=False)
    line_count = models.PositiveIntegerField(null=True, editable=False)
    piece_count = models.PositiveBigIntegerField(null=True, editable=False)
    net_kg = models.DecimalField(max_digits=15, decimal_places=3, null=True, editable=False)
    gross_kg = models.DecimalField(max_digits=15, decimal_places=3, null=True, editable=False)
    measured_kg = models.DecimalField(max_digits=15, decimal_places=3, null=True, editable=False)
    volume_m3 = models.DecimalField(max_digits=15, decimal_places=3, null=True, editable=False)
    value_minor = models.BigIntegerField(null=True, editable=False)
    manifest_sha256 = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number"], name="a_shipment_number_is_used_once"),
            models.CheckConstraint(
                name="shipment_number_has_its_form", condition=Q(number__regex=r"^SHP-\d{4}-\d{5,}$")
            ),
            models.CheckConstraint(name="shipment_status_is_known", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="shipment_is_sealed_exactly_when_it_says_so",
                condition=(
                    Q(status__in=SEALED_STATES, manifest_sha256__regex=r"^[0-9a-f]{64}$")
                    & is_known("sealed_at", *TOTALS)
                    & Q(package_count__gt=0, line_count__gt=0, piece_count__gt=0, net_kg__gt=0, gross_kg__gt=0)
                )
                | (
                    ~Q(status__in=SEALED_STATES)
                    & Q(sealed_at=None, package_count=None, line_count=None, piece_count=None, value_minor=None)
                    & Q(net_kg=None, gross_kg=None, measured_kg=None, volume_m3=None, manifest_sha256="")
                ),
            ),
            models.CheckConstraint(
                name="shipment_has_left_exactly_when_it_says_so",
                condition=Q(status__in=EVER_DISPATCHED, dispatched_at__isnull=False)
                | (~Q(status__in=EVER_DISPATCHED) & Q(dispatched_at=None, arrived_at=None)),
            ),
            models.CheckConstraint(
                name="shipment_has_arrived_when_it_was_received",
                condition=~Q(status__in=[Status.ARRIVED, Status.PARTIALLY_RECEIVED, Status.RECEIVED])
                | Q(arrived_at__isnull=False),
            ),
            models.CheckConstraint(
                name="shipment_is_closed_exactly_when_it_says_so",
                condition=Q(status=Status.CLOSED, closed_at__isnull=False)
                | (~Q(status=Status.CLOSED) & Q(closed_at=None)),
            ),
            models.CheckConstraint(
                name="shipment_is_cancelled_exactly_when_it_says_so",
                condition=Q(status=Status.CANCELLED, cancelled_at__isnull=False)
                | (~Q(status=Status.CANCELLED) & Q(cancelled_at=None)),
            ),
            models.CheckConstraint(
                name="who_checks_a_shipment_did_not_pack_it",
                condition=Q(checked_by=None) | Q(packed_by=None) | ~Q(checked_by=F("packed_by")),
            ),
            models.CheckConstraint(
                name="container_number_has_its_form",
                condition=Q(container_number="") | Q(container_number__regex=r"^[A-Z]{3}[UJZ]\d{7}$"),
            ),
            models.CheckConstraint(
                name="freight_has_a_currency_exactly_when_known",
                condition=Q(freight_minor=None, freight_currency="")
                | (is_known("freight_minor") & Q(freight_minor__gte=0) & ~Q(freight_currency="")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "-id"], name="shipments_by_status"),
            models.Index(fields=["consignee", "-id"], name="shipments_by_consignee"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="shipments_are_not_deleted", operation=pgtrigger.Delete),
            # Reopening (sealed -> packing) is the one way to change these again.
            pgtrigger.Protect(
                name="what_a_sealed_shipment_says_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.sealed_at IS NOT NULL AND NEW.sealed_at IS NOT NULL AND "
                    + f"({' OR '.join(f'OLD.{column} IS DISTINCT FROM NEW.{column}' for column in FROZEN)})"
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"shipment {self.pk}"

    def become(self, status: Status) -> None:
        """Move to a next status in memory, or raise WrongState; the caller saves."""
        if status not in NEXT[Status(self.status)]:
            told = {"current": self.get_status_display().lower(), "wanted": Status(status).label.lower()}
            refusal = _("A shipment that is %(current)s cannot become %(wanted)s.") % told
            raise WrongState(refusal, current=self.status, wanted=status)
        self.status = status

    @property
    def may_be_packed(self) -> bool:
        """Whether its packages and lines may change."""
        return self.status in OPEN_FOR_PACKING


class ShipmentSite(models.Model):
    """A site that a shipment has goods for, and the mark by which the packers call it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="stops")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    mark = models.CharField(max_length=4, help_text="As the packers' spreadsheet calls it, e.g. A; not printed")

    class Meta:
        ordering: ClassVar = ["mark"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shipment", "mark"], name="a_mark_names_one_site_of_a_shipment"),
            models.UniqueConstraint(fields=["shipment", "site"], name="a_site_stands_once_in_a_shipment"),
            models.CheckConstraint(name="a_mark_has_its_form", condition=Q(mark__regex=r"^[A-Z0-9]{1,4}$")),
        ]

    def __str__(self) -> str:
        return f"stop {self.mark}"


def label_token() -> str:
    """128 random bits: what the QR code of a package's label carries. Nobody can guess one from another."""
    return secrets.token_urlsafe(16)


class Package(models.Model):
    """Something that is handled as one: a carton, a bale, a refrigerator on its skid."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="packages")
    number = models.PositiveIntegerField(help_text="1 to N in its shipment, without gap")
    version = models.PositiveIntegerField(default=1, editable=False)
    token = models.CharField(max_length=22, default=label_token, unique=True, editable=False)
    kind = models.CharField(max_length=2, help_text="UN/ECE Rec 21: CT carton, PX pallet, BL bale, PK package")
    marks = models.CharField(max_length=60, blank=True)
    sscc = models.CharField("SSCC", max_length=18, blank=True)
    length_cm = models.DecimalField(max_digits=6, decimal_places=1, null=True, blank=True)
    width_cm = models.DecimalField(max_digits=6, decimal_places=1, null=True, blank=True)
    height_cm = models.DecimalField(max_digits=6, decimal_places=1, null=True, blank=True)
    volume_m3 = models.GeneratedField(
        expression=Round(F("length_cm") * F("width_cm") * F("height_cm") / 1_000_000, precision=3),
        output_field=models.DecimalField(max_digits=12, decimal_places=3),
        db_persist=True,
    )
    gross_kg = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True, help_text="Unknown: empty")
    gross_measured = models.BooleanField(default=False, help_text="It stood on a scale; otherwise an estimate")
    destination = models.ForeignKey(
        ShipmentSite, null=True, blank=True, on_delete=models.PROTECT, related_name="packages"
    )
    flags = ArrayField(models.CharField(max_length=12, choices=Flag), default=list, blank=True)
    remark = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["shipment", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shipment", "number"], name="a_package_number_is_used_once_in_a_shipment"),
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
            models.CheckConstraint(name="an_sscc_has_18_digits", condition=Q(sscc="") | Q(sscc__regex=r"^\d{18}$")),
            models.CheckConstraint(
                name="only_what_stood_on_a_scale_is_measured", condition=Q(gross_measured=False) | is_known("gross_kg")
            ),
        ]
        triggers: ClassVar = [
            *frozen_once_sealed("package", OF_PACKAGES),
            # It is printed on labels, and those stick on cartons.
            pgtrigger.Protect(
                name="a_package_keeps_the_address_of_its_label",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("token"),
            ),
        ]

    def __str__(self) -> str:
        return f"package {self.number}"

    @property
    def un_numbers(self) -> list[str]:
        """The UN numbers of the dangerous goods in it, each once; reads its lines."""
        return sorted({line.un_number for line in self.lines.all() if line.un_number})

    @property
    def label_url(self) -> str:
        """The public page of this one package, which the QR code of its label opens."""
        return f"{settings.PUBLIC_URL}{reverse('package-label', args=[self.token])}"


class ManifestLine(models.Model):
    """So many of one item in one package, in the words that stand on the papers."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField(help_text="1 to n in its package")
    version = models.PositiveIntegerField(default=1, editable=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="+")
    # Snapshots: the papers of this shipment stay true when the catalogue changes.
    description_en = models.CharField(max_length=200)
    description_fr = models.CharField(max_length=200, blank=True)
    quantity = models.PositiveIntegerField()
    unit = models.CharField(max_length=3, help_text="UN/ECE Rec 20, e.g. H87 piece")
    unit_weight_kg = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    net_kg = models.GeneratedField(
        expression=F("quantity") * F("unit_weight_kg"),
        output_field=models.DecimalField(max_digits=12, decimal_places=3),
        db_persist=True,
    )
    hs6 = models.CharField("HS code", max_length=6)
    origin = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2; empty: unknown")
    condition = models.CharField(max_length=12, choices=Condition, default=Condition.LIGHTLY_USED)
    grade = models.CharField(max_length=1, blank=True)
    unit_value_minor = models.BigIntegerField(help_text="For customs purposes only; minor units")
    value_minor = models.GeneratedField(
        expression=F("quantity") * F("unit_value_minor"), output_field=models.BigIntegerField(), db_persist=True
    )
    # Empty: the line says, or the catalogue said when it was written, that the goods are not dangerous.
    un_number = models.CharField("UN number", max_length=4, blank=True, help_text="Of dangerous goods: 3481")
    serials = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    remark = models.CharField(max_length=200, blank=True)

    class Meta:
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
        triggers: ClassVar = frozen_once_sealed("line", OF_LINES)

    def __str__(self) -> str:
        return f"line {self.position}"
