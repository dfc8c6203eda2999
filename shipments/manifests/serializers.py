"""Shipments, packages and lines as JSON. What is read is written out by hand: it is five times faster in lists."""

from datetime import date
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics.catalogue.models import Item
from logistics.inputs import Input
from logistics.partners.models import Partner, Site
from shipments import examples
from shipments.manifests import totals
from shipments.manifests.models import Condition, Flag, ManifestLine, Mode, Package, Shipment, ShipmentSite
from shipments.manifests.money import written
from shipments.manifests.states import Status

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


def totals_out(figures: totals.Totals, currency: str, *, for_partner: bool) -> dict[str, Any]:
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


class StopOut(serializers.Serializer[Any]):
    mark = serializers.CharField()
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
            "totals": totals_out(totals.of(shipment), currency, for_partner=for_partner) if sealed else None,
        }


class ActionOut(serializers.Serializer[Any]):
    action = serializers.CharField()
    allowed = serializers.BooleanField()
    reason_code = serializers.CharField(help_text="Why it is refused now; empty where it is allowed")
    reason = serializers.CharField()


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
    sites = StopOut(many=True, required=False)
    allowed_actions = ActionOut(many=True)

    def to_representation(self, shipment: Shipment) -> dict[str, Any]:
        for_partner = bool(self.context.get("for_partner"))
        currency = shipment.customs_currency
        shown = super().to_representation(shipment)
        shown["totals"] = totals_out(totals.of(shipment), currency, for_partner=for_partner)
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
            stops = shipment.stops.select_related("site")
            shown["sites"] = [stop_out(stop) for stop in stops]
        return shown | {"allowed_actions": self.context["allowed_actions"]}


PLAIN = (
    "purpose", "notify_party", "hand_over_point", "mode", "incoterm", "incoterm_place", "port_of_loading",
    "port_of_discharge", "place_of_delivery", "container_type", "seal_number", "cargo_tracking_note",
    "customs_currency", "freight_currency", "sealed_at", "arrived_at", "closed_at", "cancelled_at", "manifest_sha256",
)  # fmt: skip


def stop_out(stop: ShipmentSite) -> dict[str, str]:
    return {"mark": stop.mark, "code": stop.site.code, "hand_over_point": stop.site.hand_over_point}


class StopIn(Input):
    code = serializers.SlugRelatedField(slug_field="code", queryset=Site.objects.all(), help_text="Of the site")
    mark = serializers.RegexField(r"^[A-Z0-9]{1,4}$", help_text="As the packers' spreadsheet calls it: A")


class ShipmentIn(Input):
    """What is said of a shipment. Codes: Incoterms 2020, UN/LOCODE, ISO 6346, ISO 4217."""

    title = serializers.CharField(max_length=200)
    consignee = serializers.SlugRelatedField(
        slug_field="code", queryset=Partner.objects.all(), help_text="Code of the partner"
    )
    customs_currency = serializers.CharField(max_length=3)
    sites = StopIn(many=True, required=False)
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


@extend_schema_serializer(examples=examples.LINE)
class LineOut(serializers.Serializer[ManifestLine]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    package = serializers.IntegerField(help_text="Number of the package")
    line = serializers.IntegerField(help_text="Place in the package, from 1")
    item = serializers.CharField(help_text="Code of the catalogue item")
    description_en = serializers.CharField()
    description_fr = serializers.CharField()
    quantity = serializers.IntegerField()
    unit = serializers.CharField(help_text="UN/ECE Rec 20")
    unit_weight_kg = serializers.CharField(allow_null=True)
    net_kg = serializers.CharField(allow_null=True)
    hs6 = serializers.CharField()
    origin = serializers.CharField()
    condition = serializers.ChoiceField(choices=Condition.choices)
    grade = serializers.CharField()
    unit_value = serializers.CharField(required=False, help_text="For customs purposes only; staff only")
    value = serializers.CharField(required=False)
    un_number = serializers.CharField(help_text="Of dangerous goods, four digits; empty: not dangerous")
    serials = serializers.ListField(child=serializers.CharField())
    remark = serializers.CharField()

    def to_representation(self, line: ManifestLine) -> dict[str, Any]:
        shown = {
            "id": str(line.pk),
            "version": line.version,
            "package": line.package.number,
            "line": line.position,
            "item": line.item.code,
            "description_en": line.description_en,
            "description_fr": line.description_fr,
            "quantity": line.quantity,
            "unit": line.unit,
            "unit_weight_kg": decimal(line.unit_weight_kg),
            "net_kg": decimal(line.net_kg),
            "hs6": line.hs6,
            "origin": line.origin,
            "condition": line.condition,
            "grade": line.grade,
            "un_number": line.un_number,
            "serials": line.serials,
            "remark": line.remark,
        }
        if not self.context.get("for_partner"):
            currency = self.context["currency"]
            shown["unit_value"] = written(line.unit_value_minor, currency)
            shown["value"] = written(line.value_minor, currency)
        return shown


@extend_schema_serializer(examples=examples.PACKAGE)
class PackageOut(serializers.Serializer[Package]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    number = serializers.IntegerField()
    kind = serializers.CharField(help_text="UN/ECE Rec 21")
    marks = serializers.CharField()
    sscc = serializers.CharField()
    length_cm = serializers.CharField(allow_null=True)
    width_cm = serializers.CharField(allow_null=True)
    height_cm = serializers.CharField(allow_null=True)
    volume_m3 = serializers.CharField(allow_null=True)
    gross_kg = serializers.CharField(allow_null=True)
    gross_measured = serializers.BooleanField()
    destination = serializers.CharField(allow_null=True, help_text="Code of the site")
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices))
    remark = serializers.CharField()
    un_numbers = serializers.ListField(child=serializers.CharField(), help_text="Of the dangerous goods in it")
    label_url = serializers.CharField(help_text="What the QR code of its label says; the same on every reprint")
    lines = LineOut(many=True)

    def to_representation(self, package: Package) -> dict[str, Any]:
        of_line = LineOut(context=self.context)
        return {
            "id": str(package.pk),
            "version": package.version,
            "number": package.number,
            "kind": package.kind,
            "marks": package.marks,
            "sscc": package.sscc,
            "length_cm": decimal(package.length_cm),
            "width_cm": decimal(package.width_cm),
            "height_cm": decimal(package.height_cm),
            "volume_m3": decimal(package.volume_m3),
            "gross_kg": decimal(package.gross_kg),
            "gross_measured": package.gross_measured,
            "destination": package.destination.site.code if package.destination else None,
            "flags": package.flags,
            "remark": package.remark,
            "un_numbers": package.un_numbers,
            "label_url": package.label_url,
            "lines": [of_line.to_representation(line) for line in package.lines.all()],
        }


class LineIn(Input):
    """What stands in a package.

    HS code, origin and UN number that are left out, empty or null are the catalogue's, as it is now: a line keeps
    what it took. With another item, all that a change does not say of the goods is the new item's.
    """

    item = serializers.SlugRelatedField(slug_field="code", queryset=Item.objects.filter(is_active=True))
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
    unit_value = serializers.CharField(max_length=20, help_text='In the customs currency: "1125.00"')
    description_en = serializers.CharField(max_length=200, required=False)
    description_fr = serializers.CharField(max_length=200, required=False, allow_blank=True)
    unit = serializers.CharField(max_length=3, required=False)
    unit_weight_kg = serializers.DecimalField(
        9, 3, required=False, allow_null=True, min_value=Decimal("0.001"), help_text="Unknown: null, never 0"
    )
    hs6 = serializers.RegexField(
        r"^[0-9]{6}$", required=False, allow_blank=True, allow_null=True, help_text="Left open: the catalogue's"
    )
    origin = serializers.CharField(
        max_length=2,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="ISO 3166-1; XX: unknown or several; left open: the catalogue's",
    )
    condition = serializers.ChoiceField(choices=Condition.choices, required=False)
    grade = serializers.CharField(max_length=1, required=False, allow_blank=True)
    un_number = serializers.RegexField(
        r"^([0-9]{4}|none)$",
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text=(
            "Of dangerous goods: 3481. Left open: the catalogue's. `none`: these are not dangerous, whatever the"
            " catalogue says. Another number than the catalogue's is refused (`conflicting_un_number`)."
        ),
    )
    serials = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=500)
    remark = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PackageChange(Input):
    number = serializers.IntegerField(min_value=1, max_value=100_000, required=False)
    kind = serializers.CharField(max_length=2)
    marks = serializers.CharField(max_length=60, required=False, allow_blank=True)
    sscc = serializers.RegexField(r"^[0-9]{18}$", required=False, allow_blank=True)
    length_cm = serializers.DecimalField(
        6, 1, required=False, allow_null=True, min_value=Decimal("0.1"), max_value=Decimal(3000)
    )
    width_cm = serializers.DecimalField(
        6, 1, required=False, allow_null=True, min_value=Decimal("0.1"), max_value=Decimal(3000)
    )
    height_cm = serializers.DecimalField(
        6, 1, required=False, allow_null=True, min_value=Decimal("0.1"), max_value=Decimal(3000)
    )
    gross_kg = serializers.DecimalField(9, 3, required=False, allow_null=True, min_value=Decimal("0.001"))
    gross_measured = serializers.BooleanField(required=False)
    destination = serializers.CharField(max_length=8, required=False, allow_null=True, help_text="Code of the site")
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices), required=False, max_length=4)
    remark = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PackageIn(PackageChange):
    copies = serializers.IntegerField(
        min_value=1, max_value=500, required=False, default=1, help_text="So many equal packages, numbered on"
    )
    lines = LineIn(many=True, allow_empty=False, max_length=200)  # type: ignore[call-arg]
