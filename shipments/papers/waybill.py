"""Waybills: one per leg of the journey, or per vehicle."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from logistics.charity.models import Charity
from logistics.charity.services import day_of
from shipments.packing import vocabulary
from shipments.packing.models import Package as PackageRow
from shipments.papers import common, shapes
from shipments.shipments.models import Shipment


class DangerousGoods(TypedDict):
    """Goods under one UN number. We do not have the proper shipping name: `goods` is our own description."""

    un_number: str  # "UN3481"; "" for packages marked dangerous without a number
    goods: shapes.Texts
    package_numbers: str  # "159-162"
    packages: int
    net_kg: str  # of these goods
    gross_kg: str  # of the packages that they are in


class Waybill(TypedDict):
    """Context of `shipments/papers/waybill.html`: one per leg or vehicle, each with its own number."""

    number: str  # "SHP-2026-00001-WB-1"
    replaces: str  # the number of the waybill that it replaces; ""
    shipment: str
    reference: str
    issued_on: str
    title: str
    consignor: shapes.Party
    consignee: shapes.Party
    carrier: shapes.Party
    mode: shapes.Texts
    loading_place: str  # a port, a warehouse or a hand-over point; never the address of a confidential site
    hand_over_place: str
    loads_on: str
    arrives_on: str
    vehicle: str
    registration: str
    driver: str
    containers: list[shapes.Container]
    bill_of_lading: str
    cargo_tracking_note: str
    totals: shapes.TotalsOnPaper
    by_kind: list[shapes.KindTotal]
    by_destination: list[shapes.DestinationTotal]
    dangerous_goods: list[DangerousGoods]  # empty: there are none
    instructions: str


# The fields of a waybill about its leg; "" if unknown.
LEG = (
    "carrier", "loading_place", "hand_over_place", "loads_on", "arrives_on", "vehicle", "registration", "driver",
    "instructions",
)  # fmt: skip


def context(
    shipment: Shipment, *, number: str, replaces: str, leg: Mapping[str, str], charity: Charity, at: datetime
) -> Waybill:
    """Return the contents of the waybill of one leg; `replaces`: the number of the waybill that it replaces, or ""."""
    rows = common.packages_of(shipment)
    leg_fields = {name: leg.get(name, "") for name in LEG}
    carrier, *address = leg_fields.pop("carrier").splitlines() or [""]
    leg_fields["hand_over_place"] = leg_fields["hand_over_place"] or common.hand_over(shipment)
    return {
        **common.head(shipment, charity),  # type: ignore[typeddict-item]
        **leg_fields,
        "number": number,
        "shipment": shipment.number,
        "replaces": replaces,
        "issued_on": day_of(at, charity).isoformat(),
        "carrier": {"name": carrier, "lines": address, "registration": ""},
        "mode": vocabulary.MODES[leg.get("mode") or shipment.mode],
        "cargo_tracking_note": shipment.cargo_tracking_note,
        "totals": common.totals_of(shipment),
        "by_kind": common.by_kind(rows),
        "by_destination": common.by_destination(shipment, rows),
        "dangerous_goods": _dangerous_goods(rows),
    }


def _dangerous_goods(rows: list[PackageRow]) -> list[DangerousGoods]:
    """Return the dangerous goods by UN number; "" for packages marked dangerous without a number."""
    groups: dict[str, list[PackageRow]] = defaultdict(list)
    for row in rows:
        for un_number in row.un_numbers or ([""] if "dangerous" in common.flags_of(row) else []):
            groups[un_number].append(row)
    return [
        {
            "un_number": f"UN{un_number}" if un_number else "",
            "goods": _goods(group, un_number),
            "package_numbers": _ranges([row.number for row in group]),
            "packages": len(group),
            "net_kg": common.total(
                line.net_kg for row in group for line in common.lines(row) if line.un_number == un_number
            ),
            "gross_kg": common.total(row.gross_kg for row in group),
        }
        for un_number, group in sorted(groups.items())
    ]


def _goods(rows: list[PackageRow], un_number: str) -> shapes.Texts:
    """Return the descriptions of the goods under one UN number, each once."""
    descriptions = [common.texts(line) for row in rows for line in common.lines(row) if line.un_number == un_number]
    return {language: "; ".join(dict.fromkeys(text[language] for text in descriptions)) for language in ("en", "fr")}


def _ranges(numbers: list[int]) -> str:
    """Write 1, 2, 3, 7 as "1–3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
