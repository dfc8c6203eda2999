from collections.abc import Sequence
from decimal import Decimal

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.utils import formats
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import NamedFilter, ReadOnlyAdmin, ReadOnlyInline
from logistics.money import amounts as money
from logistics.wording import page_language
from shipments.packing import vocabulary
from shipments.packing.models import ManifestLine, Package


class LinesInline(ReadOnlyInline):
    model = ManifestLine
    fields = (
        "position", "item", "description_en", "quantity", "unit", "net_kg", "hs6", "origin", "un_number",
        "condition", "value",
    )  # fmt: skip
    readonly_fields = fields
    show_change_link = False

    @display(description=gettext_lazy("customs value"))
    def value(self, line: ManifestLine) -> str:
        currency = line.shipment.customs_currency
        return f"{money.decimal_string(line.value_minor, currency)} {currency}"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ManifestLine]":
        lines: QuerySet[ManifestLine] = super().get_queryset(request)
        return lines.select_related("item", "shipment").order_by("position")


class PackageKindFilter(NamedFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def name_of(self, value: str) -> str:
        return f"{vocabulary.package_kind(value)[page_language()]} ({value})"


def _count_lines(packages: "Sequence[Package]") -> None:
    """Count the lines of these packages, and only of these: with the list's query, those of all packages would be."""
    lines = ManifestLine.objects.filter(package__in=packages).order_by()
    counted = {pk: (count, net) for pk, count, net in lines.values_list("package").annotate(Count("pk"), Sum("net_kg"))}
    for package in packages:
        vars(package)["counted"] = counted.get(package.pk, (0, None))


def _counted(package: Package) -> tuple[int, Decimal | None]:
    """Return the number of lines in a package, and their net weight, None if unknown."""
    if "counted" not in vars(package):
        _count_lines([package])
    counted: tuple[int, Decimal | None] = vars(package)["counted"]
    return counted


@admin.register(Package)
class PackageAdmin(ReadOnlyAdmin):
    """Packages and their lines. They are changed by spreadsheet or API, before the shipment is sealed."""

    list_display = (
        "number",
        "shipment",
        "marks",
        "kind_shown",
        "gross_kg",
        "net_kg",
        "volume_m3",
        "lines",
        "destination_code",
    )
    list_filter = (PackageKindFilter, "shipment__status")
    lookups_linked = frozenset({"shipment__id__exact"})  # from the page of a shipment
    search_fields = ("shipment__number", "marks", "sscc__exact")
    list_select_related = ("shipment", "destination__site")
    ordering = ("-shipment_id", "number")
    fields = (
        ("shipment", "number", "kind_shown"),
        ("marks", "sscc"),
        ("length_cm", "width_cm", "height_cm", "volume_m3"),
        ("gross_kg", "gross_measured", "net_kg"),
        ("destination_code", "flags"),
        "remark",
        "label",
    )
    readonly_fields = ("kind_shown", "net_kg", "destination_code", "label")
    inlines = (LinesInline,)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        page: ChangeList = super().get_changelist_instance(request)
        _count_lines(page.result_list)
        return page

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_shown(self, package: Package) -> str:
        return f"{vocabulary.package_kind(package.kind)[page_language()]} ({package.kind})"

    @display(description=gettext_lazy("net kg"))
    def net_kg(self, package: Package) -> str:
        net = _counted(package)[1]
        return formats.number_format(net, 3) if net is not None else "–"

    @display(description=gettext_lazy("label page"))
    def label(self, package: Package) -> str:
        return format_html('<a href="{0}">{0}</a>', package.label_url)

    @display(description=gettext_lazy("lines"))
    def lines(self, package: Package) -> int:
        return _counted(package)[0]

    @display(description=gettext_lazy("destination"))
    def destination_code(self, package: Package) -> str:
        return package.destination.site.code if package.destination else "–"
