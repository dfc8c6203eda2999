"""Shipments as JSON. What is read is written out by hand: it is five times faster in lists."""

from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics.actions import AllowedActionOut
from logistics.inputs import Input
from logistics.partners.models import Partner, Site
from shipments.shipments import contents, examples
from shipments.shipments.models import Mode, Shipment, ShipmentSite
from shipments.shipments.money import written
from shipments.shipments.states import Status

# What a partner needs in order to receive goods; the rest is between us and the customs.
HIDDEN_FROM_PARTNERS = frozenset(
    {
        "freight", "freight_currency", "customs_currency", "container_tare_kg", "container_payload_kg", "purpose",
        "sites", "packed_by", "checked_by", "sealed_by", "manifest_sha256",
    }
)  # fmt: skip


def decimal(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


class TotalsOut(serializers.Serializer[Any]):
    packages = serializers.IntegerField()
    lines = serializers.IntegerField()
    pieces = serializers.IntegerField(help_text="Sum of quantities, whatever their unit")
    net_kg = serializers.CharField(help_text="3 decimals; rounded half up per package, then summed")
    gross_kg = serializers.CharField()
    measured_kg = serializers.CharField(help_text="How much of gross_kg stood on a scale")
    volume_m3 = serializers.CharField()
    value = serializers.CharField(required=False, help_text="For customs purposes only; staff only")
    currency = serializers.CharField(required=False)


def totals_out(figures: contents.Totals, currency: str, *, for_partner: bool) -> dict[str, Any]:
    shown = {
        "packages": figures.package_count,
        "lines": figures.line_count,
        "pieces": figures.piece_count,
        "net_kg": str(figures.net_kg),
        "gross_kg": str(figures.gross_kg),
        "measured_kg": str(figures.measured_kg),
        "volume_m3": str(figures.volume_m3),
    }
    return shown if for_partner else shown | {"value": written(figures.value_minor, currency), "currency": currency}


class ShipmentSiteOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a property that this one has no use for
    code = serializers.CharField(help_text="Of the site: random, and all that papers say of it")
    hand_over_point = serializers.CharField()


class PartnerOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()


@extend_schema_serializer(examples=examples.SHIPMENT)
class ShipmentOut(serializers.Serializer[Shipment]):
    """A shipment in a list. `totals` are null until it is sealed; fields of no use to a receiver are staff's only."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    version = serializers.IntegerField()
    title = serializers.CharField()
    reference = serializers.CharField()
    consignee = PartnerOut()
    container_number = serializers.CharField()
    bill_of_lading = serializers.CharField()
    departs_on = serializers.DateField(allow_null=True)
    arrives_on = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    dispatched_at = serializers.DateTimeField(allow_null=True)
    totals = TotalsOut(allow_null=True)

    def to_representation(self, shipment: Shipment) -> dict[str, Any]:
        for_partner = bool(self.context.get("for_partner"))
        sealed = shipment.package_count is not None
        currency = shipment.customs_currency
        return {
            "id": str(shipment.pk),
            "number": shipment.number,
            "status": shipment.status,
            "version": shipment.version,
            "title": shipment.title,
            "reference": shipment.reference,
            "consignee": {"code": shipment.consignee.code, "name": shipment.consignee.name},
            "container_number": shipment.container_number,
            "bill_of_lading": shipment.bill_of_lading,
            "departs_on": day(shipment.departs_on),
            "arrives_on": day(shipment.arrives_on),
            "created_at": shipment.created_at,
            "dispatched_at": shipment.dispatched_at,
            "totals": totals_out(contents.totals(shipment), currency, for_partner=for_partner) if sealed else None,
        }


@extend_schema_serializer(examples=examples.SHIPMENT_DETAIL)
class ShipmentDetailOut(ShipmentOut):
    """All of a shipment, with totals as they stand, and what the caller may do with it now."""

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
    freight = serializers.CharField(allow_null=True, required=False)
    freight_currency = serializers.CharField(required=False)
    packed_by = serializers.CharField(allow_null=True, required=False)
    checked_by = serializers.CharField(allow_null=True, required=False)
    sealed_by = serializers.CharField(allow_null=True, required=False)
    sealed_at = serializers.DateTimeField(allow_null=True)
    arrived_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
    manifest_sha256 = serializers.CharField(required=False)
    sites = ShipmentSiteOut(many=True, required=False)
    allowed_actions = AllowedActionOut(many=True)

    def to_representation(self, shipment: Shipment) -> dict[str, Any]:
        for_partner = bool(self.context.get("for_partner"))
        currency = shipment.customs_currency
        shown = super().to_representation(shipment)
        shown["totals"] = totals_out(contents.totals(shipment), currency, for_partner=for_partner)
        shown |= {name: getattr(shipment, name) for name in PLAIN}
        shown |= {
            "container_tare_kg": decimal(shipment.container_tare_kg),
            "container_payload_kg": decimal(shipment.container_payload_kg),
            "packed_on": day(shipment.packed_on),
            "reaches_port_on": day(shipment.reaches_port_on),
            "freight": written(shipment.freight_minor, shipment.freight_currency or currency),
            "packed_by": shipment.packed_by.name if shipment.packed_by else None,
            "checked_by": shipment.checked_by.name if shipment.checked_by else None,
            "sealed_by": shipment.sealed_by.name if shipment.sealed_by else None,
        }
        if for_partner:
            shown = {name: value for name, value in shown.items() if name not in HIDDEN_FROM_PARTNERS}
        else:
            shown["sites"] = [site_out(site) for site in shipment.sites.select_related("site")]
        return shown | {"allowed_actions": [asdict(answer) for answer in self.context["allowed_actions"]]}


PLAIN = (
    "purpose", "notify_party", "hand_over_point", "mode", "incoterm", "incoterm_place", "port_of_loading",
    "port_of_discharge", "place_of_delivery", "container_type", "seal_number", "cargo_tracking_note",
    "customs_currency", "freight_currency", "sealed_at", "arrived_at", "closed_at", "cancelled_at", "manifest_sha256",
)  # fmt: skip


def site_out(row: ShipmentSite) -> dict[str, str]:
    return {"label": row.label, "code": row.site.code, "hand_over_point": row.site.hand_over_point}


class ShipmentSiteIn(Input):
    code = serializers.SlugRelatedField(slug_field="code", queryset=Site.objects.all(), help_text="Of the site")
    label = serializers.RegexField(  # type: ignore[assignment]  # as above
        r"^[A-Z0-9]{1,4}$", help_text="As the packers' spreadsheet calls it: A"
    )


class ShipmentIn(Input):
    """What is said of a shipment. Codes: Incoterms 2020, UN/LOCODE, ISO 6346, ISO 4217."""

    title = serializers.CharField(max_length=200)
    consignee = serializers.SlugRelatedField(
        slug_field="code", queryset=Partner.objects.all(), help_text="Code of the partner"
    )
    customs_currency = serializers.CharField(max_length=3)
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
