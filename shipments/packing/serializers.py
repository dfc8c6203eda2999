"""Packages and lines as JSON. The output serializers are hand-written: five times faster in lists."""

from collections.abc import Collection, Iterable
from decimal import Decimal

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics.catalogue.models import Item
from logistics.inputs import Input
from logistics.money import amounts as money
from logistics.outputs import Output
from logistics.rows import reads
from shipments.packing import examples
from shipments.packing.models import Condition, Flag, ManifestLine, Package


@extend_schema_serializer(examples=examples.LINE)
class LineOut(Output[ManifestLine]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    package = serializers.IntegerField(source="package.number", help_text="Number of the package")
    line = serializers.IntegerField(source="position", help_text="Position in the package, from 1")
    item = serializers.CharField(source="item.code", help_text="Code of the catalogue item")
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
    unit_value = serializers.CharField(
        required=False, help_text="For customs purposes only; for partners only if the shipment says so"
    )
    value = serializers.CharField(required=False)
    un_number = serializers.CharField(help_text="For dangerous goods, four digits; empty: not dangerous")
    serials = serializers.ListField(child=serializers.CharField())
    remark = serializers.CharField()

    def left_out(self) -> Collection[str]:
        return ("unit_value", "value") if self.context.get("hides_values") else ()

    @reads("unit_value_minor")
    def unit_value_of(self, line: ManifestLine) -> str | None:
        return money.decimal_string(line.unit_value_minor, self.context["currency"])

    @reads("value_minor")
    def value_of(self, line: ManifestLine) -> str | None:
        return money.decimal_string(line.value_minor, self.context["currency"])


@extend_schema_serializer(examples=examples.PACKAGE)
class PackageOut(Output[Package]):
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
    destination = serializers.CharField(source="destination.site.code", allow_null=True, help_text="Code of the site")
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices))
    remark = serializers.CharField()
    un_numbers = serializers.ListField(child=serializers.CharField(), help_text="Of the dangerous goods in it")
    label_url = serializers.CharField(help_text="URL in the QR code of its label; the same on every reprint")
    lines = LineOut(many=True)

    def lines_of(self, package: Package) -> Iterable[ManifestLine]:
        return package.lines.all()


class LineIn(Input):
    """Goods in a package.

    HS code, origin and UN number that are omitted, empty or null are copied from the catalogue now; later changes to
    the catalogue do not affect the line. With another item, omitted fields are taken from the new item.
    """

    item = serializers.SlugRelatedField(slug_field="code", queryset=Item.objects.filter(is_active=True))
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
    unit_value = serializers.CharField(max_length=20, help_text='In the customs currency: "1125.00"')
    description_en = serializers.CharField(max_length=200, required=False)
    description_fr = serializers.CharField(max_length=200, required=False, allow_blank=True)
    unit = serializers.CharField(max_length=3, required=False)
    unit_weight_kg = serializers.DecimalField(
        9, 3, required=False, allow_null=True, min_value=Decimal("0.001"), help_text="null if unknown, never 0"
    )
    hs6 = serializers.RegexField(
        r"^[0-9]{6}$", required=False, allow_blank=True, allow_null=True, help_text="Empty: from the catalogue"
    )
    origin = serializers.CharField(
        max_length=2,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="ISO 3166-1; XX: unknown or several; empty: from the catalogue",
    )
    condition = serializers.ChoiceField(choices=Condition.choices, required=False)
    grade = serializers.CharField(max_length=1, required=False, allow_blank=True)
    un_number = serializers.RegexField(
        r"^([0-9]{4}|none)$",
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text=(
            "For dangerous goods: 3481. Empty: from the catalogue. `none`: not dangerous, whatever the catalogue says."
            " A number that differs from the catalogue's is refused (`conflicting_un_number`)."
        ),
    )
    serials = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=500)
    remark = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PackageChangesIn(Input):
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


class PackageIn(PackageChangesIn):
    copies = serializers.IntegerField(
        min_value=1,
        max_value=500,
        required=False,
        default=1,
        help_text="Number of identical packages, numbered consecutively",
    )
    lines = LineIn(many=True, allow_empty=False, max_length=200)  # type: ignore[call-arg]
