"""The packing list of a sealed shipment."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from logistics.charity.models import Charity
from logistics.charity.services import day_of
from shipments.packing import vocabulary
from shipments.packing.models import ManifestLine
from shipments.packing.models import Package as PackageRow
from shipments.papers import common, shapes
from shipments.shipments.models import Shipment


class CategoryTotal(TypedDict):
    category: shapes.Texts
    lines: int
    net_kg: str
    value_minor: int


class PackingList(TypedDict):
    """Context of `shipments/papers/packing_list.html`."""

    number: str  # of the shipment, "SHP-2026-00001"
    reference: str  # the shipper's own, "CGD-ML-26-001"; ""
    version: int
    supersedes: int  # the version that this one replaces; 0 for none
    issued_on: str
    title: str
    consignor: shapes.Party
    consignee: shapes.Party
    notify: shapes.Party | None  # None: the same as the consignee
    handover: str
    mode: shapes.Texts  # {"en": "sea", "fr": "maritime"}
    incoterm: str  # "DAP"; ""
    incoterm_place: str
    port_of_loading: shapes.Place | None
    port_of_discharge: shapes.Place | None
    place_of_delivery: shapes.Place | None
    containers: list[shapes.Container]
    bill_of_lading: str
    cargo_tracking_note: str  # BESC / CTN / ECTN
    packed_on: str
    departs_on: str
    currency: str
    totals: shapes.TotalsOnPaper
    by_kind: list[shapes.KindTotal]
    by_category: list[CategoryTotal]
    by_destination: list[shapes.DestinationTotal]
    dangerous_goods: bool
    un_numbers: list[str]  # of all of them: ["UN2800", "UN3481"]
    packages: list[shapes.PackageOnPaper]  # in order of number
    prepared_by: str
    checked_by: str


def context(shipment: Shipment, *, version: int, charity: Charity, at: datetime) -> PackingList:
    """Return the contents of the packing list of a sealed shipment."""
    rows = common.packages_of(shipment)
    packages = [common.package_of(row) for row in rows]
    return {
        **common.head(shipment, charity),  # type: ignore[typeddict-item]
        "version": version,
        "supersedes": version - 1,
        "issued_on": day_of(at, charity).isoformat(),
        "notify": _notify(shipment),
        "mode": vocabulary.MODES[shipment.mode],
        "incoterm": shipment.incoterm,
        "incoterm_place": shipment.incoterm_place,
        "port_of_loading": common.place(shipment.port_of_loading),
        "port_of_discharge": common.place(shipment.port_of_discharge),
        "place_of_delivery": common.place(shipment.place_of_delivery),
        "cargo_tracking_note": shipment.cargo_tracking_note,
        "packed_on": common.iso(shipment.packed_on),
        "departs_on": common.iso(shipment.departs_on),
        "currency": shipment.customs_currency,
        "totals": common.totals_of(shipment),
        "by_kind": common.by_kind(rows),
        "by_category": _by_category(rows),
        "by_destination": common.by_destination(shipment, rows),
        "dangerous_goods": any("dangerous" in package["flags"] for package in packages),
        "un_numbers": sorted({line["un_number"] for package in packages for line in package["lines"]} - {""}),
        "packages": packages,
        "prepared_by": shipment.packed_by.name if shipment.packed_by else "",
        "checked_by": shipment.checked_by.name if shipment.checked_by else "",
    }


def for_partner(charitys: PackingList, shipment: Shipment) -> dict[str, object]:
    """Return the partner's edition: staff by function, and no customs values unless the shipment shows them."""
    edition: dict[str, object] = {**charitys, "edition": "partner"}
    if not shipment.partner_sees_values:
        edition = {**_without_values(edition), "currency": ""}
    return {
        **edition,
        "prepared_by": vocabulary.function_of(shipment.packed_by),
        "checked_by": vocabulary.function_of(shipment.checked_by),
    }


def _without_values(context: Mapping[str, object]) -> dict[str, object]:
    return {name: _inside(value) for name, value in context.items() if name != "value_minor"}


def _inside(value: object) -> object:
    if isinstance(value, dict):
        return _without_values(value)
    return [_inside(part) for part in value] if isinstance(value, list) else value


def _by_category(rows: list[PackageRow]) -> list[CategoryTotal]:
    groups: dict[object, list[ManifestLine]] = defaultdict(list)
    for row in rows:
        for line in common.lines(row):
            groups[line.item.category].append(line)
    return [
        {
            "category": {"en": category.name_en, "fr": category.name_fr},  # type: ignore[attr-defined]
            "lines": len(group),
            "net_kg": common.total(line.net_kg for line in group),
            "value_minor": sum(line.value_minor for line in group),
        }
        for category, group in groups.items()
    ]


def _notify(shipment: Shipment) -> shapes.Party | None:
    first, *others = shipment.notify_party.splitlines() or [""]
    return {"name": first, "lines": others, "registration": ""} if first else None
