"""Group the rows by package, and check each package as a whole."""

from collections import defaultdict
from decimal import Decimal

from django.utils.translation import gettext as _

from shipments.imports.columns import COLUMNS, Values
from shipments.imports.context import ImportContext
from shipments.imports.errors import Errors

OF_PACKAGE = [column.name for column in COLUMNS.values() if column.of_package and column.name != "package_no"]


def gather(values: Values, rows: list[int], errors: Errors, context: ImportContext) -> dict[int, list[int]]:
    """Return the rows of each package, by number, and report errors that only show in the whole package."""
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
    _contiguous(packages, rows, errors, context)
    for places in packages.values():
        _same_in_all_rows(places, values, rows, errors)
    for number, places in packages.items():
        _check_weights(number, places, values, rows, errors)
        if not any(values["item_code"][place] or values["quantity"][place] for place in places):
            detail = _("Package %(number)d has no goods.") % {"number": number}
            errors.add(rows[places[0]], "item_code", "package_without_lines", detail, number)
    _destinations(packages, values, rows, errors, context)
    _unique_ssccs(packages, values, rows, errors, context)
    return dict(packages)


def _contiguous(packages: dict[int, list[int]], rows: list[int], errors: Errors, context: ImportContext) -> None:
    expected = context.first_number
    for number in sorted(packages):
        row = rows[packages[number][0]]
        if number < expected:
            detail = _("Package %(number)d is already in the shipment.") % {"number": number}
            errors.add(row, "package_no", "package_exists", detail, number)
            continue
        if number > expected:
            detail = _("Package %(before)d must come before it.") % {"before": number - 1}
            errors.add(row, "package_no", "numbers_not_contiguous", detail, number)
        expected = number + 1


def _same_in_all_rows(places: list[int], values: Values, rows: list[int], errors: Errors) -> None:
    """Check the package columns: required in the first row; later rows repeat the value or are blank."""
    first, *later = places
    for name in ("package_type", "gross_kg"):
        if values[name][first] == COLUMNS[name].default:
            errors.add(rows[first], name, "required", _("This is required."))
    for place in later:
        for name in OF_PACKAGE:
            value = values[name][place]
            if value != values[name][first] and value != COLUMNS[name].default and value is not None:
                detail = _("Row %(row)d has a different value for this package.") % {"row": rows[first]}
                errors.add(rows[place], name, "conflicting_package", detail)


def _check_weights(number: int, places: list[int], values: Values, rows: list[int], errors: Errors) -> None:
    first = places[0]
    net = Decimal(0)
    for place in places:
        quantity, weight = values["quantity"][place], values["unit_weight_kg"][place]
        if not quantity or not weight:
            return  # already reported
        net += quantity * weight
    gross, declared = values["gross_kg"][first], values["net_kg"][first]
    params = {"number": number, "net": f"{net:.3f}"}
    if gross and gross < net:
        detail = _("The goods of package %(number)d weigh %(net)s kg, more than the package.") % params
        errors.add(rows[first], "gross_kg", "gross_below_net", detail, gross)
    if declared and declared != net:
        detail = _("The lines of package %(number)d weigh %(net)s kg together.") % params
        errors.add(rows[first], "net_kg", "net_mismatch", detail, declared)
    sizes = [values[name][first] for name in ("length_cm", "width_cm", "height_cm")]
    if None in sizes and any(sizes):
        errors.add(rows[first], "length_cm", "incomplete", _("Give all three dimensions or none."))


def _destinations(
    packages: dict[int, list[int]], values: Values, rows: list[int], errors: Errors, context: ImportContext
) -> None:
    for places in packages.values():
        label = values["destination_site"][places[0]]
        if not label and len(context.sites) > 1:
            errors.add(rows[places[0]], "destination_site", "required", _("This is required."))
        elif label and label.upper() not in context.sites:
            detail = _("The shipment's sites have the labels %(labels)s.") % {
                "labels": ", ".join(sorted(context.sites)) or "-"
            }
            errors.add(rows[places[0]], "destination_site", "unknown_site", detail)


def _unique_ssccs(
    packages: dict[int, list[int]], values: Values, rows: list[int], errors: Errors, context: ImportContext
) -> None:
    seen: dict[str, int] = {}
    in_use = context.ssccs_in_use(values["sscc"])
    for places in packages.values():
        sscc, row = values["sscc"][places[0]], rows[places[0]]
        if sscc and sscc in seen:
            detail = _("Row %(row)d has the same SSCC.") % {"row": seen[sscc]}
            errors.add(row, "sscc", "duplicate_sscc", detail, sscc)
        elif sscc in in_use:
            detail = _("A package of %(shipment)s has this SSCC.") % {"shipment": in_use[sscc]}
            errors.add(row, "sscc", "sscc_in_use", detail, sscc)
        elif sscc:
            seen[sscc] = row
