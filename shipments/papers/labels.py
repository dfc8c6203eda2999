"""Labels: one per package, two per pallet."""

from datetime import datetime
from typing import TypedDict

from logistics.charity.models import Charity
from logistics.charity.services import day_of
from shipments.packing import vocabulary
from shipments.packing.models import Package as PackageRow
from shipments.papers import common, shapes
from shipments.shipments.models import Shipment

PALLET = "PX"  # UN/ECE Rec 21; carries a label on two sides


class Label(TypedDict):
    number: int
    marks: str
    kind: shapes.Texts
    gross_kg: str
    gross_measured: bool
    destination: str  # the code of the site
    flags: list[shapes.FlagOnPaper]
    un_numbers: list[str]  # of the dangerous goods in it: ["UN3481"]
    sscc: str  # 18 digits with a valid check digit; "" if the package has none
    scan: str  # content of the QR code: the URL of this package, with a random token
    copies: int  # two for a pallet, on two sides


class Labels(TypedDict):
    """Context of `shipments/papers/labels.html`: one A6 page per copy."""

    number: str
    issued_on: str
    consignor: str
    route: str  # "Hong Kong – Dakar – Bamako": ports and hand-over towns, never a site
    packages: int  # the N of "n of N"
    labels: list[Label]


def context(shipment: Shipment, *, charity: Charity, at: datetime) -> Labels:
    """Return a label for each package. Its QR code opens the page of that package, the same on every reprint."""
    route = [
        common.place(code)
        for code in (shipment.port_of_loading, shipment.port_of_discharge, shipment.place_of_delivery)
    ]
    rows = common.packages_of(shipment)
    return {
        "number": shipment.number,
        "issued_on": day_of(at, charity).isoformat(),
        "consignor": charity.name,
        "route": " – ".join(place["name"] for place in route if place),
        "packages": len(rows),
        "labels": [_label(row) for row in rows],
    }


def _label(row: PackageRow) -> Label:
    return {
        "number": row.number,
        "marks": row.marks,
        "kind": vocabulary.package_kind(row.kind),
        "gross_kg": common.kg(row.gross_kg),
        "gross_measured": row.gross_measured,
        "destination": row.destination.site.code if row.destination else "",
        "flags": common.flags_of(row),
        "un_numbers": [f"UN{un_number}" for un_number in row.un_numbers],
        "sscc": row.sscc,
        "scan": row.label_url,
        "copies": 2 if row.kind == PALLET else 1,
    }
