"""From the cells of a sheet to packages and lines that fit the shipment, or to every reason why they do not."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from logistics.catalogue.models import Category
from shipments.imports import catalogue
from shipments.imports.columns import COLUMNS, VALUE_PREFIX, Column, convert, hashable, value_column
from shipments.imports.workbook import SHEET, NoValue, Sheet
from shipments.packing.goods import LINE_VALUE_MAX_MINOR, NOT_DANGEROUS
from shipments.packing.totals import THREE_PLACES
from shipments.shipments.contents import Totals
from shipments.shipments.models import Shipment
from shipments.shipments.serializers import ShownTotals, TotalsOut

ERRORS_SHOWN = 500
CURRENCY_COLUMN = re.compile(VALUE_PREFIX + "[a-z]{3}")
MAY_BE_OPEN = ("hs6", "un_number")  # what one row of a new item may leave to another one
SAYS_NOTHING = (None, "", NOT_DANGEROUS)
OF_PACKAGE = [column.name for column in COLUMNS.values() if column.of_package and column.name != "package_no"]


@dataclass(frozen=True)
class Around:
    """What the sheet must fit: the shipment, its sites, what is packed already, the catalogue."""

    shipment: Shipment
    first_number: int
    sites: dict[str, Any]  # label -> id of the shipment's site
    categories: dict[str, Any]  # lower-case name -> id

    @classmethod
    def of(cls, shipment: Shipment, *, replace: bool) -> "Around":
        last = 0 if replace else shipment.packages.aggregate(last=Max("number"))["last"] or 0
        return cls(
            shipment,
            last + 1,
            dict(shipment.sites.values_list("label", "id")),
            {name.lower(): pk for name, pk in Category.objects.values_list("name_en", "id")},
        )


@dataclass
class Errors:
    """Why a sheet is refused. Errors are kept and shown: nothing in them may be a word of somebody's own."""

    sheet: str
    shown: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0

    def add(self, row: int | None, column: str, code: str, detail: str, value: object = "") -> None:
        """Note one more reason; beyond ERRORS_SHOWN they are only counted."""
        self.count += 1
        if len(self.shown) < ERRORS_SHOWN:
            said = "" if value is None else str(value)[:40]
            # The only sheet may have any name, a shelter's too.
            sheet = self.sheet if self.sheet.strip().lower() == SHEET else ""
            self.shown.append(
                {"sheet": sheet, "row": row, "column": column, "value": said, "code": code, "detail": detail}
            )


@dataclass
class Plan:
    """What would be written: values by column, in the order of the sheet's rows."""

    rows: list[int]  # row numbers of the sheet
    values: dict[str, list[Any]]
    packages: dict[int, list[int]]  # package number -> places of its rows, first one first
    new_items: dict[str, dict[str, Any]]  # code -> fields
    known_items: int
    # What the catalogue said, or will say of its new items, and the lines took where they left it open.
    catalogue: dict[str, catalogue.Facts]
    notices: list[dict[str, Any]]  # what is imported all the same, and somebody should know
    totals: Totals
    currency: str

    def told(self, *, replaces: int) -> dict[str, Any]:
        """Return what would happen, as the API shows it."""
        value = self.totals
        return {
            "packages": value.package_count,
            "first_package": min(self.packages),
            "last_package": max(self.packages),
            "lines": value.line_count,
            "replaces_packages": replaces,
            "items_in_catalogue": self.known_items,
            "items_to_create": [{"code": code, "name_en": item["name_en"]} for code, item in self.new_items.items()],
            "notices": self.notices,
            "totals": dict(TotalsOut(ShownTotals(value, self.currency)).data),
        }


def make(
    sheet: Sheet,
    cells_without_value: Sequence[NoValue],
    around: Around,
    *,
    progress: Callable[[int], None] = lambda percent: None,
) -> tuple[Plan | None, Errors]:
    """Judge the whole sheet. The plan is None exactly where there are errors."""
    errors = Errors(sheet.name)
    columns = _columns(sheet, around.shipment.customs_currency, errors)
    for cell in cells_without_value:
        named = columns[cell.column] if cell.column < len(columns) else None
        errors.add(cell.row, named.name if named else f"#{cell.column + 1}", *cell.reason())
    if errors.count:
        return None, errors
    rows = [number for number, _cells in sheet.rows]
    values = _values(sheet, columns, rows, errors, progress)
    packages = _packages(values, rows, errors, around)
    known = catalogue.read(values["item_code"])
    new_items = _new_items(values, rows, errors, around, known)
    facts = known | {code: catalogue.Facts.of_new(item) for code, item in new_items.items()}
    has_hs6 = any(column is not None and column.name == "hs6" for column in columns)
    notices = catalogue.fill(values, rows, errors, facts, has_hs6=has_hs6)
    _not_too_much(values, rows, errors)
    progress(80)
    if errors.count:
        return None, errors
    totals = _totals(values, packages)
    currency = around.shipment.customs_currency
    return Plan(rows, values, packages, new_items, len(known), facts, notices, totals, currency), errors


def _columns(sheet: Sheet, currency: str, errors: Errors) -> list[Column | None]:
    """Match the header; None stands for a column without a name and without cells, or with an error."""
    known = COLUMNS | {value_column(currency).name: value_column(currency)}
    found: list[Column | None] = []
    for place, cell in enumerate(sheet.header):
        name = str(cell).strip().lower()
        if not name and all(place >= len(row) or row[place] == "" for _number, row in sheet.rows):
            found.append(None)
        elif name in known and known[name] in found:
            found.append(None)
            errors.add(1, name, "duplicate_column", _("This column appears twice."))
        elif name in known:
            found.append(known[name])
        elif CURRENCY_COLUMN.fullmatch(name):
            advice = _("The shipment's customs currency is %(currency)s.") % {"currency": currency}
            found.append(None)
            errors.add(1, name, "wrong_currency", advice)
        else:
            advice = _("Unknown column. See the template for all columns.")
            found.append(None)
            errors.add(1, f"#{place + 1}", "unknown_column", advice)
    for column in known.values():
        if column.required and column not in found:
            errors.add(1, column.name, "missing_column", _("This column is required."))
    return found


def _values(
    sheet: Sheet, columns: list[Column | None], rows: list[int], errors: Errors, progress: Callable[[int], None]
) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    bare = _rows_without_goods(sheet, columns)
    for place, cells in enumerate(zip(*(row for _number, row in sheet.rows), strict=True)):
        column = columns[place]
        if column is None:
            continue
        told = hashable(cells)
        values[column.name], bad = convert(column, told)
        for row, cell in zip(rows, told, strict=True) if bad else ():
            error = bad.get(cell)
            if error and not (error.code == "required" and row in bare):
                errors.add(row, column.name, error.code, error.detail, cell if column.shows_value else "")
        progress(30 + 40 * place // len(columns))
    for column in COLUMNS.values():
        values.setdefault(column.name, [column.default] * len(rows))
    return values


def _rows_without_goods(sheet: Sheet, columns: list[Column | None]) -> set[int]:
    """Return the numbers of rows that name a package and nothing in it: one error is enough for them."""
    of_line = [p for p, column in enumerate(columns) if column and column.required and not column.of_package]
    return {number for number, row in sheet.rows if all(row[place] == "" for place in of_line)}


def _packages(values: dict[str, list[Any]], rows: list[int], errors: Errors, around: Around) -> dict[int, list[int]]:
    """Gather the rows of each package, and judge what only the whole package can tell."""
    packages: dict[int, list[int]] = defaultdict(list)
    previous = None
    for place, number in enumerate(values["package_no"]):
        if number == COLUMNS["package_no"].default:
            errors.add(rows[place], "package_no", "line_without_package", _("Which package is this line in?"))
        elif number is not None:
            if number != previous and number in packages:
                first = rows[packages[number][0]]
                detail = _("Package %(number)d is already in row %(row)d.") % {"number": number, "row": first}
                errors.add(rows[place], "package_no", "duplicate_package", detail, number)
            packages[number].append(place)
        previous = number
    _contiguous(packages, rows, errors, around)
    for places in packages.values():
        _same_in_all_rows(places, values, rows, errors)
    for number, places in packages.items():
        _weighs_up(number, places, values, rows, errors)
        if not any(values["item_code"][place] or values["quantity"][place] for place in places):
            detail = _("Package %(number)d has no goods.") % {"number": number}
            errors.add(rows[places[0]], "item_code", "package_without_lines", detail, number)
    _destinations(packages, values, rows, errors, around)
    _no_sscc_twice(packages, values, rows, errors)
    return dict(packages)


def _contiguous(packages: dict[int, list[int]], rows: list[int], errors: Errors, around: Around) -> None:
    expected = around.first_number
    for number in sorted(packages):
        row = rows[packages[number][0]]
        if number < expected:
            detail = _("Package %(number)d is already in the shipment.") % {"number": number}
            errors.add(row, "package_no", "package_exists", detail, number)
            continue
        if number > expected:
            detail = _("The number before it must be %(before)d.") % {"before": number - 1}
            errors.add(row, "package_no", "numbers_not_contiguous", detail, number)
        expected = number + 1


def _same_in_all_rows(places: list[int], values: dict[str, list[Any]], rows: list[int], errors: Errors) -> None:
    """What is said of a package is said in its first row; later rows repeat it or are blank."""
    first, *later = places
    for name in ("package_type", "gross_kg"):
        if values[name][first] == COLUMNS[name].default:
            errors.add(rows[first], name, "required", _("This is required."))
    for place in later:
        for name in OF_PACKAGE:
            value = values[name][place]
            if value != values[name][first] and value != COLUMNS[name].default and value is not None:
                detail = _("Row %(row)d says something else about this package.") % {"row": rows[first]}
                errors.add(rows[place], name, "conflicting_package", detail)


def _weighs_up(number: int, places: list[int], values: dict[str, list[Any]], rows: list[int], errors: Errors) -> None:
    first = places[0]
    net = Decimal(0)
    for place in places:
        quantity, weight = values["quantity"][place], values["unit_weight_kg"][place]
        if not quantity or not weight:
            return  # said already
        net += quantity * weight
    gross, said = values["gross_kg"][first], values["net_kg"][first]
    told = {"number": number, "net": f"{net:.3f}"}
    if gross and gross < net:
        detail = _("The goods of package %(number)d weigh %(net)s kg, more than the package.") % told
        errors.add(rows[first], "gross_kg", "gross_below_net", detail, gross)
    if said and said != net:
        detail = _("The lines of package %(number)d weigh %(net)s kg together.") % told
        errors.add(rows[first], "net_kg", "net_mismatch", detail, said)
    sizes = [values[name][first] for name in ("length_cm", "width_cm", "height_cm")]
    if None in sizes and any(sizes):
        errors.add(rows[first], "length_cm", "incomplete", _("Give all three dimensions or none."))


def _destinations(
    packages: dict[int, list[int]], values: dict[str, list[Any]], rows: list[int], errors: Errors, around: Around
) -> None:
    for places in packages.values():
        label = values["destination_site"][places[0]]
        if not label and len(around.sites) > 1:
            errors.add(rows[places[0]], "destination_site", "required", _("This is required."))
        elif label and label.upper() not in around.sites:
            detail = _("The shipment's sites have the labels %(labels)s.") % {
                "labels": ", ".join(sorted(around.sites)) or "-"
            }
            errors.add(rows[places[0]], "destination_site", "unknown_site", detail)


def _no_sscc_twice(
    packages: dict[int, list[int]], values: dict[str, list[Any]], rows: list[int], errors: Errors
) -> None:
    seen: dict[str, int] = {}
    for places in packages.values():
        sscc, row = values["sscc"][places[0]], rows[places[0]]
        if sscc and sscc in seen:
            detail = _("Row %(row)d has the same SSCC.") % {"row": seen[sscc]}
            errors.add(row, "sscc", "duplicate_sscc", detail, sscc)
        elif sscc:
            seen[sscc] = row


def _new_items(
    values: dict[str, list[Any]], rows: list[int], errors: Errors, around: Around, known: dict[str, catalogue.Facts]
) -> dict[str, dict[str, Any]]:
    """Describe the items that the catalogue has not, from the first row that names each.

    Where that row leaves HS code or UN number open, a later row may say it.
    """
    new: dict[str, dict[str, Any]] = {}
    for place, code in enumerate(values["item_code"]):
        if not code:
            continue
        if code in known:
            if not known[code].is_active:
                detail = _("This item is inactive. A coordinator can activate it in the catalogue.")
                errors.add(rows[place], "item_code", "inactive_item", detail, code)
            continue
        told = {name: values[name][place] for name in ("description_en", "category", "unit", *MAY_BE_OPEN)}
        if code not in new:
            new[code] = _new_item(place, values) | {"told": told, "row": rows[place]}
            _has_category(new[code], rows[place], errors, around)
        elif _differs(told, new[code]["told"]):
            detail = _("Row %(row)d describes this new item differently.") % {"row": new[code]["row"]}
            errors.add(rows[place], "item_code", "conflicting_item", detail, code)
        first = new[code]["told"]
        first |= {name: told[name] for name in MAY_BE_OPEN if first[name] in SAYS_NOTHING and told[name]}
    for item in new.values():
        told = item.pop("told")
        for name in MAY_BE_OPEN:
            item[name] = "" if told[name] in SAYS_NOTHING else told[name]
        del item["row"]
        item["is_dangerous"] = bool(item["un_number"])
    return new


def _new_item(place: int, values: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        "name_en": values["description_en"][place],
        "name_fr": values["description_fr"][place],
        "category": values["category"][place],
        "unit": values["unit"][place],
        "unit_weight_kg": values["unit_weight_kg"][place],
    }


def _differs(told: dict[str, Any], first: dict[str, Any]) -> bool:
    """Say whether two rows describe one new item differently. None: the cell was bad, which is said already."""
    both = [(name, value, first[name]) for name, value in told.items() if value != first[name]]
    says_nothing = {name: SAYS_NOTHING if name in MAY_BE_OPEN else (None,) for name in told}
    return any(value not in says_nothing[name] and other not in says_nothing[name] for name, value, other in both)


def _has_category(item: dict[str, Any], row: int, errors: Errors, around: Around) -> None:
    name = item.pop("category")
    item["category_id"] = around.categories.get((name or "").lower())
    if item["category_id"] is None:
        detail = _("The catalogue has no such category. It has: %(known)s.") % {
            "known": ", ".join(sorted(around.categories)) or "-"
        }
        errors.add(row, "category", "unknown_category", detail)


def _not_too_much(values: dict[str, list[Any]], rows: list[int], errors: Errors) -> None:
    name = _value_name(values)
    for place, (quantity, unit) in enumerate(zip(values["quantity"], values[name], strict=True)):
        if quantity and unit and quantity * unit > LINE_VALUE_MAX_MINOR:
            errors.add(
                rows[place], name, "too_large", _("The line value is too large. Check the quantity and the unit value.")
            )


def _totals(values: dict[str, list[Any]], packages: dict[int, list[int]]) -> Totals:
    """Count by the same rule as packing.totals, which the written rows are compared with."""
    net = gross = measured = volume = Decimal("0.000")
    for places in packages.values():
        first = places[0]
        net += sum(values["quantity"][p] * values["unit_weight_kg"][p] for p in places).quantize(THREE_PLACES)
        gross += values["gross_kg"][first]
        measured += values["gross_kg"][first] if values["gross_measured"][first] else 0
        volume += _volume(values, first)
    unit_values = values[_value_name(values)]
    quantities = values["quantity"]
    worth = sum(quantity * unit for quantity, unit in zip(quantities, unit_values, strict=True))
    return Totals(len(packages), len(quantities), sum(quantities), net, gross, measured, volume, worth)


def _volume(values: dict[str, list[Any]], place: int) -> Decimal:
    sizes = [values[name][place] for name in ("length_cm", "width_cm", "height_cm")]
    if None in sizes:
        return Decimal(0)
    cubic_centimetres = sizes[0] * sizes[1] * sizes[2]
    # Half up, as PostgreSQL rounds; Python's default is half even.
    return Decimal(cubic_centimetres / 1_000_000).quantize(THREE_PLACES, "ROUND_HALF_UP")


def _value_name(values: dict[str, list[Any]]) -> str:
    return next(name for name in values if name.startswith(VALUE_PREFIX))


def unit_values(plan: Plan) -> list[int]:
    """Return the customs value of one unit for each line, in minor units."""
    return plan.values[_value_name(plan.values)]


def packages_of(plan: Plan) -> Iterator[tuple[int, int, list[int]]]:
    """Yield number, place of the row that describes it, and places of its lines, in order of number."""
    for number in sorted(plan.packages):
        yield number, plan.packages[number][0], plan.packages[number]
