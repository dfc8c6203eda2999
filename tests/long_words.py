"""The papers' contexts with the longest words that their fields hold, without a space: 200 letters, and marks of 60.

Each word has a letter of its own, so that a test can count what was drawn of it.
"""

from typing import Any

from tests.donations.receipt_context import FACTS as OF_RECEIPT
from tests.donations.receipt_context import receipt
from tests.shipments import mali, mali_receipts

# W and M are the widest letters, and what a line of them needs, any other text needs less.
CODE, MARKS, DESCRIPTION, DESCRIPTION_FR, REMARK, SERIAL = "A" * 30, "M" * 60, "W" * 200, "G" * 200, "R" * 200, "S" * 60
NAME, ADDRESS, TITLE, HANDOVER = "N" * 200, "D" * 200, "T" * 200, "H" * 200
REFERENCE, NUMBER_30, PLACE_60 = "F" * 40, "B" * 30, "P" * 60
PERSON, NOTE = "Q" * 100, "O" * 500


def party(**changes: Any) -> dict[str, Any]:
    return {"name": NAME, "lines": [ADDRESS, "Bamako", f"NIF {'X' * 40}"], "registration": "K" * 40} | changes


def packages() -> list[Any]:
    """Four packages: the longest texts in each cell by turns, and all of them at once."""
    found: list[Any] = mali.packages()[156:162]
    for place, package in enumerate(found):
        package["number"] = place + 1
    found[0]["lines"][0]["item_code"] = CODE
    found[0]["marks"] = MARKS
    found[1]["lines"][0]["description"] = {"en": DESCRIPTION, "fr": DESCRIPTION_FR}
    found[2]["lines"][0]["serials"] = [SERIAL, SERIAL]
    found[2]["remark"] = REMARK
    for package in found[3:]:
        package |= {
            "marks": MARKS,
            "remark": REMARK,
            "flags": ["heavy", "fragile", "this_way_up", "open_first", "dangerous"],
        }
        line = package["lines"][0]
        line |= {"item_code": CODE, "description": {"en": DESCRIPTION, "fr": DESCRIPTION_FR}, "remark": REMARK}
        line |= {"serials": [SERIAL] * 3, "un_number": "UN3481", "quantity": 99_999, "net_kg": "99999.999"}
        package |= {"gross_kg": "99999.999", "length_cm": "3000.0", "width_cm": "3000.0", "height_cm": "3000.0"}
        line["value_minor"] = 9_999_999_999
        package["kind"] = {
            "en": "Intermediate bulk container, rigid plastic, freestanding, pressurized",
            "fr": "Y" * 60,
        }
        line["unit"] = {"en": "thousand cubic metre per day of gas", "fr": "thousand cubic metre per day of gas"}
    return found


def head() -> dict[str, Any]:
    containers = mali.shipment()["containers"]
    containers[0]["seals"] = [NUMBER_30]
    return {
        "reference": REFERENCE, "title": TITLE, "consignor": party(), "consignee": party(), "handover": HANDOVER,
        "bill_of_lading": NUMBER_30, "containers": containers,
    }  # fmt: skip


def destinations() -> list[Any]:
    return [row | {"handover": HANDOVER} for row in mali.packing_list()["by_destination"][:2]]


def packing_list(**changes: Any) -> Any:
    big: Any = mali.totals() | {"value_minor": 9_999_999_999, "net_kg": "999999.999", "gross_kg": "999999.999"}
    return mali.packing_list(
        **head(), packages=packages(), notify=party(), incoterm_place=PLACE_60, cargo_tracking_note=NUMBER_30,
        by_destination=destinations(), prepared_by=PERSON, checked_by=PERSON, totals=big,
        un_numbers=[f"UN{number}" for number in range(3000, 3020)],
        by_category=[{"category": {"en": "E" * 100, "fr": "E" * 100}, "lines": 323, "net_kg": "99999.999",
                      "value_minor": 9_999_999_999}],
    ) | changes  # fmt: skip


def waybill() -> Any:
    goods = {"en": DESCRIPTION, "fr": DESCRIPTION_FR}
    dangerous = [row | {"goods": goods, "package_numbers": ", ".join(map(str, range(1, 400, 2)))}
                 for row in mali.waybill()["dangerous_goods"]]  # fmt: skip
    return mali.waybill(
        **head(), carrier=party(lines=["C" * 90]), loading_place=ADDRESS, hand_over_place=HANDOVER, vehicle=PERSON,
        registration=NUMBER_30, driver=PERSON, cargo_tracking_note=NUMBER_30, by_destination=destinations(),
        dangerous_goods=dangerous, instructions=NOTE,
    )  # fmt: skip


def goods_received_note() -> Any:
    differences = [
        mali_receipts.difference(package, package["lines"][0], missing=1) | {"reason": {"en": NOTE, "fr": NOTE}}
        for package in packages()
    ]
    unlisted = [
        {"description": DESCRIPTION, "quantity": 1_000_000, "unit": {"en": "piece", "fr": "pièce"}, "remark": REMARK}
    ]
    return mali_receipts.goods_received_note(
        **head(), differences=differences, unlisted=unlisted, note=NOTE, seal_read=NUMBER_30, delivered_by=PERSON,
        received_by=PERSON, checked_by=PERSON,
    )  # fmt: skip


def goods_received_form() -> Any:
    return mali_receipts.goods_received_form(**head(), packages=packages())


def labels() -> Any:
    made: list[Any] = []
    for package, label in zip(packages(), mali.labels()["labels"], strict=False):
        shown = {name: package[name] for name in ("number", "marks", "kind", "gross_kg", "gross_measured", "flags")}
        numbers = [f"UN{number}" for number in range(3000, 3006)] if package["number"] > 3 else []
        made.append(label | shown | {"un_numbers": numbers})
    route = "Saint-Laurent-du-Maroni – Santiago de los Caballeros – Ouagadougou-Nord"
    return mali.labels(labels=made, packages=100_000, consignor=NAME, route=route)


def donation_receipt() -> Any:
    charity = receipt()["charity"] | {
        "name": NAME, "name_local": "國" * 100, "address_lines": [ADDRESS, "Hong Kong"], "registration": "K" * 60,
        "email": f"{'L' * 60}@{'V' * 60}.example", "phone": "0" * 40,
    }  # fmt: skip
    return receipt(
        charity=charity, donor={"name": "Z" * 120, "address_lines": [ADDRESS, ADDRESS]}, appeal=TITLE,
        amount_minor=999_999_999_999, signatory=PERSON, signatory_role=PERSON, replaces="HK-2026-000001",
    )  # fmt: skip


# Name -> template and context.
PAPERS: dict[str, tuple[str, Any]] = {
    "packing list": ("shipments/papers/packing_list.html", packing_list()),
    "waybill": ("shipments/papers/waybill.html", waybill()),
    "goods-received note": ("shipments/papers/goods_received_note.html", goods_received_note()),
    "goods-received form": ("shipments/papers/goods_received_form.html", goods_received_form()),
    "labels": ("shipments/papers/labels.html", labels()),
    "receipt": ("donations/receipt.html", donation_receipt()),
}
FACTS = {"packing list": mali.FACTS, "receipt": OF_RECEIPT}


def facts(name: str) -> dict[str, str]:
    return FACTS.get(name, mali.FACTS)
