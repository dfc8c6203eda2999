"""The contexts of what the partner signs for the container of mali.py: goods-received note and form."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.shipments.mali import packages, shipment, totals

if TYPE_CHECKING:  # as in mali.py
    from shipments.deliveries.notes import DifferenceShown, GoodsReceivedNote
    from shipments.papers.goods_received_form import GoodsReceivedForm
    from shipments.papers.shapes import LineOnPaper, PackageOnPaper


def goods_received_note(**changes: Any) -> GoodsReceivedNote:
    """A delivery in which two packages were missing and one refrigerator damaged."""
    lost = [p for p in packages() if p["number"] in (96, 204)]
    fridge = next(p for p in packages() if p["lines"][0]["item_code"].startswith("CR-FRIDGE"))
    differences = [difference(p, line, missing=int(line["quantity"])) for p in lost for line in p["lines"]]
    differences.append(difference(fridge, fridge["lines"][0], damaged=1))
    sent = sum(int(Decimal(line["quantity"])) for p in packages() for line in p["lines"])
    missing = sum(int(d["missing"]) for d in differences)
    context: Any = shipment() | {
        "number": "SHP-2026-00001-GRN-1",
        "shipment": "SHP-2026-00001",
        "issued_on": "2026-04-29",
        "received_on": "2026-04-28",
        "recorded_on": "2026-04-29",
        "source": {"en": "partner’s system", "fr": "système du partenaire"},
        "seal_read": "HK0012345",
        "seal_intact": True,
        "received": {
            "packages_sent": 270,
            "packages_counted": 268,
            "packages_sound": 267,
            "lines_sent": 323,
            "lines_sound": 323 - len(differences),
            "pieces_sent": sent,
            "pieces_good": sent - missing - 1,
            "pieces_damaged": 1,
            "pieces_missing": missing,
            "pieces_surplus": 0,
        },
        "differences": sorted(differences, key=lambda difference: difference["package"]),
        "unlisted": [],
        "note": "",
        "delivered_by": "Transport Sahel (fictional), Moussa Traoré",
        "received_by": "Aminata Ɲaré",
        "checked_by": "Awa Tɔnɔ",
    }
    done: GoodsReceivedNote = context | changes
    return done


def difference(package: PackageOnPaper, line: LineOnPaper, *, damaged: int = 0, missing: int = 0) -> DifferenceShown:
    broken = {"en": "door dented", "fr": "porte enfoncée"}
    absent = {"en": "package not in the container", "fr": "colis absent du conteneur"}
    return {
        "package": package["number"],
        "marks": package["marks"],
        "item_code": line["item_code"],
        "description": line["description"],
        "un_number": line["un_number"],
        "unit": line["unit"],
        "sent": line["quantity"],
        "good": int(Decimal(line["quantity"])) - damaged - missing,
        "damaged": damaged,
        "missing": missing,
        "surplus": 0,
        "reason": broken if damaged else absent,
        "remark": "",
    }


def goods_received_form(**changes: Any) -> GoodsReceivedForm:
    context: Any = shipment() | {"totals": totals(), "packages": packages()}
    done: GoodsReceivedForm = context | changes
    return done
