"""The columns of a manifest spreadsheet: what each may hold, and how a cell becomes a value.

A column of 10,000 cells has few different values: each is judged once.
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
from shipments.packing.goods import NOT_DANGEROUS, UNIT_VALUE_MAX, UNKNOWN_ORIGIN
from shipments.packing.models import Condition, Flag

# Of a sheet: by the name of each column, its values in the order of the rows.
Values = dict[str, list[Any]]

BLANK = ""
EXCEL_ERRORS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ITEM_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,29}")
# The template's words, which are English whatever the reader's language: "lightly used".
CONDITIONS = {condition.value.replace("_", " "): condition.value for condition in Condition}
# The words of packers -> our flags. Heavy follows from the weight; other words become the remark.
HANDLING = {
    "fragile": Flag.FRAGILE,
    "this way up": Flag.THIS_WAY_UP,
    "upright": Flag.THIS_WAY_UP,
    "open first": Flag.OPEN_FIRST,
    "dangerous": Flag.DANGEROUS,
}
# Words that say that goods are not dangerous; an empty cell leaves it to the catalogue.
NO_UN_NUMBER = ("NONE", "NO", "NON", "-")
DIGITS_MAX = 15


class BadCell(Exception):
    """A cell that its column cannot hold; `code` and a detail that says what to write."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


Parser = Callable[[Any], Any]


def number(places: int, *, low: Decimal, high: Decimal, code_low: str) -> Parser:
    """A number with so many decimals at most; floats of the spreadsheet (0.1 + 0.2) count as what they mean."""

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
    text = cell.strip()
    if text in EXCEL_ERRORS:
        raise BadCell("formula_error", _("The formula here has an error. Enter the value instead."))
    if CONTROL.search(text):
        raise BadCell("control_characters", _("The text has invisible control characters. Retype it."))
    return text


def _printed(value: str) -> str:
    if characters := fonts.unprintable(value):
        told = {"characters": " ".join(characters)}
        raise BadCell("not_printable", _("Papers cannot print %(characters)s. Remove these characters.") % told)
    return value


def text(longest: int) -> Parser:
    """Words, kept exactly as they are: what looks like a formula is text, and is never evaluated."""

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
    """One column of the sheet. Columns of a package say the same in each of its rows, or nothing after the first."""

    name: str
    parse: Parser
    required: bool = False
    of_package: bool = False
    default: object = ""
    help: str = ""
    shows_value: bool = True  # in errors; words may say anything, codes and figures may be shown


KG, CM = Decimal("999999.999"), Decimal("3000.0")
weight = number(3, low=Decimal("0.001"), high=KG, code_low="not_positive")
length = number(1, low=Decimal("0.1"), high=CM, code_low="not_positive")
COLUMNS = {
    column.name: column
    for column in (
        Column("package_no", whole(high=100_000), required=True, of_package=True, help="1 to N without gap"),
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
        Column("gross_measured", yes_or_no, of_package=True, default=False, help="yes: it stood on a scale"),
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
        Column("description_en", text(200), required=True, help="As papers shall say it", shows_value=False),
        Column("description_fr", text(200), help="Needed for French-speaking partners", shows_value=False),
        Column("category", text(100), help="Of the catalogue; needed for items that it has not", shows_value=False),
        Column("quantity", whole(high=1_000_000), required=True, help="Whole"),
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
            help="Six digits, as text; empty: as the catalogue says. Needed for items that it has not",
        ),
        Column("condition", condition, required=True, help="New, Like new, Lightly used, Heavily used, Mixed"),
        Column("grade", text(1), help="A, B, C"),
        Column(
            "country_of_origin",
            country,
            help="ISO 3166-1: CN; XX unknown or several; empty: as the catalogue says",
        ),
        Column(
            "un_number",
            un_number,
            help="Dangerous goods: UN3481; none: not dangerous; empty: as the catalogue says",
        ),
        Column("serial_numbers", serials, default=(), help="Apart by ;", shows_value=False),
        Column("remark", text(200), help="Stands on the papers", shows_value=False),
    )
}
VALUE_PREFIX = "unit_value_"  # unit_value_hkd: in the shipment's customs currency


def value_column(currency: str) -> Column:
    """The customs value of one unit, in the currency that its name says; as minor units."""
    exponent = codes.currencies()[currency].exponent
    parse_amount = number(exponent, low=Decimal(0), high=Decimal(UNIT_VALUE_MAX), code_low="negative")

    def parse(cell: object) -> int:
        return int(parse_amount(cell).scaleb(exponent))

    name = f"{VALUE_PREFIX}{currency.lower()}"
    return Column(name, parse, required=True, help=f"Customs value of one unit, in {currency}")


def convert(column: Column, cells: Sequence[object]) -> tuple[list[object], dict[object, BadCell]]:
    """Return the column's values, blanks as its default, and what is wrong with each cell that is wrong."""
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
    # dict, not set: in the order of the sheet, so that errors come out the same each time.
    return dict.fromkeys(cells)


def hashable(cells: Sequence[object]) -> Sequence[object]:
    """Return the cells with true and false as words: Python takes True and 1 for the same."""
    return (
        [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells] if bool in map(type, cells) else cells
    )
