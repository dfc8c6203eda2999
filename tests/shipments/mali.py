"""The papers' contexts of a real container, built from tests/data/mali_shipment without a database."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # `make demo` reads the lists without Django's settings
    from shipments.papers.labels import Label, Labels
    from shipments.papers.packing_list import CategoryTotal, PackingList
    from shipments.papers.shapes import (
        DestinationTotal,
        FlagOnPaper,
        KindTotal,
        LineOnPaper,
        PackageOnPaper,
        TotalsOnPaper,
    )
    from shipments.papers.waybill import Waybill


DATA = Path(__file__).parent.parent / "data" / "mali_shipment"
KINDS = {
    "CT": {"en": "carton", "fr": "carton"},
    "PK": {"en": "package", "fr": "colis"},
    "BL": {"en": "bale", "fr": "balle"},
    "SI": {"en": "skid", "fr": "patin"},
}
UNITS = {
    "H87": {"en": "piece", "fr": "pièce"},
    "SET": {"en": "set", "fr": "jeu"},
    "KGM": {"en": "kg", "fr": "kg"},
    "XBX": {"en": "box", "fr": "boîte"},
    "PR": {"en": "pair", "fr": "paire"},
    "KT": {"en": "kit", "fr": "kit"},
    "RM": {"en": "ream", "fr": "rame"},
    "XPA": {"en": "packet", "fr": "paquet"},
    "XRO": {"en": "roll", "fr": "rouleau"},
    "XBG": {"en": "bag", "fr": "sac"},
}
CONDITIONS = {
    "New": {"en": "new", "fr": "neuf"},
    "Lightly Used": {"en": "lightly used", "fr": "peu usagé"},
    "Heavily Used": {"en": "heavily used", "fr": "très usagé"},
    "Mixed": {"en": "mixed", "fr": "mélangé"},
}
CATEGORIES = {
    "Household furniture": "Mobilier",
    "Household appliances": "Électroménager",
    "Hostel supplies": "Fournitures de foyer",
    "Office equipment": "Équipement de bureau",
    "Computers": "Informatique",
    "School supplies": "Fournitures scolaires",
    "Vocational training equipment": "Équipement de formation professionnelle",
    "Clothing": "Vêtements",
    "Toys": "Jouets",
}
# All that papers may show of a site: its code, its region, and its hand-over point.
# Made like partners.models.site_code makes them: papers print these, and W is the widest letter.
SITE_CODES = {"A": "Z44TX", "B": "N9MLJ", "C": "ZBCQV", "D": "WDQGW", "E": "WZR3V"}
HANDOVERS = {
    "A": "Bamako district, partner’s depot",
    "B": "Ségou region, partner’s depot",
    "C": "Sikasso, training centre",
    "D": "Mopti region, partner’s depot",
    "E": "Bamako, partner’s office",
}
# Added to every context by the document: see logistics.documents.services.facts.
FACTS = {
    "content_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "verify_url": "https://relief.example.org/verify/q1w2e3r4t5y6u7i8o9p0aa/",
}


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _minor(amount: str) -> int:
    return int(Decimal(amount) * 100)


def _sum_kg(values: Iterable[str]) -> str:
    return f"{sum(map(Decimal, values)):.3f}"


def _line(row: dict[str, str]) -> LineOnPaper:
    un_number = next((f"UN{n}" for n in ("3481", "2800") if n in row["flags"]), "")
    return {
        "item_code": row["item_code"],
        "description": {"en": row["description_en"], "fr": row["description_fr"]},
        "hs6": row["hs6"],
        "origin": row["country_of_origin"],
        "condition": CONDITIONS[row["condition"]],
        "quantity": row["quantity"],
        "unit": UNITS[row["unit"]],
        "net_kg": row["line_net_kg"],
        "value_minor": _minor(row["line_value_hkd"]),
        "un_number": un_number,
        "serials": row["serial_numbers"].split("|") if row["serial_numbers"] else [],
        "remark": "" if un_number else row["flags"],
    }


def _package(row: dict[str, str], lines: list[LineOnPaper]) -> PackageOnPaper:
    flags: list[FlagOnPaper] = []
    if Decimal(row["gross_kg"]) > 25:
        flags.append("heavy")
    if "fragile" in row["handling"]:
        flags.append("fragile")
    if "this way up" in row["handling"]:
        flags.append("this_way_up")
    if any(line["un_number"] for line in lines):
        flags.append("dangerous")
    spoken = {"fragile", "heavy", "this way up"}
    remark = "; ".join(p for p in row["handling"].split("; ") if p and p not in spoken and "UN" not in p)
    return {
        "number": int(row["package_no"]),
        "marks": row["marks"],
        "kind": KINDS[row["package_type"]],
        "length_cm": f"{Decimal(row['length_cm']):.1f}",
        "width_cm": f"{Decimal(row['width_cm']):.1f}",
        "height_cm": f"{Decimal(row['height_cm']):.1f}",
        "gross_kg": row["gross_kg"],
        "gross_measured": row["dims_basis"].startswith("sourced"),
        "destination": SITE_CODES[row["destination_site"]],
        "flags": flags,
        "remark": remark,
        "lines": lines,
    }


@cache
def _packages_json() -> str:
    of_package: dict[str, list[LineOnPaper]] = defaultdict(list)
    for row in rows("lines"):
        of_package[row["package_no"]].append(_line(row))
    return json.dumps([_package(row, of_package[row["package_no"]]) for row in rows("packages")])


def packages() -> list[PackageOnPaper]:
    """All 270, a fresh copy each time, so that a test may change them."""
    copied: list[PackageOnPaper] = json.loads(_packages_json())
    return copied


def _by_kind() -> list[KindTotal]:
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows("packages"):
        groups[row["package_type"]].append(row)
    return [
        {
            "kind": KINDS[code],
            "packages": len(group),
            "net_kg": _sum_kg(r["net_kg"] for r in group),
            "gross_kg": _sum_kg(r["gross_kg"] for r in group),
            "volume_m3": _sum_kg(r["volume_m3"] for r in group),
        }
        for code, group in groups.items()
    ]


def _by_category() -> list[CategoryTotal]:
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows("lines"):
        groups[row["category"]].append(row)
    return [
        {
            "category": {"en": name, "fr": CATEGORIES[name]},
            "lines": len(group),
            "net_kg": _sum_kg(r["line_net_kg"] for r in group),
            "value_minor": sum(_minor(r["line_value_hkd"]) for r in group),
        }
        for name, group in groups.items()
    ]


def _by_destination() -> list[DestinationTotal]:
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows("packages"):
        groups[row["destination_site"]].append(row)
    return [
        {
            "code": SITE_CODES[code],
            "handover": HANDOVERS[code],
            "packages": len(groups[code]),
            "gross_kg": _sum_kg(r["gross_kg"] for r in groups[code]),
            "volume_m3": _sum_kg(r["volume_m3"] for r in groups[code]),
        }
        for code in sorted(groups)
    ]


def totals() -> TotalsOnPaper:
    parcels = packages()
    return {
        "packages": len(parcels),
        "lines": len(rows("lines")),
        "net_kg": _sum_kg(r["net_kg"] for r in rows("packages")),
        "gross_kg": _sum_kg(p["gross_kg"] for p in parcels),
        "measured_kg": _sum_kg(p["gross_kg"] for p in parcels if p["gross_measured"]),
        "volume_m3": _sum_kg(r["volume_m3"] for r in rows("packages")),
        "value_minor": sum(line["value_minor"] for p in parcels for line in p["lines"]),
    }


def shipment() -> dict[str, Any]:
    """The header contents of all papers of the shipment."""
    (row,) = rows("shipment")
    return {
        "number": "SHP-2026-00001",
        "reference": row["reference"],
        "version": 1,
        "supersedes": 0,
        "issued_on": row["packed_on"],
        "title": row["title"],
        "consignor": {
            "name": "International Relief Charity (fictional)",
            "lines": ["3 Castle Peak Road, Tuen Mun", "Hong Kong"],
            "registration": "91/1234",
        },
        "consignee": {
            "name": "Association malienne d’accueil et de réinsertion (fictional)",
            "lines": ["Bamako, Mali", "NIF 000000000X"],
            "registration": "",
        },
        "notify": None,
        "handover": "Partner’s depot, Bamako district (ML20)",
        "containers": [
            {
                "number": row["container_no"],
                "type_code": row["container_iso_type"],
                "type_name": "40′ high cube",
                "seals": [row["seal_no"]],
            }
        ],
        "bill_of_lading": row["bill_of_lading_no"],
    }


def packing_list(**changes: Any) -> PackingList:
    """The packing list of the container, with any of its values replaced."""
    (row,) = rows("shipment")
    context: Any = shipment() | {
        "mode": {"en": "sea", "fr": "maritime"},
        "incoterm": row["incoterm"],
        "incoterm_place": row["incoterm_place"],
        "port_of_loading": {"code": row["port_of_loading"], "name": "Hong Kong"},
        "port_of_discharge": {"code": row["port_of_discharge"], "name": "Dakar"},
        "place_of_delivery": {"code": row["place_of_delivery"], "name": "Bamako"},
        "cargo_tracking_note": row["ectn_besc_no"],
        "packed_on": row["packed_on"],
        "departs_on": row["etd"],
        "currency": row["customs_value_currency"],
        "totals": totals(),
        "by_kind": _by_kind(),
        "by_category": _by_category(),
        "by_destination": _by_destination(),
        "dangerous_goods": any("dangerous" in p["flags"] for p in packages()),
        "un_numbers": ["UN2800", "UN3481"],
        "packages": packages(),
        "prepared_by": "Mei-Ling 陳",
        "checked_by": "Aminata Ɲaré",
    }
    done: PackingList = context | changes
    return done


def labels(**changes: Any) -> Labels:
    made: list[Label] = [
        {
            "number": package["number"],
            "marks": package["marks"],
            "kind": package["kind"],
            "gross_kg": package["gross_kg"],
            "gross_measured": package["gross_measured"],
            "destination": package["destination"],
            "flags": package["flags"],
            "un_numbers": sorted({line["un_number"] for line in package["lines"]} - {""}),
            "sscc": row["sscc"],
            "scan": f"https://relief.example.org/p/{package['number']:022d}/",
            "copies": 1,
        }
        for package, row in zip(packages(), rows("packages"), strict=True)
    ]
    context: Any = {
        "number": "SHP-2026-00001",
        "issued_on": "2026-02-27",
        "consignor": "International Relief Charity (fictional)",
        "route": "Hong Kong – Dakar – Bamako",
        "packages": len(made),
        "labels": made,
    }
    done: Labels = context | changes
    return done


def waybill(**changes: Any) -> Waybill:
    context: Any = shipment() | {
        "number": "SHP-2026-00001-WB-2",
        "replaces": "SHP-2026-00001-WB-1",
        "shipment": "SHP-2026-00001",
        "carrier": {"name": "Transport Sahel (fictional)", "lines": ["Dakar, Sénégal"], "registration": ""},
        "mode": {"en": "road", "fr": "routier"},
        "loading_place": "Dakar, port (SNDKR)",
        "hand_over_place": "Partner’s depot, Bamako district (ML20)",
        "loads_on": "2026-04-14",
        "arrives_on": "2026-04-28",
        "vehicle": "Truck with semi-trailer",
        "registration": "DK 1234 AB",
        "driver": "Moussa Traoré",
        "cargo_tracking_note": "056414",
        "totals": totals(),
        "by_kind": _by_kind(),
        "by_destination": _by_destination(),
        "dangerous_goods": [
            {
                "un_number": "UN2800",
                "goods": {"en": "UPS, 800 VA", "fr": "Onduleur 800 VA"},
                "package_numbers": "147–148",
                "packages": 2,
                "net_kg": "21.000",
                "gross_kg": "22.000",
            },
            {
                "un_number": "UN3481",
                "goods": {
                    "en": "Laptop computer, 14 inch, wiped",
                    "fr": "Ordinateur portable 14 pouces, données effacées",
                },
                "package_numbers": "159–162",
                "packages": 4,
                "net_kg": "54.000",
                "gross_kg": "58.000",
            },
        ],
        "instructions": "Keep dry. Do not open before the hand-over point.",
    }
    done: Waybill = context | changes
    return done
