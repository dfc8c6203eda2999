"""Contents shared by all papers of a shipment, read from its rows when the paper is requested.

Only codes, hand-over points and goods: nothing here reads a site's name or address.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from django.db.models import Prefetch

from logistics.charity.models import Charity
from logistics.codes import codes
from shipments.packing import vocabulary
from shipments.packing.models import ManifestLine
from shipments.packing.models import Package as PackageRow
from shipments.papers import shapes
from shipments.shipments import contents
from shipments.shipments.models import Shipment, ShipmentSite


def head(shipment: Shipment, charity: Charity) -> dict[str, object]:
    """Return the contents of the header of every paper."""
    return {
        "number": shipment.number,
        "reference": shipment.reference,
        "title": shipment.title,
        "consignor": party(charity.name, charity.address, registration=charity.registration),
        "consignee": party(
            shipment.consignee.name,
            shipment.consignee.address,
            f"NIF {shipment.consignee.tax_number}" if shipment.consignee.tax_number else "",
        ),
        "handover": hand_over(shipment),
        "containers": containers(shipment),
        "bill_of_lading": shipment.bill_of_lading,
    }


def packages_of(shipment: Shipment) -> list[PackageRow]:
    """Return the packages in order of number, each with its lines, items, categories and destination: two queries."""
    lines = ManifestLine.objects.select_related("item__category").order_by("position")
    packages = shipment.packages.select_related("destination__site").order_by("number")
    return list(packages.prefetch_related(Prefetch("lines", queryset=lines)))


def lines(package: PackageRow) -> list[ManifestLine]:
    return list(package.lines.all())


def totals_of(shipment: Shipment) -> shapes.TotalsOnPaper:
    figures = contents.totals(shipment)
    return {
        "packages": figures.package_count,
        "lines": figures.line_count,
        "net_kg": kg(figures.net_kg),
        "gross_kg": kg(figures.gross_kg),
        "measured_kg": kg(figures.measured_kg),
        "volume_m3": kg(figures.volume_m3),
        "value_minor": figures.value_minor,
    }


def kg(value: Decimal | None) -> str:
    """Format kilograms or cubic metres with 3 places; "" for None."""
    return f"{value:.3f}" if value is not None else ""


def cm(value: Decimal | None) -> str:
    return f"{value:.1f}" if value is not None else ""


def iso(value: date | None) -> str:
    return value.isoformat() if value else ""


def package_of(row: PackageRow) -> shapes.PackageOnPaper:
    return {
        "number": row.number,
        "marks": row.marks,
        "kind": vocabulary.package_kind(row.kind),
        "length_cm": cm(row.length_cm),
        "width_cm": cm(row.width_cm),
        "height_cm": cm(row.height_cm),
        "gross_kg": kg(row.gross_kg),
        "gross_measured": row.gross_measured,
        "destination": row.destination.site.code if row.destination else "",
        "flags": flags_of(row),
        "remark": row.remark,
        "lines": [line_of(line) for line in lines(row)],
    }


def flags_of(package: PackageRow) -> list[shapes.FlagOnPaper]:
    """Return the handling flags of a package: its own, and those that follow from its weight and goods."""
    flags: list[shapes.FlagOnPaper] = []
    if package.is_heavy:
        flags.append("heavy")
    flagged = set(package.flags)
    if package.un_numbers:
        flagged.add("dangerous")
    order: tuple[shapes.FlagOnPaper, ...] = ("fragile", "this_way_up", "open_first", "dangerous")
    return [*flags, *(flag for flag in order if flag in flagged)]


def line_of(line: ManifestLine) -> shapes.LineOnPaper:
    return {
        "item_code": line.item.code,
        "description": texts(line),
        "hs6": line.hs6,
        "origin": line.origin,
        "condition": vocabulary.CONDITIONS[line.condition],
        "quantity": line.quantity,
        "unit": vocabulary.unit(line.unit),
        "net_kg": kg(line.net_kg),
        "value_minor": line.value_minor,
        "un_number": f"UN{line.un_number}" if line.un_number else "",
        "serials": list(line.serials),
        "remark": line.remark,
    }


def texts(line: ManifestLine) -> shapes.Texts:
    return {"en": line.description_en, "fr": line.description_fr or line.description_en}


def by_kind(rows: list[PackageRow]) -> list[shapes.KindTotal]:
    groups: dict[str, list[PackageRow]] = defaultdict(list)
    for row in rows:
        groups[row.kind].append(row)
    return [
        {
            "kind": vocabulary.package_kind(kind),
            "packages": len(group),
            "net_kg": total(line.net_kg for row in group for line in lines(row)),
            "gross_kg": total(row.gross_kg for row in group),
            "volume_m3": total(row.volume_m3 for row in group),
        }
        for kind, group in groups.items()
    ]


def by_destination(shipment: Shipment, rows: list[PackageRow]) -> list[shapes.DestinationTotal]:
    groups: dict[object, list[PackageRow]] = defaultdict(list)
    for row in rows:
        groups[row.destination_id].append(row)
    sites: Iterable[ShipmentSite] = shipment.sites.select_related("site").order_by("site__code")
    return [
        {
            "code": each.site.code,
            "handover": each.site.hand_over_point,
            "packages": len(groups[each.pk]),
            "gross_kg": total(row.gross_kg for row in groups[each.pk]),
            "volume_m3": total(row.volume_m3 for row in groups[each.pk]),
        }
        for each in sites
        if each.pk in groups
    ]


def total(values: Iterable[Decimal | None]) -> str:
    return kg(sum((value for value in values if value is not None), Decimal("0.000")))


def party(name: str, address: str, tax_number: str = "", *, registration: str = "") -> shapes.Party:
    lines = [line for line in (*address.splitlines(), tax_number) if line.strip()]
    return {"name": name, "lines": lines, "registration": registration}


def place(code: str) -> shapes.Place | None:
    return {"code": code, "name": codes.ports()[code]} if code else None


def containers(shipment: Shipment) -> list[shapes.Container]:
    if not shipment.container_number:
        return []
    return [
        {
            "number": shipment.container_number,
            "type_code": shipment.container_type,
            "type_name": codes.container_types().get(shipment.container_type, {}).get("name", ""),
            "seals": [shipment.seal_number] if shipment.seal_number else [],
        }
    ]


def hand_over(shipment: Shipment) -> str:
    if shipment.hand_over_point:
        return shipment.hand_over_point
    points = list(shipment.sites.values_list("site__hand_over_point", flat=True).distinct()[:2])
    return points[0] if len(points) == 1 else ""
