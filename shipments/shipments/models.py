"""Shipments, and the partner's sites that they have goods for.

Kilograms have 3 places; money is whole minor units of the customs currency.
"""

from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from logistics.errors import WrongState
from logistics.ids import uuid7
from logistics.partners.models import Partner, Site
from logistics.people.models import User
from logistics.search import trigrams
from shipments.shipments.states import EVER_DISPATCHED, NEXT, OPEN_FOR_PACKING, SEALED_STATES, Status

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
# Printed on issued papers, so these cannot change unless the shipment is reopened.
FROZEN = (
    "number",
    "title",
    "reference",
    "consignee_id",
    "customs_currency",
    "partner_sees_values",
    "container_number",
    "manifest_sha256",
    "sealed_at",
    *TOTALS,
)


def is_known(*columns: str) -> Q:
    """Return "no column is null". In a constraint, `null > 0` is unknown, which does not refuse a row."""
    return Q(**{f"{column}__isnull": False for column in columns})


class Mode(models.TextChoices):
    SEA = "sea", pgettext_lazy("mode of transport", "Sea")
    AIR = "air", pgettext_lazy("mode of transport", "Air")
    ROAD = "road", pgettext_lazy("mode of transport", "Road")
    RAIL = "rail", pgettext_lazy("mode of transport", "Rail")
    MULTIMODAL = "multimodal", pgettext_lazy("mode of transport", "Multimodal")


def optional_user() -> "models.ForeignKey[User | None, User | None]":
    """Return a column for the user who did something; null until it is done. No list asks for it: no index."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_index=False,
    )


class Shipment(models.Model):
    """A shipment of goods to one partner, from packing to the last signature."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    number = models.CharField(_("number"), max_length=20, editable=False)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.DRAFT, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    title = models.CharField(_("title"), max_length=200)
    reference = models.CharField(
        _("reference"), max_length=40, blank=True, help_text=_("The shipper's own, e.g. CGD-ML-26-001")
    )
    purpose = models.TextField(_("purpose"), blank=True)
    consignee = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="shipments", db_index=False, verbose_name=_("consignee")
    )
    notify_party = models.TextField(_("notify party"), blank=True, help_text=_("Blank: the consignee"))

    hand_over_point = models.CharField(
        _("hand-over point"),
        max_length=200,
        blank=True,
        help_text=_("A public place where the consignee takes over the goods"),
    )

    mode = models.CharField(_("mode of transport"), max_length=12, choices=Mode, default=Mode.SEA)
    incoterm = models.CharField(_("Incoterm"), max_length=3, blank=True, help_text=_("Incoterms 2020, e.g. DAP"))
    incoterm_place = models.CharField(_("Incoterm place"), max_length=60, blank=True)
    port_of_loading = models.CharField(
        _("port of loading"), max_length=5, blank=True, help_text=_("UN/LOCODE, e.g. HKHKG")
    )
    port_of_discharge = models.CharField(_("port of discharge"), max_length=5, blank=True, help_text=_("UN/LOCODE"))
    place_of_delivery = models.CharField(_("place of delivery"), max_length=5, blank=True, help_text=_("UN/LOCODE"))
    container_number = models.CharField(
        _("container number"), max_length=11, blank=True, help_text=_("ISO 6346, e.g. CSQU3054383")
    )
    container_type = models.CharField(
        _("container type"), max_length=4, blank=True, help_text=_("ISO 6346 size and type, e.g. 45G1")
    )
    container_tare_kg = models.DecimalField(
        _("container tare (kg)"), max_digits=8, decimal_places=1, null=True, blank=True
    )
    container_payload_kg = models.DecimalField(
        _("container payload (kg)"), max_digits=8, decimal_places=1, null=True, blank=True
    )
    seal_number = models.CharField(_("seal number"), max_length=30, blank=True)
    cargo_tracking_note = models.CharField(
        _("cargo tracking note"), max_length=30, blank=True, help_text=_("BESC / CTN / ECTN")
    )
    bill_of_lading = models.CharField(_("bill of lading"), max_length=30, blank=True)
    packed_on = models.DateField(_("packing date"), null=True, blank=True)
    departs_on = models.DateField(_("ETD"), null=True, blank=True)
    reaches_port_on = models.DateField(_("ETA at the port of discharge"), null=True, blank=True)
    arrives_on = models.DateField(_("ETA at the place of delivery"), null=True, blank=True)

    customs_currency = models.CharField(
        _("customs currency"), max_length=3, help_text=_("Of all customs values on the manifest (ISO 4217)")
    )
    partner_sees_values = models.BooleanField(
        _("partner sees the customs values"),
        default=False,
        db_default=False,
        help_text=_("Over the API and on its edition of the packing list"),
    )
    freight_minor = models.BigIntegerField(_("freight, minor units"), null=True, blank=True)
    freight_currency = models.CharField(_("freight currency"), max_length=3, blank=True)

    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    created_by = optional_user()
    packed_by = optional_user()
    checked_by = optional_user()
    sealed_by = optional_user()
    sealed_at = models.DateTimeField(null=True, editable=False)
    dispatched_at = models.DateTimeField(null=True, editable=False)
    arrived_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, editable=False)

    # Set when it is sealed; before that the manifest may still change (see packing/totals.py).
    package_count = models.PositiveIntegerField(_("packages"), null=True, editable=False)
    line_count = models.PositiveIntegerField(null=True, editable=False)
    piece_count = models.PositiveBigIntegerField(null=True, editable=False)
    net_kg = models.DecimalField(_("net weight (kg)"), max_digits=15, decimal_places=3, null=True, editable=False)
    gross_kg = models.DecimalField(_("gross weight (kg)"), max_digits=15, decimal_places=3, null=True, editable=False)
    measured_kg = models.DecimalField(max_digits=15, decimal_places=3, null=True, editable=False)
    volume_m3 = models.DecimalField(_("volume (m³)"), max_digits=15, decimal_places=3, null=True, editable=False)
    value_minor = models.BigIntegerField(null=True, editable=False)
    manifest_sha256 = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("shipment")
        verbose_name_plural = _("shipments")
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
            # Filters of the lists, which are in the order of the ids.
            models.Index(fields=["status", "id"], name="shipments_by_status"),
            models.Index(fields=["consignee", "id"], name="shipments_by_consignee"),
            models.Index(fields=["mode", "id"], name="shipments_by_mode"),
            # Ranges of times, and their orderings.
            models.Index(fields=["dispatched_at", "id"], name="shipments_by_dispatch"),
            models.Index(fields=["created_at", "id"], name="shipments_by_creation"),
            trigrams(
                "number", "reference", "title", "container_number", "bill_of_lading", name="shipments_by_words"
            ),  # searches
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="shipments_are_not_deleted", operation=pgtrigger.Delete),
            # Reopening (sealed -> packing) is the only way to change these again.
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
        return self.number or f"{self._meta.verbose_name} {self.pk}"

    def become(self, status: Status) -> None:
        """Change the status in memory, or raise WrongState; the caller saves."""
        if status not in NEXT[Status(self.status)]:
            names = {"current": self.get_status_display().lower(), "wanted": Status(status).label.lower()}
            refusal = gettext("A shipment that is %(current)s cannot become %(wanted)s.") % names
            raise WrongState(refusal, current=self.status, wanted=status)
        self.status = status

    @property
    def may_be_packed(self) -> bool:
        """Whether its packages and lines may change."""
        return self.status in OPEN_FOR_PACKING


class ShipmentSite(models.Model):
    """A site that a shipment has goods for, and the packers' label for it."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, related_name="sites", db_index=False, verbose_name=_("shipment")
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", verbose_name=_("site"))
    label = models.CharField(
        _("label"), max_length=4, help_text=_("Label in the packers' spreadsheet, e.g. A; not printed")
    )

    class Meta:
        verbose_name = _("shipment site")
        verbose_name_plural = _("shipment sites")
        ordering: ClassVar = ["label"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["shipment", "label"], name="a_label_names_one_site_of_a_shipment"),
            models.UniqueConstraint(fields=["shipment", "site"], name="a_site_stands_once_in_a_shipment"),
            models.CheckConstraint(name="a_site_label_has_its_form", condition=Q(label__regex=r"^[A-Z0-9]{1,4}$")),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.label}"
