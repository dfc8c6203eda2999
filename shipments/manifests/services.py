"""Make and change a shipment while it is packed. Its moves from state to state: shipments/moves."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from stdnum import iso6346

from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.codes import codes
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.errors import DomainError, Invalid, Stale
from logistics.ids import uuid7
from logistics.partners.models import Partner, Site
from logistics.people.models import User
from logistics.transactions import lock
from shipments.manifests import goods
from shipments.manifests.models import ManifestLine, Package, Shipment, ShipmentSite
from shipments.manifests.states import EVER_DISPATCHED, OPEN_FOR_PACKING, Status

SERIES = "shipments"
LINES_AT_ONCE_MAX = 5_000  # more than that comes as a spreadsheet
PRINTED = (
    "title", "reference", "notify_party", "hand_over_point", "incoterm_place", "seal_number", "cargo_tracking_note",
    "bill_of_lading",
)  # fmt: skip
# Known only when the ship sails: may change after sealing, until the shipment ends.
TRANSPORT_FIELDS = frozenset(
    {
        "seal_number",
        "bill_of_lading",
        "cargo_tracking_note",
        "departs_on",
        "reaches_port_on",
        "arrives_on",
        "freight_minor",
        "freight_currency",
    }
)
STILL_MOVING = frozenset({Status.SEALED, *EVER_DISPATCHED} - {Status.CLOSED, Status.RETURNED})


class ManifestFrozen(DomainError):
    """The manifest is sealed: what stands on its papers cannot change below them."""

    code = "manifest_frozen"


class Stop(NamedTuple):
    """A site of the shipment and the mark that the packers' spreadsheet gives it."""

    site: Site
    mark: str


def hold(shipment: Shipment) -> Shipment:
    """Return the shipment and its consignee as they are once nobody else can change the shipment."""
    fresh = Shipment.objects.select_for_update(of=("self",)).select_related("consignee")
    return fresh.get(pk=shipment.pk)


def _lock_in_currency(shipment: Shipment) -> Shipment:
    """Hold the shipment, if its customs currency is still the one in which the caller made minor units of values."""
    held = lock(shipment)
    if held.customs_currency != shipment.customs_currency:
        raise Stale(_("The customs currency was changed meanwhile. Read the shipment again and repeat your change."))
    return held


@transaction.atomic
def create(
    *, title: str, consignee: Partner, customs_currency: str, stops: Iterable[Stop], by: User, at: datetime, **more: Any
) -> Shipment:
    """Open a shipment to a partner: a draft with the next number of the charity's year.

    Raises Invalid for an unknown code, for a partner that is not approved, for a site of another partner.
    """
    shipment = Shipment(
        title=title, consignee=consignee, customs_currency=customs_currency, created_by=by, created_at=at, **more
    )
    _check(shipment)
    _approved(consignee)
    year = charities.day_of(at).year
    shipment.number = f"SHP-{year}-{documents.next_number(SERIES, year):05}"
    shipment.save(force_insert=True)
    _set_stops(shipment, stops)
    audit.record("created", shipment, by=by, at=at, number=shipment.number)
    return shipment


@transaction.atomic
def edit(
    shipment: Shipment,
    changes: Mapping[str, Any],
    *,
    version: int,
    by: User,
    at: datetime,
    stops: Iterable[Stop] | None = None,
) -> Shipment:
    """Change what a shipment says; once it is sealed, only what is learned on the way (B/L, seal, dates, freight).

    Raises Stale, ManifestFrozen, Invalid.
    """
    shipment = lock(shipment, version=version)
    _freight_is_told_whole(shipment, changes)
    # What is as it was is no change: a form sends all of its fields.
    changes = {name: value for name, value in changes.items() if getattr(shipment, name) != value}
    wanted = {*changes, *(["sites"] if stops is not None else [])}
    if shipment.status in STILL_MOVING:
        wanted -= TRANSPORT_FIELDS
    if wanted and shipment.status not in OPEN_FOR_PACKING:
        raise ManifestFrozen(
            _("The shipment is %(status)s: %(fields)s cannot change any more. Reopen it first if it has not left.")
            % {"status": shipment.get_status_display().lower(), "fields": ", ".join(sorted(wanted))},
            fields=sorted(wanted),
        )
    for name, value in changes.items():
        setattr(shipment, name, value)
    _check(shipment)
    _keeps_its_sense(shipment, changes, stops_follow=stops is not None)
    shipment.version += 1
    shipment.save()
    if stops is not None:
        _set_stops(shipment, stops)
    audit.record("edited", shipment, by=by, at=at, fields=sorted({*changes, *wanted}))
    return shipment


def begin_packing(shipment: Shipment, *, by: User) -> None:
    """Let a locked shipment take packages. Raises ManifestFrozen once it is sealed."""
    if not shipment.may_be_packed:
        raise ManifestFrozen(
            _("The shipment is %(status)s: its manifest cannot change. Reopen it first if it has not left.")
            % {"status": shipment.get_status_display().lower()}
        )
    if shipment.status == Status.DRAFT:
        shipment.become(Status.PACKING)
        shipment.packed_by = by
        shipment.save(update_fields=["status", "packed_by"])


@transaction.atomic
def add_package(
    shipment: Shipment,
    lines: Iterable[Mapping[str, Any]],
    *,
    by: User,
    at: datetime,
    copies: int = 1,
    number: int | None = None,
    **about: Any,
) -> list[Package]:
    """Put packages into the manifest: `copies` equal ones, numbered from `number` or from the next free one.

    Raises ManifestFrozen, Invalid, Stale when the customs currency is no longer the one that values were told in.
    """
    shipment = _lock_in_currency(shipment)
    begin_packing(shipment, by=by)
    told = list(lines)
    if copies * len(told) > LINES_AT_ONCE_MAX:
        raise Invalid(
            _("At most %(most)d lines at once. Send fewer copies, or a spreadsheet.") % {"most": LINES_AT_ONCE_MAX},
            field="copies",
            code="too_large",
        )
    last = shipment.packages.aggregate(last=Max("number"))["last"] or 0
    first = number or last + 1
    if shipment.packages.filter(number__range=(first, first + copies - 1)).exists():
        raise Invalid(
            _("There is already a package %(number)d.") % {"number": first}, field="number", code="not_unique"
        )
    packages = [Package(id=uuid7(), shipment=shipment, number=first + step, **about) for step in range(copies)]
    made = [
        goods.new_line(package, position=position, **line)
        for package in packages
        for position, line in enumerate(told, start=1)
    ]
    _check_package(packages[0])
    Package.objects.bulk_create(packages)
    ManifestLine.objects.bulk_create(made)
    audit.record("packages added", shipment, by=by, at=at, first=first, last=first + copies - 1)
    return packages


@transaction.atomic
def edit_package(package: Package, changes: Mapping[str, Any], *, version: int, by: User, at: datetime) -> Package:
    """Change what a package says. Raises Stale, ManifestFrozen, Invalid."""
    shipment = lock(package.shipment)
    begin_packing(shipment, by=by)
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
    package.version += 1
    package.save(update_fields=[*changes, "version"])
    audit.record("package edited", shipment, by=by, at=at, package=package.number, fields=sorted(changes))
    return package


@transaction.atomic
def remove_package(package: Package, *, version: int, by: User, at: datetime) -> None:
    """Take a package and its lines out of the manifest. Raises Stale, ManifestFrozen."""
    shipment = lock(package.shipment)
    begin_packing(shipment, by=by)
    lock(package, version=version).delete()
    audit.record("package removed", shipment, by=by, at=at, package=package.number)


@transaction.atomic
def add_line(package: Package, *, by: User, at: datetime, **about: Any) -> ManifestLine:
    """Put goods into a package. Raises ManifestFrozen, Invalid, Stale as add_package does."""
    shipment = _lock_in_currency(package.shipment)
    begin_packing(shipment, by=by)
    last = package.lines.aggregate(last=Max("position"))["last"] or 0
    line = goods.new_line(package, position=last + 1, **about)
    line.save(force_insert=True)
    audit.record("line added", shipment, by=by, at=at, package=package.number, line=line.position)
    return line


@transaction.atomic
def edit_line(line: ManifestLine, changes: Mapping[str, Any], *, version: int, by: User, at: datetime) -> ManifestLine:
    """Change what a line says, as goods.changes understands it. Raises Stale, ManifestFrozen, Invalid."""
    shipment = lock(line.package.shipment)
    begin_packing(shipment, by=by)
    line = lock(line, version=version)
    changes = goods.changes(line, changes)
    for name, value in changes.items():
        setattr(line, name, value)
    goods.check(line)
    line.version += 1
    line.save(update_fields=[*changes, "version"])
    audit.record(
        "line edited", shipment, by=by, at=at, package=line.package.number, line=line.position, fields=sorted(changes)
    )
    return line


@transaction.atomic
def remove_line(line: ManifestLine, *, version: int, by: User, at: datetime) -> None:
    """Take goods out of a package. Raises Stale, ManifestFrozen."""
    shipment = lock(line.package.shipment)
    begin_packing(shipment, by=by)
    lock(line, version=version).delete()
    audit.record("line removed", shipment, by=by, at=at, package=line.package.number, line=line.position)


def _set_stops(shipment: Shipment, stops: Iterable[Stop]) -> None:
    wanted = {stop.mark: stop.site for stop in stops}
    for site in wanted.values():
        if site.partner_id != shipment.consignee_id:
            raise Invalid(_("A site belongs to another partner."), field="sites", code="foreign_site")
    if len(set(wanted.values())) < len(wanted):
        raise Invalid(_("A site appears twice."), field="sites", code="not_unique")
    here = {stop.mark: stop for stop in shipment.stops.all()}
    gone = [stop for mark, stop in here.items() if mark not in wanted or wanted[mark].pk != stop.site_id]
    if Package.objects.filter(destination__in=gone).exists():
        raise Invalid(_("A site that packages go to cannot be removed."), field="sites", code="in_use")
    ShipmentSite.objects.filter(pk__in=[stop.pk for stop in gone]).delete()
    kept = {mark for mark, stop in here.items() if stop not in gone}
    ShipmentSite.objects.bulk_create(
        ShipmentSite(shipment=shipment, site=site, mark=mark) for mark, site in wanted.items() if mark not in kept
    )


def _check(shipment: Shipment) -> None:
    """Raise Invalid for the first code that no list of the trade knows, or text that no paper can show."""
    fonts.check({name: getattr(shipment, name) for name in PRINTED})
    _known("customs_currency", shipment.customs_currency, codes.currencies())
    _known("freight_currency", shipment.freight_currency, codes.currencies())
    _known("incoterm", shipment.incoterm, codes.incoterms())
    for name in ("port_of_loading", "port_of_discharge", "place_of_delivery"):
        _known(name, getattr(shipment, name), codes.ports())
    _known("container_type", shipment.container_type, codes.container_types())
    if shipment.container_number and not iso6346.is_valid(shipment.container_number):
        raise Invalid(
            _("The container number’s check digit (ISO 6346) is wrong. Read the number on the door again."),
            field="container_number",
            code="bad_check_digit",
        )
    if (shipment.freight_minor is None) != (not shipment.freight_currency):
        raise Invalid(_("Freight needs an amount and a currency."), field="freight", code="incomplete")


def _freight_is_told_whole(shipment: Shipment, changes: Mapping[str, Any]) -> None:
    """Raise Invalid for another currency alone: 100 minor units are HKD 1.00, but XOF 100."""
    is_new = changes.get("freight_currency", shipment.freight_currency) != shipment.freight_currency
    if is_new and shipment.freight_minor is not None and "freight_minor" not in changes:
        raise Invalid(_("When you change the currency, give the amount too."), field="freight", code="incomplete")


def _keeps_its_sense(shipment: Shipment, changes: Mapping[str, Any], *, stops_follow: bool) -> None:
    """Raise Invalid for a change that would make what is there already mean something else."""
    if "customs_currency" in changes and ManifestLine.objects.filter(package__shipment=shipment).exists():
        raise Invalid(
            _("The lines have values in the other currency. Remove them first."),
            field="customs_currency",
            code="in_use",
        )
    if "consignee" in changes:
        _approved(shipment.consignee)
        if not stops_follow and shipment.stops.exclude(site__partner=shipment.consignee).exists():
            raise Invalid(_("The sites are the other partner's. Send new ones."), field="sites", code="foreign_site")


def _approved(partner: Partner) -> None:
    if partner.status != Partner.Status.APPROVED:
        raise Invalid(_("This partner is not approved. Approve it first."), field="consignee", code="not_approved")


def _known(field: str, value: str, list_of_codes: Mapping[str, object]) -> None:
    if value and value not in list_of_codes:
        raise Invalid(
            _("%(value)s is not in the published code list.") % {"value": value}, field=field, code="unknown_code"
        )


def _check_package(package: Package) -> None:
    fonts.check({"marks": package.marks, "remark": package.remark})
    _known("kind", package.kind, codes.package_kinds())
    sizes = [package.length_cm, package.width_cm, package.height_cm]
    if any(size is None for size in sizes) and any(size is not None for size in sizes):
        raise Invalid(_("Give all three dimensions or none."), field="length_cm", code="incomplete")
    if package.gross_measured and package.gross_kg is None:
        raise Invalid(_("Enter the weight that was measured."), field="gross_kg", code="required")
    if package.destination is not None and package.destination.shipment_id != package.shipment_id:
        raise Invalid(_("That site is not one of this shipment's."), field="destination", code="foreign_site")
