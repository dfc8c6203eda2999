"""Packages of a shipment and the lines in them, while it is being packed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from stdnum import ean

from logistics.audit import services as audit
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import Invalid, Stale
from logistics.ids import uuid7
from logistics.partners import guard
from logistics.people.models import User
from logistics.transactions import lock
from shipments.packing import goods
from shipments.packing.models import ManifestLine, Package
from shipments.shipments.lifecycle import hold_for_packing
from shipments.shipments.models import Shipment, ShipmentSite

LINES_AT_ONCE_MAX = 5_000  # more than that should come as a spreadsheet


class PackageFields(TypedDict, total=False):
    """The fields of a package as entered, which `edit_package` may change."""

    number: int
    kind: str
    marks: str
    sscc: str
    length_cm: Decimal | None
    width_cm: Decimal | None
    height_cm: Decimal | None
    gross_kg: Decimal | None
    gross_measured: bool
    destination: ShipmentSite | None
    flags: list[str]
    remark: str


def _hold_in_currency(shipment: Shipment, *, by: User) -> Shipment:
    """Lock the shipment. Raises Stale if its customs currency is not the one used for the caller's minor units."""
    held = hold_for_packing(shipment, by=by)
    if held.customs_currency != shipment.customs_currency:
        raise Stale(
            _("The customs currency has changed in the meantime. Read the shipment again and repeat your change.")
        )
    return held


@transaction.atomic
def add_package(
    shipment: Shipment,
    lines: Iterable[goods.LineFields],
    *,
    by: User,
    at: datetime,
    copies: int = 1,
    **fields: Unpack[PackageFields],
) -> list[Package]:
    """Add `copies` identical packages to the manifest, numbered from `number` or from the next free number.

    Raises ManifestFrozen, Invalid, Stale if the customs currency is no longer the one used for the values.
    """
    shipment = _hold_in_currency(shipment, by=by)
    line_fields = list(lines)
    if copies * len(line_fields) > LINES_AT_ONCE_MAX:
        raise Invalid(
            _("At most %(most)d lines at once. Send fewer copies, or a spreadsheet.") % {"most": LINES_AT_ONCE_MAX},
            field="copies",
            code="too_large",
        )
    last = shipment.packages.aggregate(last=Max("number"))["last"] or 0
    first = fields.pop("number", last + 1)
    if shipment.packages.filter(number__range=(first, first + copies - 1)).exists():
        raise Invalid(
            _("There is already a package %(number)d.") % {"number": first}, field="number", code="not_unique"
        )
    packages = [Package(id=uuid7(), shipment=shipment, number=first + step, **fields) for step in range(copies)]
    made = [
        goods.new_line(package, position=position, **line)
        for package in packages
        for position, line in enumerate(line_fields, start=1)
    ]
    _check_package(packages[0])
    _check_places(shipment, packages[0], made[: len(line_fields)], by=by, at=at)
    if copies > 1 and packages[0].sscc:
        raise Invalid(_("Each package has its own SSCC. Add them one by one."), field="sscc", code="not_unique")
    with _sscc_unused(packages[0]):
        Package.objects.bulk_create(packages)
    ManifestLine.objects.bulk_create(made)
    audit.record("packages added", shipment, by=by, at=at, first=first, last=first + copies - 1)
    return packages


@transaction.atomic
def edit_package(package: Package, changes: PackageFields, *, version: int, by: User, at: datetime) -> Package:
    """Change a package. Raises Stale, ManifestFrozen, Invalid."""
    shipment = hold_for_packing(package.shipment, by=by)
    package = lock(package, version=version)
    taken = shipment.packages.filter(number=changes.get("number", 0)).exclude(pk=package.pk)
    if taken.exists():
        raise Invalid(
            _("There is already a package %(number)d.") % {"number": changes["number"]},
            field="number",
            code="not_unique",
        )
    for name, value in changes.items():
        setattr(package, name, value)
    _check_package(package)
    guard.check(package, shipment.consignee_id, only=changes, by=by, at=at)
    package.version += 1
    with _sscc_unused(package):
        package.save(update_fields=[*changes, "version"])
    audit.record("package edited", shipment, by=by, at=at, package=package.number, fields=sorted(changes))
    return package


@transaction.atomic
def remove_package(package: Package, *, version: int, by: User, at: datetime) -> None:
    """Remove a package and its lines from the manifest. Raises Stale, ManifestFrozen."""
    shipment = hold_for_packing(package.shipment, by=by)
    lock(package, version=version).delete()
    audit.record("package removed", shipment, by=by, at=at, package=package.number)


@transaction.atomic
def add_line(package: Package, *, by: User, at: datetime, **fields: Unpack[goods.LineFields]) -> ManifestLine:
    """Add goods to a package. Raises ManifestFrozen, Invalid, Stale as add_package does."""
    shipment = _hold_in_currency(package.shipment, by=by)
    last = package.lines.aggregate(last=Max("position"))["last"] or 0
    line = goods.new_line(package, position=last + 1, **fields)
    guard.check(line, shipment.consignee_id, by=by, at=at)
    line.save(force_insert=True)
    audit.record("line added", shipment, by=by, at=at, package=package.number, line=line.position)
    return line


@transaction.atomic
def edit_line(line: ManifestLine, edits: goods.LineFields, *, version: int, by: User, at: datetime) -> ManifestLine:
    """Change a line by the rules of goods.changes. Raises Stale, ManifestFrozen, Invalid."""
    shipment = hold_for_packing(line.package.shipment, by=by)
    line = lock(line, version=version)
    changes = goods.changes(line, edits)
    for name, value in changes.items():
        setattr(line, name, value)
    goods.check(line)
    guard.check(line, shipment.consignee_id, only=changes, by=by, at=at)
    line.version += 1
    line.save(update_fields=[*changes, "version"])
    audit.record(
        "line edited", shipment, by=by, at=at, package=line.package.number, line=line.position, fields=sorted(changes)
    )
    return line


@transaction.atomic
def remove_line(line: ManifestLine, *, version: int, by: User, at: datetime) -> None:
    """Remove goods from a package. Raises Stale, ManifestFrozen."""
    shipment = hold_for_packing(line.package.shipment, by=by)
    lock(line, version=version).delete()
    audit.record("line removed", shipment, by=by, at=at, package=line.package.number, line=line.position)


def _check_places(
    shipment: Shipment, package: Package, lines: Iterable[ManifestLine], *, by: User, at: datetime
) -> None:
    """Raise Invalid for a text that gives a confidential site of the consignee away."""
    place = guard.of_partner(shipment.consignee_id)
    place.check(package, by=by, at=at)
    for index, line in enumerate(lines):
        place.check(line, path=f"lines[{index}].", by=by, at=at)


@contextmanager
def _sscc_unused(package: Package) -> Iterator[None]:
    """Raise Invalid if another package, in this shipment or any other, gets the same SSCC at the same time."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "an_sscc_is_used_once" not in str(error):
            raise
        raise _sscc_in_use() from error


def _sscc_in_use() -> Invalid:
    return Invalid(_("Another package has this SSCC. Read the label again."), field="sscc", code="not_unique")


def _check_sscc(package: Package) -> None:
    if not package.sscc:
        return
    if ean.calc_check_digit(package.sscc[:-1]) != package.sscc[-1]:
        raise Invalid(_("The check digit of the SSCC is wrong."), field="sscc", code="bad_check_digit")
    if Package.objects.filter(sscc=package.sscc).exclude(pk=package.pk).exists():
        raise _sscc_in_use()


def _check_package(package: Package) -> None:
    fonts.check({"marks": package.marks, "remark": package.remark})
    _check_sscc(package)
    codes.check("kind", package.kind, codes.package_kinds())
    sizes = [package.length_cm, package.width_cm, package.height_cm]
    if any(size is None for size in sizes) and any(size is not None for size in sizes):
        raise Invalid(_("Give all three dimensions or none."), field="length_cm", code="incomplete")
    if package.gross_measured and package.gross_kg is None:
        raise Invalid(_("Enter the weight that was measured."), field="gross_kg", code="required")
    if package.destination is not None and package.destination.shipment_id != package.shipment_id:
        raise Invalid(_("That is not a site of this shipment."), field="destination", code="foreign_site")
