"""Items in a spreadsheet that are not in the catalogue."""

from django.utils.translation import gettext as _

from shipments.imports import catalogue
from shipments.imports.catalogue import ItemFields
from shipments.imports.columns import Values
from shipments.imports.context import ImportContext
from shipments.imports.errors import Errors
from shipments.packing.goods import NOT_DANGEROUS

MAY_BE_OPEN = ("hs6", "un_number")  # one row of a new item may leave these to another row
SAYS_NOTHING = (None, "", NOT_DANGEROUS)


def new_items(
    values: Values, rows: list[int], errors: Errors, context: ImportContext, known: dict[str, catalogue.Facts]
) -> dict[str, ItemFields]:
    """Return the fields of the items that are not in the catalogue, by code, from the first row of each.

    If that row leaves HS code or UN number open, a later row may give it.
    """
    new: dict[str, ItemFields] = {}
    for place, code in enumerate(values["item_code"]):
        if not code:
            continue
        if code in known:
            if not known[code].is_active:
                detail = _("This item is inactive. A coordinator can activate it in the catalogue.")
                errors.add(rows[place], "item_code", "inactive_item", detail, code)
            continue
        described = {name: values[name][place] for name in ("description_en", "category", "unit", *MAY_BE_OPEN)}
        if code not in new:
            new[code] = _new_item(place, values) | {"described": described, "row": rows[place]}
            _set_category(new[code], rows[place], errors, context)
        elif _differs(described, new[code]["described"]):
            detail = _("Row %(row)d describes this new item differently.") % {"row": new[code]["row"]}
            errors.add(rows[place], "item_code", "conflicting_item", detail, code)
        first = new[code]["described"]
        first |= {name: described[name] for name in MAY_BE_OPEN if first[name] in SAYS_NOTHING and described[name]}
    for item in new.values():
        described = item.pop("described")
        for name in MAY_BE_OPEN:
            item[name] = "" if described[name] in SAYS_NOTHING else described[name]
        del item["row"]
        item["is_dangerous"] = bool(item["un_number"])
    return new


def _new_item(place: int, values: Values) -> ItemFields:
    return {
        "name_en": values["description_en"][place],
        "name_fr": values["description_fr"][place],
        "category": values["category"][place],
        "unit": values["unit"][place],
        "unit_weight_kg": values["unit_weight_kg"][place],
    }


def _differs(described: ItemFields, first: ItemFields) -> bool:
    """Return whether two rows describe one new item differently. None is a bad cell, which is already reported."""
    both = [(name, value, first[name]) for name, value in described.items() if value != first[name]]
    says_nothing = {name: SAYS_NOTHING if name in MAY_BE_OPEN else (None,) for name in described}
    return any(value not in says_nothing[name] and other not in says_nothing[name] for name, value, other in both)


def _set_category(item: ItemFields, row: int, errors: Errors, context: ImportContext) -> None:
    name = item.pop("category")
    item["category_id"] = context.categories.get((name or "").lower())
    if item["category_id"] is None:
        detail = _("The catalogue has no such category. It has: %(known)s.") % {
            "known": ", ".join(sorted(context.categories)) or "-"
        }
        errors.add(row, "category", "unknown_category", detail)
