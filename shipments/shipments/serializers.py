"""Shipments as JSON."""

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics.actions import AllowedAction, AllowedActionOut
from logistics.inputs import Input
from logistics.money import amounts as money
from logistics.outputs import Output
from logistics.partners.models import Partner, Site
from logistics.rows import reads
from shipments.shipments import contents, examples
from shipments.shipments.models import Mode, Shipment, ShipmentSite
from shipments.shipments.states import Status

# What a partner needs to receive goods. The rest is between us and customs.
SHOWN_TO_PARTNERS = frozenset(
    {
        "id", "number", "status", "version", "title", "reference", "consignee", "totals", "notify_party",
        "hand_over_point", "mode", "incoterm", "incoterm_place", "port_of_loading", "port_of_discharge",
        "place_of_delivery", "container_number", "container_type", "seal_number", "cargo_tracking_note",
        "bill_of_lading", "packed_on", "departs_on", "reaches_port_on", "arrives_on", "created_at", "sealed_at",
        "dispatched_at", "arrived_at", "closed_at", "cancelled_at", "allowed_actions",
    }
)  # fmt: skip


class ShownTotals(NamedTuple):
    """The totals of a manifest, and the customs currency of their value."""

    figures: contents.Totals
    currency: str


class TotalsOut(Output[ShownTotals]):
    packages = serializers.IntegerField(source="figures.package_count")
    lines = serializers.IntegerField(source="figures.line_count")
    pieces = serializers.IntegerField(source="figures.piece_count", help_text="Sum of quantities, whatever their unit")
    net_kg = serializers.CharField(
        source="figures.net_kg", help_text="3 decimals; rounded half up per package, then summed"
    )
    gross_kg = serializers.CharField(source="figures.gross_kg")
    measured_kg = serializers.CharField(source="figures.measured_kg", help_text="How much of gross_kg was weighed")
    volume_m3 = serializers.CharField(source="figures.volume_m3")
    value = serializers.CharField(
        required=False,
        help_text="For customs purposes only. Partners see it if the shipment says so, in its details, not in lists",
    )
    currency = serializers.CharField(required=False)

    def left_out(self) -> Collection[str]:
        return ("value", "currency") if self.context.get("hides_values") else ()

    def value_of(self, totals: ShownTotals) -> str | None:
        return money.decimal_string(totals.figures.value_minor, totals.currency)


class ShipmentSiteOut(Output[ShipmentSite]):
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a property that is not needed here
    code = serializers.CharField(
        source="site.code", help_text="Random code of the site, used on papers instead of its name"
    )
    hand_over_point = serializers.CharField(source="site.hand_over_point")


class ConsigneeOut(Output[Partner]):
    code = serializers.CharField()
    name = serializers.CharField()


@extend_schema_serializer(examples=examples.SHIPMENT)
class ShipmentOut(Output[Shipment]):
    """A shipment in a list. `totals` are null until it is sealed; some fields are for staff only."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    version = serializers.IntegerField()
    title = serializers.CharField()
    reference = serializers.CharField()
    consignee = ConsigneeOut()
    container_number = serializers.CharField()
    bill_of_lading = serializers.CharField()
    departs_on = serializers.DateField(allow_null=True)
    arrives_on = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    dispatched_at = serializers.DateTimeField(allow_null=True)
    totals = TotalsOut(
        allow_null=True, help_text="In lists null for a key that is bound to a site; the details have those of the site"
    )

    def left_out(self) -> Collection[str]:
        return self._declared_fields.keys() - SHOWN_TO_PARTNERS if self.context.get("for_partner") else ()

    @reads(*contents.FIGURES, "customs_currency")
    def totals_of(self, shipment: Shipment) -> ShownTotals | None:
        is_bound = self.context.get("site_id") is not None
        return None if shipment.package_count is None or is_bound else shown_totals(shipment)


def shown_totals(shipment: Shipment, site_id: UUID | None = None) -> ShownTotals:
    """Return the totals frozen when the shipment was sealed, or the current ones of an unsealed manifest.

    With `site_id`: the totals of the packages for this site.
    """
    return ShownTotals(contents.totals(shipment, site_id), shipment.customs_currency)


@extend_schema_serializer(examples=examples.SHIPMENT_DETAIL)
class ShipmentDetailOut(ShipmentOut):
    """A shipment in full, with its current totals and the caller's allowed actions."""

    purpose = serializers.CharField(required=False)
    notify_party = serializers.CharField()
    hand_over_point = serializers.CharField()
    mode = serializers.ChoiceField(choices=Mode.choices)
    incoterm = serializers.CharField()
    incoterm_place = serializers.CharField()
    port_of_loading = serializers.CharField()
    port_of_discharge = serializers.CharField()
    place_of_delivery = serializers.CharField()
    container_type = serializers.CharField()
    container_tare_kg = serializers.CharField(allow_null=True, required=False)
    container_payload_kg = serializers.CharField(allow_null=True, required=False)
    seal_number = serializers.CharField()
    cargo_tracking_note = serializers.CharField()
    packed_on = serializers.DateField(allow_null=True)
    reaches_port_on = serializers.DateField(allow_null=True)
    customs_currency = serializers.CharField(required=False)
    partner_sees_values = serializers.BooleanField(required=False)
    freight = serializers.CharField(allow_null=True, required=False)
    freight_currency = serializers.CharField(required=False)
    packed_by = serializers.CharField(source="packed_by.name", allow_null=True, required=False)
    checked_by = serializers.CharField(source="checked_by.name", allow_null=True, required=False)
    sealed_by = serializers.CharField(source="sealed_by.name", allow_null=True, required=False)
    sealed_at = serializers.DateTimeField(allow_null=True)
    arrived_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
    manifest_sha256 = serializers.CharField(required=False)
    sites = ShipmentSiteOut(many=True, required=False)
    allowed_actions = AllowedActionOut(many=True)

    def totals_of(self, shipment: Shipment) -> ShownTotals | None:
        return shown_totals(shipment, self.context.get("site_id"))

    def freight_of(self, shipment: Shipment) -> str | None:
        if shipment.freight_minor is None:
            return None
        return money.decimal_string(shipment.freight_minor, shipment.freight_currency)

    def sites_of(self, shipment: Shipment) -> Iterable[ShipmentSite]:
        return shipment.sites.select_related("site")

    def allowed_actions_of(self, shipment: Shipment) -> list[AllowedAction]:
        allowed: list[AllowedAction] = self.context["allowed_actions"]
        return allowed


class ShipmentSiteIn(Input):
    code = serializers.SlugRelatedField(slug_field="code", queryset=Site.objects.all(), help_text="Of the site")
    label = serializers.RegexField(  # type: ignore[assignment]  # as above
        r"^[A-Z0-9]{1,4}$", help_text="Label in the packers' spreadsheet: A"
    )


class ShipmentIn(Input):
    """The fields of a shipment. Codes: Incoterms 2020, UN/LOCODE, ISO 6346, ISO 4217."""

    title = serializers.CharField(max_length=200)
    consignee = serializers.SlugRelatedField(
        slug_field="code", queryset=Partner.objects.all(), help_text="Code of the partner"
    )
    customs_currency = serializers.CharField(max_length=3)
    partner_sees_values = serializers.BooleanField(
        required=False, help_text="Whether the partner sees the customs values, over the API and on its packing list"
    )
    sites = ShipmentSiteIn(many=True, required=False)
    reference = serializers.CharField(max_length=40, required=False, allow_blank=True)
    purpose = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    notify_party = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Empty: the consignee"
    )
    hand_over_point = serializers.CharField(max_length=200, required=False, allow_blank=True)
    mode = serializers.ChoiceField(choices=Mode.choices, required=False)
    incoterm = serializers.CharField(max_length=3, required=False, allow_blank=True)
    incoterm_place = serializers.CharField(max_length=60, required=False, allow_blank=True)
    port_of_loading = serializers.CharField(max_length=5, required=False, allow_blank=True)
    port_of_discharge = serializers.CharField(max_length=5, required=False, allow_blank=True)
    place_of_delivery = serializers.CharField(max_length=5, required=False, allow_blank=True)
    container_number = serializers.RegexField(r"^[A-Z]{3}[UJZ][0-9]{7}$", required=False, allow_blank=True)
    container_type = serializers.CharField(max_length=4, required=False, allow_blank=True)
    container_tare_kg = serializers.DecimalField(8, 1, required=False, allow_null=True, min_value=Decimal(0))
    container_payload_kg = serializers.DecimalField(8, 1, required=False, allow_null=True, min_value=Decimal(0))
    seal_number = serializers.CharField(max_length=30, required=False, allow_blank=True)
    cargo_tracking_note = serializers.CharField(max_length=30, required=False, allow_blank=True)
    bill_of_lading = serializers.CharField(max_length=30, required=False, allow_blank=True)
    packed_on = serializers.DateField(required=False, allow_null=True)
    departs_on = serializers.DateField(required=False, allow_null=True)
    reaches_port_on = serializers.DateField(required=False, allow_null=True)
    arrives_on = serializers.DateField(required=False, allow_null=True)
    freight = serializers.CharField(max_length=20, required=False, allow_null=True, help_text='"38500.00"')
    freight_currency = serializers.CharField(max_length=3, required=False, allow_blank=True)
