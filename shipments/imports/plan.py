"""Turn the cells of a sheet into a plan of packages and lines that fit the shipment, or into a list of all errors."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from shipments.imports import catalogue
from shipments.imports.catalogue import NewItem
from shipments.imports.columns import (
    COLUMNS,
    VALUE_PREFIX,
    Column,
    Values,
    convert,
    hashable,
    heading,
    value_column,
)
from shipments.imports.context import ImportContext
from shipments.imports.errors import Errors
from shipments.imports.items import new_items
from shipments.imports.packages import gather
from shipments.imports.workbook import NoValue, Sheet
from shipments.packing.goods import LINE_VALUE_MAX_MINOR
from shipments.packing.totals import THREE_PLACES
from shipments.shipments.contents import Totals
from shipments.shipments.models import ShipmentSite
from shipments.shipments.serializers import ShownTotals, TotalsOut

# Column -> the guarded field that it fills.
GUARDED = {
    "item_code": "logistics.item.code",
    "marks": "shipments.package.marks",
    "handling": "shipments.package.remark",
    "description_en": "shipments.manifestline.description_en",
    "description_fr": "shipments.manifestline.description_fr",
    "serial_numbers": "shipments.manifestline.serials",
    "remark": "shipments.manifestline.remark",
}
CURRENCY_COLUMN = re.compile(VALUE_PREFIX + "[a-z]{3}")


@dataclass
class Plan:
    """What would be written: values by column, in row order."""

    rows: list[int]  # row numbers of the sheet
    values: Values
    packages: dict[int, list[int]]  # package number -> indices of its rows, in order
    new_items: dict[str, NewItem]  # code -> fields
    known_items: int
    # The facts from which open values were filled, of existing and new items.
    catalogue: dict[str, catalogue.Facts]
    notices: list[dict[str, object]]  # warnings that do not stop the import
    totals: Totals
    currency: str

    def summary(self, sites: Sequence[ShipmentSite], *, replaces: int) -> dict[str, object]:
        """Return the plan as the API shows it. `sites`: the shipment's, with `site` loaded."""
        value = self.totals
        return {
            "packages": value.package_count,
            "first_package": min(self.packages),
            "last_package": max(self.packages),
            "lines": value.line_count,
            "replaces_packages": replaces,
            "destinations": self._destinations(sites),
            "items_in_catalogue": self.known_items,
            "items_to_create": [{"code": code, "name_en": item["name_en"]} for code, item in self.new_items.items()],
            "notices": self.notices,
            "totals": dict(TotalsOut(ShownTotals(value, self.currency)).data),
        }

    def _destinations(self, sites: Sequence[ShipmentSite]) -> list[dict[str, object]]:
        """Return the site of each label in this shipment, and the number of packages that go there."""
        labels = Counter(
            str(self.values["destination_site"][first] or "").upper() for _number, first, _places in packages_of(self)
        )
        if len(sites) == 1:
            labels = Counter({sites[0].label: labels.total()})
        return [
            {
                "label": each.label,
                "site": each.site.code,
                "hand_over_point": each.site.hand_over_point,
                "packages": labels[each.label],
            }
            for each in sites
            if labels[each.label]
        ]


def make(
    sheet: Sheet,
    cells_without_value: Sequence[NoValue],
    context: ImportContext,
    *,
    progress: Callable[[int], None] = lambda percent: None,
) -> tuple[Plan | None, Errors]:
    """Check the whole sheet. The plan is None if and only if there are errors."""
    errors = Errors(sheet.name)
    columns = _columns(sheet, context.shipment.customs_currency, errors)
    for cell in cells_without_value:
        named = columns[cell.column] if cell.column < len(columns) else None
        if named and named.of_package and cell.is_merged_down:
            continue  # later rows of a package repeat its values or are blank
        errors.add(cell.row, named.name if named else f"#{cell.column + 1}", *cell.reason())
    if errors.count:
        return None, errors
    rows = list(sheet.rows)
    values = _values(sheet, columns, errors, progress)
    packages = gather(values, rows, errors, context)
    known = catalogue.read(values["item_code"])
    new = new_items(values, rows, errors, context, known)
    facts = known | {code: catalogue.Facts.of_new(item) for code, item in new.items()}
    has_hs6 = any(column is not None and column.name == "hs6" for column in columns)
    notices = catalogue.fill(values, rows, errors, facts, has_hs6=has_hs6)
    _check_line_values(values, rows, errors)
    _check_places(values, rows, errors, context)
    progress(80)
    if errors.count:
        return None, errors
    totals = _totals(values, packages)
    currency = context.shipment.customs_currency
    return Plan(rows, values, packages, new, len(known), facts, notices, totals, currency), errors


def _columns(sheet: Sheet, currency: str, errors: Errors) -> list[Column | None]:
    """Match the header to columns; None for a column with no name and no cells, or with an error."""
    known = COLUMNS | {value_column(currency).name: value_column(currency)}
    found: list[Column | None] = []
    for place, cell in enumerate(sheet.header):
        name = heading(cell)
        if not name and all(cell == "" for cell in sheet.columns[place]):
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


def _values(sheet: Sheet, columns: list[Column | None], errors: Errors, progress: Callable[[int], None]) -> Values:
    values: Values = {}
    bare = _rows_without_goods(sheet, columns)
    for place, cells in enumerate(sheet.columns):
        column = columns[place]
        if column is None:
            continue
        keys = hashable(cells)
        values[column.name], bad = convert(column, keys)
        for row, cell in zip(sheet.rows, keys, strict=True) if bad else ():
            error = bad.get(cell)
            if error and not (error.code == "required" and row in bare):
                errors.add(row, column.name, error.code, error.detail, cell if column.shows_value else "")
        progress(30 + 40 * place // len(columns))
    for column in COLUMNS.values():
        values.setdefault(column.name, [column.default] * len(sheet.rows))
    return values


def _rows_without_goods(sheet: Sheet, columns: list[Column | None]) -> set[int]:
    """Return the numbers of rows that have a package but no goods: one error is enough for them."""
    of_line = [
        cells
        for column, cells in zip(columns, sheet.columns, strict=True)
        if column and column.required and not column.of_package
    ]
    return {
        number
        for number, cells in zip(sheet.rows, zip(*of_line, strict=True), strict=True)
        if cells.count("") == len(cells)
    }


def _check_line_values(values: Values, rows: list[int], errors: Errors) -> None:
    name = _value_name(values)
    for place, (quantity, unit) in enumerate(zip(values["quantity"], values[name], strict=True)):
        if quantity and unit and quantity * unit > LINE_VALUE_MAX_MINOR:
            errors.add(
                rows[place], name, "too_large", _("The line value is too large. Check the quantity and the unit value.")
            )


def _check_places(values: Values, rows: list[int], errors: Errors, context: ImportContext) -> None:
    """Refuse texts that give a confidential site of the consignee away; each distinct text is compared once."""
    for name, field in GUARDED.items():
        cells = [cell[1] if name == "handling" and cell else cell for cell in values[name]]
        found = {cell for cell in set(cells) if context.place.hits(cell)}
        for row, cell in zip(rows, cells, strict=True) if found else ():
            if cell in found:
                refusal = context.place.refusal(field, cell, shown=name, by=context.by, at=context.at)
                errors.add(row, name, "names_the_place", str(refusal))


def _totals(values: Values, packages: dict[int, list[int]]) -> Totals:
    """Compute the totals by the same rule as packing.totals, with which the written rows are compared."""
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


def _volume(values: Values, place: int) -> Decimal:
    sizes = [values[name][place] for name in ("length_cm", "width_cm", "height_cm")]
    if None in sizes:
        return Decimal(0)
    cubic_centimetres = sizes[0] * sizes[1] * sizes[2]
    # Half up, as PostgreSQL rounds; Python's default is half even.
    return Decimal(cubic_centimetres / 1_000_000).quantize(THREE_PLACES, "ROUND_HALF_UP")


def _value_name(values: Values) -> str:
    return next(name for name in values if name.startswith(VALUE_PREFIX))


def unit_values(plan: Plan) -> list[int]:
    """Return the customs value of one unit of each line, in minor units."""
    return plan.values[_value_name(plan.values)]


def packages_of(plan: Plan) -> Iterator[tuple[int, int, list[int]]]:
    """Yield each package's number, the index of its first row, and the indices of all its rows, by number."""
    for number in sorted(plan.packages):
        yield number, plan.packages[number][0], plan.packages[number]
