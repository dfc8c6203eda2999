"""The goods of a manifest line, and the values that it takes from the catalogue."""

import re
from decimal import Decimal
from typing import Protocol, TypedDict, Unpack

from django.utils.translation import gettext as _

from logistics.catalogue.models import Item
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import Invalid
from shipments.packing.models import ManifestLine, Package

# The value of one piece, in whole units of the customs currency; for the API and spreadsheets alike.
UNIT_VALUE_MAX = 10**9
# Far above any real line, but low enough that no sum overflows its column.
LINE_VALUE_MAX_MINOR = 10**13
LINE_MAX_KG = 999_999
# Explicit "none" on a line; an empty value is taken from the catalogue.
NOT_DANGEROUS = "none"
UNKNOWN_ORIGIN = "XX"
# What one of a unit of weight weighs, in kg with three places (UN/ECE Rec 20).
WEIGHS = {
    "KGM": Decimal("1.000"),
    "GRM": Decimal("0.001"),
    "HGM": Decimal("0.100"),
    "DTN": Decimal("100.000"),
    "TNE": Decimal("1000.000"),
    "LBR": Decimal("0.454"),
    "ONZ": Decimal("0.028"),
}
# How many of its four facts may differ before a line is asked about.
UNLIKE = 3


class LineFields(TypedDict, total=False):
    """The fields of a line as entered. Omitted fields are taken from the item."""

    item: Item
    quantity: int
    unit: str
    unit_weight_kg: Decimal | None
    unit_value_minor: int
    description_en: str
    description_fr: str
    hs6: str | None
    origin: str | None
    un_number: str | None
    condition: str
    grade: str
    serials: list[str]
    remark: str


def new_line(package: Package, *, position: int, **fields: Unpack[LineFields]) -> ManifestLine:
    """Return an unsaved line; omitted fields are taken from the item.

    Dangerous goods get the catalogue's UN number unless the line says NOT_DANGEROUS. Raises Invalid, also for a UN
    number that differs from the catalogue's.
    """
    item = fields["item"]
    values = _of_item(item) | fields
    values |= resolve_codes(item, values)
    line = ManifestLine(package=package, shipment_id=package.shipment_id, position=position, **values)
    check(line)
    return line


def changes(line: ManifestLine, edits: LineFields) -> LineFields:
    """Return the fields to set for a change to a line.

    With another item, omitted fields are taken from the new item. HS code, origin and UN number sent empty are
    taken from the catalogue again. Raises Invalid as new_line does.
    """
    item = edits.get("item", line.item)
    wanted = edits if item.pk == line.item_id else _of_item(item) | edits
    return wanted | resolve_codes(item, wanted)


def _of_item(item: Item) -> LineFields:
    return {
        "description_en": item.name_en,
        "description_fr": item.name_fr,
        "unit": item.unit,
        "unit_weight_kg": item.unit_weight_kg,
        "hs6": None,
        "origin": None,
        "un_number": None,
    }


def resolve_codes(item: Item, values: LineFields) -> LineFields:
    """Return HS code, origin and UN number, if present in `values`: the line's own value, else its item's.

    A line keeps these values when the catalogue changes later. Raises Invalid if the line's UN number differs from
    the catalogue's: one of the two is wrong, and the carrier would load the goods by it.
    """
    kept: LineFields = {}
    if "hs6" in values:
        kept["hs6"] = values["hs6"] or item.hs6
    if "origin" in values:
        origin = values["origin"] or item.origin
        kept["origin"] = "" if origin == UNKNOWN_ORIGIN else origin
    if "un_number" in values:
        un_number = values["un_number"] or item.un_number
        if un_number != NOT_DANGEROUS and item.un_number not in ("", un_number):
            raise Invalid(other_un_number(item.code, item.un_number), field="un_number", code="conflicting_un_number")
        kept["un_number"] = "" if un_number == NOT_DANGEROUS else un_number
    return kept


def other_un_number(item_code: str, un_number: str) -> str:
    """Return the message for a line that contradicts the catalogue's UN number."""
    return _(
        "The catalogue has UN%(un_number)s for %(item)s. Correct the line or the catalogue; goods with another UN"
        " number are a different item."
    ) % {"un_number": un_number, "item": item_code}


class KnownItem(Protocol):
    """What the catalogue says of an item."""

    @property
    def name_en(self) -> str: ...
    @property
    def name_fr(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def hs6(self) -> str: ...
    @property
    def unit_weight_kg(self) -> Decimal | None: ...


def wrong_unit_weight(unit: str, unit_weight_kg: Decimal | None) -> str:
    """Return why a unit weight contradicts a unit of weight (25 KGM of 2 kg each: 25 kg or 50?), or ""."""
    weighs = WEIGHS.get(unit)
    if weighs is None or unit_weight_kg is None or unit_weight_kg == weighs:
        return ""
    return _(
        "The unit %(unit)s weighs %(weighs)s kg, the line says %(line)s kg. Correct the unit weight, or count in"
        " pieces."
    ) % {"unit": unit, "weighs": weighs.normalize(), "line": unit_weight_kg}


def unlike_its_item(
    item: KnownItem, *, unit: str, hs6: str | None, unit_weight_kg: Decimal | None, description: str
) -> bool:
    """Return whether a line is so unlike its item that the code is probably wrong.

    Each single difference is common: another model, another reading of the customs tariff. Three of unit, HS code,
    weight (twice as much, or half) and words are not.
    """
    known, given = item.unit_weight_kg, unit_weight_kg
    differences = [
        unit != item.unit,
        bool(hs6 and item.hs6) and hs6 != item.hs6,
        known is not None and given is not None and not known / 2 <= given <= known * 2,
        bool(description) and not _words(description) & (_words(item.name_en) | _words(item.name_fr)),
    ]
    return sum(differences) >= UNLIKE


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


def unlike_message(code: str, item: KnownItem) -> str:
    """Return the question that is asked back."""
    weight = f", {item.unit_weight_kg} kg" if item.unit_weight_kg else ""
    known = f"{item.name_en}, {item.unit}, HS {item.hs6 or '–'}{weight}"
    return _("Is this really %(code)s? In the catalogue that is: %(known)s. Correct the item code or the line.") % {
        "code": code,
        "known": known,
    }


def check(line: ManifestLine) -> None:
    """Raise Invalid for unknown codes, contradictions, excessive amounts and weights, and unprintable text."""
    fonts.check({name: getattr(line, name) for name in ("description_en", "description_fr", "serials", "remark")})
    if line.quantity * line.unit_value_minor > LINE_VALUE_MAX_MINOR:
        raise Invalid(
            _("The line value is too large. Check the quantity and the unit value."),
            field="unit_value",
            code="too_large",
        )
    if line.unit_weight_kg is not None and line.quantity * line.unit_weight_kg > LINE_MAX_KG:
        raise Invalid(
            _("The line weight is too large. Check the quantity and the unit weight."),
            field="unit_weight_kg",
            code="too_large",
        )
    if contradiction := wrong_unit_weight(line.unit, line.unit_weight_kg):
        raise Invalid(contradiction, field="unit_weight_kg", code="contradicts_unit")
    if unlike_its_item(
        line.item,
        unit=line.unit,
        hs6=line.hs6,
        unit_weight_kg=line.unit_weight_kg,
        description=line.description_en,
    ):
        raise Invalid(unlike_message(line.item.code, line.item), field="item", code="unlike_catalogue")
    if not codes.is_unit(line.unit):
        raise Invalid(
            _("%(unit)s is not a UN/ECE Rec 20 unit code.") % {"unit": line.unit}, field="unit", code="unknown_code"
        )
    if not codes.is_hs6(line.hs6):
        raise Invalid(
            _("Six digits of the Harmonized System 2022 are needed, e.g. 940320."), field="hs6", code="unknown_code"
        )
    codes.check("origin", line.origin, codes.countries())
