"""Fill in what the rows of a sheet leave open from the catalogue."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, TypedDict
from uuid import UUID

from django.utils.translation import gettext as _

from logistics.catalogue.models import Item
from shipments.imports.columns import Values
from shipments.imports.errors import Errors
from shipments.packing import goods

COLUMNS = {"hs6": "hs6", "origin": "country_of_origin", "un_number": "un_number"}  # field of Facts -> column
NONE = (goods.NOT_DANGEROUS, goods.UNKNOWN_ORIGIN)  # explicit "none"; an empty cell leaves it to the catalogue
NOTICES_SHOWN = 100


class NewItem(TypedDict):
    """The fields of an item that is not in the catalogue. None: a bad cell, which is reported."""

    name_en: str
    name_fr: str
    category_id: UUID | None
    unit: str
    unit_weight_kg: Decimal | None
    hs6: str
    un_number: str
    is_dangerous: bool


class Facts(NamedTuple):
    """The catalogue's values for an item that a line may leave open."""

    hs6: str
    origin: str
    un_number: str
    is_active: bool = True
    is_new: bool = False
    name_en: str = ""
    name_fr: str = ""
    unit: str = ""
    unit_weight_kg: Decimal | None = None

    @classmethod
    def of_new(cls, item: NewItem) -> "Facts":
        """Return the facts of an item that the sheet introduces; only its lines have an origin."""
        return cls(item["hs6"], "", item["un_number"], is_new=True)


class GoodsOfRow(NamedTuple):
    """What a row says of its goods; the fields are columns."""

    item_code: str
    unit: str
    hs6: str
    unit_weight_kg: Decimal | None
    description_en: str | None


def read(item_codes: Iterable[str | None]) -> dict[str, Facts]:
    """Return the catalogue's facts of these items, by code; unknown items are left out."""
    wanted = list(dict.fromkeys(code for code in item_codes if code))
    items = Item.objects.filter(code__in=wanted).values("code", *(name for name in Facts._fields if name != "is_new"))
    return {item.pop("code"): Facts(**item) for item in items}


def fill(
    values: Values,
    rows: Sequence[int],
    errors: Errors,
    facts: Mapping[str, Facts],
    *,
    has_hs6: bool,
) -> list[dict[str, object]]:
    """Fill in the catalogue's HS code, origin and UN number where a row leaves them open.

    A UN number that differs from the catalogue's is an error. A row that says "none" for dangerous goods is accepted
    and returned as a notice. `has_hs6`: whether the sheet has that column.
    """
    notices: list[dict[str, object]] = []
    lacks_hs6: list[int] = []
    said = list(map(GoodsOfRow._make, zip(*(values[name] for name in GoodsOfRow._fields), strict=True)))
    # Rows that say the same are compared once: a sheet has few kinds of goods.
    contradictions = {
        row: list(_contradictions(row, facts[row.item_code])) for row in {*said} if row.item_code in facts
    }
    for place, code in enumerate(values["item_code"]):
        if code not in facts:
            continue
        known, row = facts[code], rows[place]
        un_number = values["un_number"][place]
        if un_number == goods.NOT_DANGEROUS:
            if known.un_number and len(notices) < NOTICES_SHOWN:
                notices.append(_not_dangerous(row, code, known.un_number))
        # Contradicting rows of one new item are reported by new_items.
        elif un_number and known.un_number not in ("", un_number) and not known.is_new:
            errors.add(
                row, "un_number", "conflicting_un_number", goods.other_un_number(code, known.un_number), un_number
            )
        if values["hs6"][place] == "" and not known.hs6:
            lacks_hs6.append(row)
        for error in contradictions[said[place]]:
            errors.add(row, *error)
        for of_item, column in COLUMNS.items():
            value = values[column][place]
            if value == "":
                values[column][place] = getattr(known, of_item)
            elif value in NONE:
                values[column][place] = ""
    if lacks_hs6 and not has_hs6:
        errors.add(1, "hs6", "missing_column", _("This column is required."))
        return notices
    for row in lacks_hs6:
        errors.add(row, "hs6", "required", _("This is required."))
    return notices


def _contradictions(said: GoodsOfRow, known: Facts) -> Iterator[tuple[str, str, str, object]]:
    """Yield column, code, message and value for a unit weight unlike its unit, and for goods unlike their item."""
    unit, weight = said.unit, said.unit_weight_kg
    if contradiction := goods.wrong_unit_weight(unit, weight):
        yield "unit_weight_kg", "contradicts_unit", contradiction, weight
    if known.is_new or not unit:
        return
    if goods.unlike_its_item(
        known, unit=unit, hs6=said.hs6, unit_weight_kg=weight, description=said.description_en or ""
    ):
        yield "item_code", "unlike_catalogue", goods.unlike_message(said.item_code, known), said.item_code


def _not_dangerous(row: int, code: str, un_number: str) -> dict[str, object]:
    detail = _(
        "The row says that %(item)s is not dangerous; the catalogue says UN%(un_number)s. Papers will not declare it."
    )
    return {
        "row": row,
        "column": "un_number",
        "code": "not_dangerous",
        "detail": detail % {"item": code, "un_number": un_number},
    }


def changed(facts: Mapping[str, Facts]) -> bool:
    """Return whether the catalogue has changed since the rows were filled from it."""
    now = read(facts)
    return any(now[code][:3] != used[:3] for code, used in facts.items() if code in now)
