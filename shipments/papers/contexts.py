"""What the papers of a shipment are told, taken from its rows as they are when the paper is asked for.

Only codes, hand-over points and goods: nothing here reads a site's name or address.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Prefetch

from logistics.charity.models import Charity
from logistics.charity.services import day_of
from logistics.codes import codes
from shipments.packing import vocabulary
from shipments.packing.models import ManifestLine
from shipments.packing.models import Package as PackageRow
from shipments.papers import shapes
from shipments.shipments import contents
from shipments.shipments.models import Shipment, ShipmentSite

PALLET = "PX"  # UN/ECE Rec 21; carries a label on two sides
HEAVY_KG = Decimal(25)  # more than this, two people lift it
SAME_AS_CONSIGNEE: shapes.Party = {"name": "Same as consignee / Idem destinataire", "lines": []}


def packing_list(shipment: Shipment, *, version: int, charity: Charity, at: datetime) -> shapes.PackingList:
    """Return what a packing list says of a sealed shipment."""
    rows = packages_of(shipment)
    packages = [_package(row) for row in rows]
    return {
        **head(shipment, charity),  # type: ignore[typeddict-item]
        "version": version,
        "supersedes": version - 1,
        "issued_on": day_of(at, charity).isoformat(),
        "notify": _notify(shipment),
        "mode": vocabulary.MODES[shipment.mode],
        "incoterm": shipment.incoterm,
        "incoterm_place": shipment.incoterm_place,
        "port_of_loading": _place(shipment.port_of_loading),
        "port_of_discharge": _place(shipment.port_of_discharge),
        "place_of_delivery": _place(shipment.place_of_delivery),
        "cargo_tracking_note": shipment.cargo_tracking_note,
        "packed_on": _iso(shipment.packed_on),
        "departs_on": _iso(shipment.departs_on),
        "currency": shipment.customs_currency,
        "totals": totals_of(shipment),
        "by_kind": _by_kind(rows),
        "by_category": _by_category(rows),
        "by_destination": _by_destination(shipment, rows),
        "dangerous_goods": any("dangerous" in package["flags"] for package in packages),
        "un_numbers": sorted({line["un_number"] for package in packages for line in package["lines"]} - {""}),
        "packages": packages,
        "prepared_by": shipment.packed_by.name if shipment.packed_by else "",
        "checked_by": shipment.checked_by.name if shipment.checked_by else "",
    }


def goods_received_form(shipment: Shipment, *, charity: Charity, at: datetime) -> shapes.GoodsReceivedForm:
    """Return what the blank form says that travels with the goods."""
    return {
        **head(shipment, charity),  # type: ignore[typeddict-item]
        "issued_on": day_of(at, charity).isoformat(),
        "totals": totals_of(shipment),
        "packages": [_package(row) for row in packages_of(shipment)],
    }


def labels(shipment: Shipment, *, charity: Charity, at: datetime) -> shapes.Labels:
    """Return a label for each package. Its QR code opens the page of that very package, on every reprint."""
    route = [
        _place(code) for code in (shipment.port_of_loading, shipment.port_of_discharge, shipment.place_of_delivery)
    ]
    rows = packages_of(shipment)
    return {
        "number": shipment.number,
        "issued_on": day_of(at, charity).isoformat(),
        "consignor": charity.name,
        "route": " – ".join(place["name"] for place in route if place),
        "packages": len(rows),
        "labels": [_label(row) for row in rows],
    }


def _label(row: PackageRow) -> shapes.Label:
    return {
        "number": row.number,
        "marks": row.marks,
        "kind": vocabulary.package_kind(row.kind),
        "gross_kg": kg(row.gross_kg),
        "gross_measured": row.gross_measured,
        "destination": row.destination.site.code if row.destination else "",
        "flags": flags_of(row),
        "un_numbers": [f"UN{un_number}" for un_number in row.un_numbers],
        "sscc": row.sscc,
        "scan": row.label_url,
        "copies": 2 if row.kind == PALLET else 1,
    }


# What a waybill says of its leg, beside the shipment; "" where it is not known.
LEG = (
    "carrier", "loaded_at", "handed_over_at", "loads_on", "arrives_on", "vehicle", "registration", "driver",
    "instructions",
)  # fmt: skip


def waybill(
    shipment: Shipment, *, number: str, replaces: str, leg: Mapping[str, str], charity: Charity, at: datetime
) -> shapes.Waybill:
    """Return what the waybill of one leg says; `replaces`: the number of the one that it stands in place of, or ""."""
    rows = packages_of(shipment)
    told = {name: leg.get(name, "") for name in LEG}
    carrier, *address = told.pop("carrier").splitlines() or [""]
    told["handed_over_at"] = told["handed_over_at"] or _hand_over(shipment)
    return {
        **head(shipment, charity),  # type: ignore[typeddict-item]
        **told,
        "number": number,
        "shipment": shipment.number,
        "replaces": replaces,
        "issued_on": day_of(at, charity).isoformat(),
        "carrier": {"name": carrier, "lines": address},
        "mode": vocabulary.MODES[leg.get("mode") or shipment.mode],
        "cargo_tracking_note": shipment.cargo_tracking_note,
        "totals": totals_of(shipment),
        "by_kind": _by_kind(rows),
        "by_destination": _by_destination(shipment, rows),
        "dangerous_goods": _dangerous_goods(rows),
    }


def _dangerous_goods(rows: list[PackageRow]) -> list[shapes.DangerousGoods]:
    """Return what a carrier must be told, by UN number; "" for packages that are marked dangerous without a number."""
    groups: dict[str, list[PackageRow]] = defaultdict(list)
    for row in rows:
        for un_number in row.un_numbers or ([""] if "dangerous" in flags_of(row) else []):
            groups[un_number].append(row)
    return [
        {
            "un_number": f"UN{un_number}" if un_number else "",
            "goods": _goods(group, un_number),
            "package_numbers": _ranges([row.number for row in group]),
            "packages": len(group),
            "net_kg": _sum(line.net_kg for row in group for line in _lines(row) if line.un_number == un_number),
            "gross_kg": _sum(row.gross_kg for row in group),
        }
        for un_number, group in sorted(groups.items())
    ]


def _goods(rows: list[PackageRow], un_number: str) -> shapes.Texts:
    """Return the descriptions of the goods under one UN number, each once."""
    said = [texts(line) for row in rows for line in _lines(row) if line.un_number == un_number]
    return {language: "; ".join(dict.fromkeys(text[language] for text in said)) for language in ("en", "fr")}


def _ranges(numbers: list[int]) -> str:
    """Write 1, 2, 3, 7 as "1–3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def head(shipment: Shipment, charity: Charity) -> dict[str, object]:
    """Return what every paper of a shipment says at its top."""
    return {
        "number": shipment.number,
        "reference": shipment.reference,
        "title": shipment.title,
        "consignor": party(charity.name, charity.address, f"Registration {charity.registration}"),
        "consignee": party(
            shipment.consignee.name,
            shipment.consignee.address,
            f"NIF {shipment.consignee.tax_number}" if shipment.consignee.tax_number else "",
        ),
        "handover": _hand_over(shipment),
        "containers": _containers(shipment),
        "bill_of_lading": shipment.bill_of_lading,
    }


def packages_of(shipment: Shipment) -> list[PackageRow]:
    """Return the packages in order of number, each with its lines, items, categories and destination: two queries."""
    lines = ManifestLine.objects.select_related("item__category").order_by("position")
    packages = shipment.packages.select_related("destination__site").order_by("number")
    return list(packages.prefetch_related(Prefetch("lines", queryset=lines)))


def _lines(package: PackageRow) -> list[ManifestLine]:
    return list(package.lines.all())


def totals_of(shipment: Shipment) -> shapes.Totals:
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
    """Print kilograms or cubic metres with their 3 places."""
    return f"{value:.3f}" if value is not None else ""


def _cm(value: Decimal | None) -> str:
    return f"{value:.1f}" if value is not None else ""


def _iso(value: date | None) -> str:
    return value.isoformat() if value else ""


def _package(row: PackageRow) -> shapes.Package:
    return {
        "number": row.number,
        "marks": row.marks,
        "kind": vocabulary.package_kind(row.kind),
        "length_cm": _cm(row.length_cm),
        "width_cm": _cm(row.width_cm),
        "height_cm": _cm(row.height_cm),
        "gross_kg": kg(row.gross_kg),
        "gross_measured": row.gross_measured,
        "destination": row.destination.site.code if row.destination else "",
        "flags": flags_of(row),
        "remark": row.remark,
        "lines": [_line(line) for line in _lines(row)],
    }


def flags_of(package: PackageRow) -> list[shapes.Flag]:
    """Return how to handle a package: what was said of it, and what follows from its weight and goods."""
    flags: list[shapes.Flag] = []
    if package.gross_kg is not None and package.gross_kg > HEAVY_KG:
        flags.append("heavy")
    said = set(package.flags)
    if package.un_numbers:
        said.add("dangerous")
    order: tuple[shapes.Flag, ...] = ("fragile", "this_way_up", "open_first", "dangerous")
    return [*flags, *(flag for flag in order if flag in said)]


def _line(line: ManifestLine) -> shapes.Line:
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


def _by_kind(rows: list[PackageRow]) -> list[shapes.KindTotal]:
    groups: dict[str, list[PackageRow]] = defaultdict(list)
    for row in rows:
        groups[row.kind].append(row)
    return [
        {
            "kind": vocabulary.package_kind(kind),
            "packages": len(group),
            "net_kg": _sum(line.net_kg for row in group for line in _lines(row)),
            "gross_kg": _sum(row.gross_kg for row in group),
            "volume_m3": _sum(row.volume_m3 for row in group),
        }
        for kind, group in groups.items()
    ]


def _by_category(rows: list[PackageRow]) -> list[shapes.CategoryTotal]:
    groups: dict[object, list[ManifestLine]] = defaultdict(list)
    for row in rows:
        for line in _lines(row):
            groups[line.item.category].append(line)
    return [
        {
            "category": {"en": category.name_en, "fr": category.name_fr},  # type: ignore[attr-defined]
            "lines": len(group),
            "net_kg": _sum(line.net_kg for line in group),
            "value_minor": sum(line.value_minor for line in group),
        }
        for category, group in groups.items()
    ]


def _by_destination(shipment: Shipment, rows: list[PackageRow]) -> list[shapes.DestinationTotal]:
    groups: dict[object, list[PackageRow]] = defaultdict(list)
    for row in rows:
        groups[row.destination_id].append(row)
    sites: Iterable[ShipmentSite] = shipment.sites.select_related("site").order_by("site__code")
    return [
        {
            "code": each.site.code,
            "handover": each.site.hand_over_point,
            "packages": len(groups[each.pk]),
            "gross_kg": _sum(row.gross_kg for row in groups[each.pk]),
            "volume_m3": _sum(row.volume_m3 for row in groups[each.pk]),
        }
        for each in sites
        if each.pk in groups
    ]


def _sum(values: Iterable[Decimal | None]) -> str:
    return kg(sum((value for value in values if value is not None), Decimal("0.000")))


def party(name: str, address: str, registration: str = "") -> shapes.Party:
    return {"name": name, "lines": [line for line in (*address.splitlines(), registration) if line.strip()]}


def _notify(shipment: Shipment) -> shapes.Party:
    first, *others = shipment.notify_party.splitlines() or [""]
    return {"name": first, "lines": others} if first else SAME_AS_CONSIGNEE


def _place(code: str) -> shapes.Place | None:
    return {"code": code, "name": codes.ports()[code]} if code else None


def _containers(shipment: Shipment) -> list[shapes.Container]:
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


def _hand_over(shipment: Shipment) -> str:
    if shipment.hand_over_point:
        return shipment.hand_over_point
    points = list(shipment.sites.values_list("site__hand_over_point", flat=True).distinct()[:2])
    return points[0] if len(points) == 1 else ""
