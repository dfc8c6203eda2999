"""Items in a spreadsheet that are not in the catalogue."""

from uuid import UUID

from django.utils.translation import gettext as _

from shipments.imports import catalogue
from shipments.imports.catalogue import NewItem
from shipments.imports.columns import Values
from shipments.imports.context import ImportContext
from shipments.imports.errors import Errors
from shipments.packing.goods import NOT_DANGEROUS

ItemTexts = dict[str, str | None]
MAY_BE_OPEN = ("hs6", "un_number")  # one row of a new item may leave these to another row
DESCRIBED = ("description_en", "category", "unit", *MAY_BE_OPEN)
SAYS_NOTHING = (None, "", NOT_DANGEROUS)


def new_items(
    values: Values, rows: list[int], errors: Errors, context: ImportContext, known: dict[str, catalogue.Facts]
) -> dict[str, NewItem]:
    """Return the fields of the items that are not in the catalogue, by code, from the first row of each.

    If that row leaves HS code or UN number open, a later row may give it.
    """
    firsts: dict[str, tuple[int, ItemTexts]] = {}  # code -> place of its first row, and what the rows say
    category_ids: dict[str, UUID | None] = {}
    for place, code in enumerate(values["item_code"]):
        if not code:
            continue
        if code in known:
            if not known[code].is_active:
                detail = _("This item is inactive. A coordinator can activate it in the catalogue.")
                errors.add(rows[place], "item_code", "inactive_item", detail, code)
            continue
        described: ItemTexts = {name: values[name][place] for name in DESCRIBED}
        if code not in firsts:
            firsts[code] = place, described
            category_ids[code] = _category(described["category"], rows[place], errors, context)
        elif _differs(described, firsts[code][1]):
            detail = _("Row %(row)d describes this new item differently.") % {"row": rows[firsts[code][0]]}
            errors.add(rows[place], "item_code", "conflicting_item", detail, code)
        first = firsts[code][1]
        first |= {name: described[name] for name in MAY_BE_OPEN if first[name] in SAYS_NOTHING and described[name]}
    return {
        code: _new_item(place, described, values, category_ids[code]) for code, (place, described) in firsts.items()
    }


def _new_item(place: int, described: ItemTexts, values: Values, category_id: UUID | None) -> NewItem:
    hs6, un_number = ("" if text in SAYS_NOTHING else str(text) for text in map(described.get, MAY_BE_OPEN))
    return {
        "name_en": values["description_en"][place],
        "name_fr": values["description_fr"][place],
        "category_id": category_id,
        "unit": values["unit"][place],
        "unit_weight_kg": values["unit_weight_kg"][place],
        "hs6": hs6,
        "un_number": un_number,
        "is_dangerous": bool(un_number),
    }


def _differs(described: ItemTexts, first: ItemTexts) -> bool:
    """Return whether two rows describe one new item differently. None is a bad cell, which is already reported."""
    both = [(name, value, first[name]) for name, value in described.items() if value != first[name]]
    says_nothing = {name: SAYS_NOTHING if name in MAY_BE_OPEN else (None,) for name in described}
    return any(value not in says_nothing[name] and other not in says_nothing[name] for name, value, other in both)


def _category(name: str | None, row: int, errors: Errors, context: ImportContext) -> UUID | None:
    category_id = context.categories.get((name or "").lower())
    if category_id is None:
        detail = _("The catalogue has no such category. It has: %(known)s.") % {
            "known": ", ".join(sorted(context.categories)) or "-"
        }
        errors.add(row, "category", "unknown_category", detail)
    return category_id
