"""The columns of a manifest spreadsheet, and how their cells are parsed.

A column of 10,000 cells has few distinct values: each is parsed once.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from stdnum import ean

from logistics.codes import codes
from logistics.documents import fonts
from logistics.money import amounts as money
from logistics.text import UnusableText, tidied
from shipments.packing.goods import NOT_DANGEROUS, UNIT_VALUE_MAX, UNKNOWN_ORIGIN
from shipments.packing.models import Condition, Flag

# The values of a sheet by column name, in row order.
Values = dict[str, list[Any]]

BLANK = ""
EXCEL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
ITEM_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,29}")
# The words of the template, always in English: "lightly used".
CONDITIONS = {condition.value.replace("_", " "): condition.value for condition in Condition}
# Packers' words -> our flags. "heavy" follows from the weight; other words become the remark.
HANDLING = {
    "fragile": Flag.FRAGILE,
    "this way up": Flag.THIS_WAY_UP,
    "upright": Flag.THIS_WAY_UP,
    "open first": Flag.OPEN_FIRST,
    "dangerous": Flag.DANGEROUS,
}
# Words for goods that are not dangerous; an empty cell leaves it to the catalogue.
NO_UN_NUMBER = ("NONE", "NO", "NON", "-")
DIGITS_MAX = 15


class BadCell(Exception):
    """A cell with an invalid value; `detail` says what to enter."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


Parser = Callable[[Any], Any]


def number(places: int, *, low: Decimal, high: Decimal, code_low: str) -> Parser:
    """Return a parser for numbers with at most `places` decimals; float noise (0.1 + 0.2) is rounded away."""

    def parse(cell: object) -> Decimal:
        if not isinstance(cell, int | float):
            raise BadCell("not_a_number", _("Enter a number, not text."))
        exact = Decimal(repr(cell))
        if not exact.is_finite():
            raise BadCell("not_a_number", _("Enter a number, not text."))
        if exact.adjusted() > DIGITS_MAX:  # round() refuses more digits than its context has
            raise BadCell("too_large", _("At most %(high)s.") % {"high": high})
        value = round(exact, places)
        if abs(value - exact) > Decimal("1e-9"):
            raise BadCell("too_many_decimals", _("At most %(places)d decimals.") % {"places": places})
        if value < low:
            raise BadCell(code_low, _("At least %(low)s.") % {"low": low})
        if value > high:
            raise BadCell("too_large", _("At most %(high)s.") % {"high": high})
        return value

    return parse


def whole(*, high: int) -> Parser:
    parse_number = number(0, low=Decimal(1), high=Decimal(high), code_low="below_one")

    def parse(cell: object) -> int:
        try:
            return int(parse_number(cell))
        except BadCell as bad:
            if bad.code == "too_many_decimals":
                raise BadCell("not_whole", _("Enter a whole number.")) from None
            raise

    return parse


def as_text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if not isinstance(cell, str):
        raise BadCell("not_text", _("Enter it as text."))
    try:
        text = tidied(cell).strip()
    except UnusableText as unusable:
        raise BadCell(unusable.code, str(unusable)) from None
    if text in EXCEL_ERRORS:
        raise BadCell("formula_error", _("The formula here has an error. Enter the value instead."))
    return text


def heading(cell: object) -> str:
    """Return the name of a column as it is looked up."""
    try:
        return tidied(str(cell)).strip().lower()
    except UnusableText:
        return str(cell)  # no column has this name


def _printed(value: str) -> str:
    if characters := fonts.unprintable(value):
        values = {"characters": " ".join(characters)}
        raise BadCell("not_printable", _("Papers cannot print %(characters)s. Remove these characters.") % values)
    return value


def text(longest: int) -> Parser:
    """Return a parser for text, kept as it is: anything that looks like a formula is text and never evaluated."""

    def parse(cell: object) -> str:
        value = as_text(cell)
        if len(value) > longest:
            raise BadCell("too_long", _("At most %(longest)d characters.") % {"longest": longest})
        return _printed(value)

    return parse


def one_of(known: Callable[[str], bool], code: str, advice: Callable[[], str]) -> Parser:
    def parse(cell: object) -> str:
        value = as_text(cell).upper()
        if not known(value):
            raise BadCell(code, advice())
        return value

    return parse


def item_code(cell: object) -> str:
    value = as_text(cell)
    if not ITEM_CODE.fullmatch(value):
        raise BadCell("bad_item_code", _("A-Z, 0-9, - and _, at most 30."))
    return value


def condition(cell: object) -> str:
    try:
        return CONDITIONS[as_text(cell).lower().replace("-", " ").replace("_", " ")]
    except KeyError:
        raise BadCell(
            "unknown_condition",
            _("One of: %(known)s.") % {"known": ", ".join(known.capitalize() for known in CONDITIONS)},
        ) from None


def country(cell: object) -> str:
    value = as_text(cell).upper()
    if value != UNKNOWN_ORIGIN and value not in codes.countries():
        raise BadCell("unknown_country", _("A two-letter ISO 3166-1 code, e.g. CN; XX if unknown."))
    return value


def sscc(cell: object) -> str:
    value = as_text(cell) if isinstance(cell, str) else ""
    if not re.fullmatch(r"[0-9]{18}", value):
        raise BadCell("bad_sscc", _("18 digits, written as text: Excel rounds long numbers."))
    if ean.calc_check_digit(value[:-1]) != value[-1]:
        raise BadCell("bad_check_digit", _("The check digit of the SSCC is wrong."))
    return value


def un_number(cell: object) -> str:
    value = as_text(cell).upper()
    if value in NO_UN_NUMBER:
        return NOT_DANGEROUS
    value = value.removeprefix("UN").strip()
    if not re.fullmatch(r"[0-9]{4}", value):
        raise BadCell("bad_un_number", _("Four digits, e.g. UN3481; none if the goods are not dangerous."))
    return value


def yes_or_no(cell: object) -> bool:
    value = as_text(cell).lower()
    if value in ("yes", "y", "true", "oui", "1"):
        return True
    if value in ("no", "n", "false", "non", "0"):
        return False
    raise BadCell("not_yes_or_no", _("Enter yes or no."))


def serials(cell: object) -> tuple[str, ...]:
    found = [part.strip() for part in re.split(r"[;,\n]", _printed(as_text(cell))) if part.strip()]
    if any(len(part) > 60 for part in found):
        raise BadCell("too_long", _("At most %(longest)d characters.") % {"longest": 60})
    return tuple(found)


def handling(cell: object) -> tuple[tuple[str, ...], str]:
    """Split "fragile; keep dry" into flags and the words that remain."""
    words = [part.strip() for part in _printed(as_text(cell)).split(";") if part.strip()]
    flags = [HANDLING[word.lower()].value for word in words if word.lower() in HANDLING]
    rest = "; ".join(word for word in words if word.lower() not in HANDLING and word.lower() != "heavy")
    if len(rest) > 200:
        raise BadCell("too_long", _("At most %(longest)d characters.") % {"longest": 200})
    return tuple(dict.fromkeys(flags)), rest


@dataclass(frozen=True)
class Column:
    """One column of the sheet. A package column is set in a package's first row; later rows repeat it or are blank."""

    name: str
    parse: Parser
    required: bool = False
    of_package: bool = False
    default: object = ""
    help: str = ""
    shows_value: bool = True  # in errors: codes and figures may be shown, free text may not


KG, CM = Decimal("999999.999"), Decimal("3000.0")
weight = number(3, low=Decimal("0.001"), high=KG, code_low="not_positive")
length = number(1, low=Decimal("0.1"), high=CM, code_low="not_positive")
COLUMNS = {
    column.name: column
    for column in (
        Column("package_no", whole(high=100_000), required=True, of_package=True, help="1 to N without gaps"),
        Column("marks", text(60), of_package=True, help="Shipping marks", shows_value=False),
        Column("sscc", sscc, of_package=True, help="18 digits, as text"),
        Column(
            "package_type",
            one_of(
                lambda code: code in codes.package_kinds(),
                "unknown_package_kind",
                lambda: _("A UN/ECE Rec 21 code: CT carton, PK package, PX pallet, BL bale."),
            ),
            required=True,
            of_package=True,
            help="UN/ECE Rec 21: CT carton, PK package, PX pallet, BL bale",
        ),
        Column("length_cm", length, of_package=True, default=None, help="1 decimal"),
        Column("width_cm", length, of_package=True, default=None, help="1 decimal"),
        Column("height_cm", length, of_package=True, default=None, help="1 decimal"),
        Column("gross_kg", weight, required=True, of_package=True, help="3 decimals"),
        Column("gross_measured", yes_or_no, of_package=True, default=False, help="yes: weighed on a scale"),
        Column("net_kg", weight, of_package=True, default=None, help="Optional: compared with the lines"),
        Column(
            "destination_site",
            text(4),
            of_package=True,
            help="The label of one of the shipment's sites: A",
            shows_value=False,
        ),
        Column(
            "handling",
            handling,
            of_package=True,
            default=((), ""),
            help="fragile; this way up; open first",
            shows_value=False,
        ),
        Column("line_no", whole(high=1_000_000), default=None, help="Optional: a running number"),
        Column(
            "item_code",
            item_code,
            required=True,
            help="A-Z, 0-9, - and _",
        ),
        Column("description_en", text(200), required=True, help="As printed on papers", shows_value=False),
        Column("description_fr", text(200), help="Needed for French-speaking partners", shows_value=False),
        Column("category", text(100), help="From the catalogue; needed for items not in it", shows_value=False),
        Column("quantity", whole(high=1_000_000), required=True, help="Whole number"),
        Column(
            "unit",
            one_of(codes.is_unit, "unknown_unit", lambda: _("A UN/ECE Rec 20 code: H87 piece, SET set, PR pair, KGM.")),
            required=True,
            help="UN/ECE Rec 20: H87 piece, SET set, PR pair, KGM kilogram, XBX box",
        ),
        Column("unit_weight_kg", weight, required=True, help="Net, of one unit, 3 decimals"),
        Column(
            "hs6",
            one_of(codes.is_hs6, "unknown_hs_code", lambda: _("Six digits of the Harmonized System 2022, as text.")),
            help="Six digits, as text; empty: from the catalogue. Needed for items not in it",
        ),
        Column("condition", condition, required=True, help="New, Like new, Lightly used, Heavily used, Mixed"),
        Column("grade", text(1), help="A, B, C"),
        Column(
            "country_of_origin",
            country,
            help="ISO 3166-1: CN; XX unknown or several; empty: from the catalogue",
        ),
        Column(
            "un_number",
            un_number,
            help="Dangerous goods: UN3481; none: not dangerous; empty: from the catalogue",
        ),
        Column("serial_numbers", serials, default=(), help="Separated by ;", shows_value=False),
        Column("remark", text(200), help="Printed on papers", shows_value=False),
    )
}
VALUE_PREFIX = "unit_value_"  # unit_value_hkd: in the shipment's customs currency


def value_column(currency: str) -> Column:
    """Return the column for the customs value of one unit; parsed to minor units of the currency in its name."""
    exponent = codes.currencies()[currency].exponent
    parse_amount = number(exponent, low=Decimal(0), high=Decimal(UNIT_VALUE_MAX), code_low="negative")

    def parse(cell: object) -> int:
        return money.to_minor(parse_amount(cell), currency)

    name = f"{VALUE_PREFIX}{currency.lower()}"
    return Column(name, parse, required=True, help=f"Customs value of one unit, in {currency}")


def convert(column: Column, cells: Sequence[object]) -> tuple[list[object], dict[object, BadCell]]:
    """Return the column's values, with its default for blanks, and the error of each bad cell."""
    known: dict[object, object] = {}
    bad: dict[object, BadCell] = {}
    for cell in _distinct(cells):
        if cell == BLANK or (isinstance(cell, str) and not cell.strip()):
            known[cell] = column.default
            if column.required and not column.of_package:
                bad[cell] = BadCell("required", _("This is required."))
            continue
        try:
            known[cell] = column.parse(cell)
        except BadCell as error:
            known[cell], bad[cell] = None, error
    return [known[cell] for cell in cells], bad


def _distinct(cells: Sequence[object]) -> Iterable[object]:
    # dict, not set: keeps the order of the sheet, so that errors are reported in a stable order.
    return dict.fromkeys(cells)


def hashable(cells: Sequence[object]) -> Sequence[object]:
    """Return the cells with booleans as strings, because in Python True == 1."""
    return (
        [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells] if bool in map(type, cells) else cells
    )
