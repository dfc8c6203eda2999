"""Create and change shipments. For their states see lifecycle.py."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, TypedDict, Unpack
from uuid import UUID

from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils.translation import gettext as _
from stdnum import iso6346

from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.codes import codes
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.errors import DomainError, Invalid
from logistics.partners import guard, texts
from logistics.partners.models import Partner, Site
from logistics.people.models import User
from logistics.rows import Prepared
from logistics.transactions import lock
from shipments.shipments import contents
from shipments.shipments.models import Shipment, ShipmentSite
from shipments.shipments.states import EVER_DISPATCHED, OPEN_FOR_PACKING, Status

SERIES = "shipments"
FREIGHT_MAX = 10**9  # whole units of its currency
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


class ShipmentFields(TypedDict, total=False):
    """The fields of a shipment as entered, which `edit` may change. For codes see the model's help texts."""

    title: str
    reference: str
    purpose: str
    consignee: Partner
    notify_party: str
    hand_over_point: str
    mode: str
    incoterm: str
    incoterm_place: str
    port_of_loading: str
    port_of_discharge: str
    place_of_delivery: str
    container_number: str
    container_type: str
    container_tare_kg: Decimal | None
    container_payload_kg: Decimal | None
    seal_number: str
    cargo_tracking_note: str
    bill_of_lading: str
    packed_on: date | None
    departs_on: date | None
    reaches_port_on: date | None
    arrives_on: date | None
    customs_currency: str
    partner_sees_values: bool
    freight_minor: int | None
    freight_currency: str


class ManifestFrozen(DomainError):
    """The shipment is sealed: its manifest can no longer change."""

    code = "manifest_frozen"

    @classmethod
    def of(cls, shipment: Shipment) -> "ManifestFrozen":
        """Return the refusal of changes to this shipment's packages."""
        return cls(
            _("The shipment is %(status)s: its manifest cannot change. Reopen it first if it has not left.")
            % {"status": shipment.get_status_display().lower()}
        )


class LabelledSite(NamedTuple):
    """A site of the shipment, and the packers' label for it."""

    site: Site
    label: str


_HELD = Prepared(
    lambda pk: Shipment.objects.select_for_update(of=("self",)).select_related("consignee").filter(pk=pk), UUID(int=1)
)


def hold(shipment: Shipment) -> Shipment:
    """Lock the shipment's row and return it freshly read, with its consignee."""
    if not connection.in_atomic_block:
        raise TransactionManagementError("Outside a transaction, the lock would end at once.")
    held = _HELD.first(shipment.pk)
    if held is None:
        raise Shipment.DoesNotExist
    return held


@transaction.atomic
def create(*, sites: Iterable[LabelledSite], by: User, at: datetime, **fields: Unpack[ShipmentFields]) -> Shipment:
    """Create a draft shipment with the next number of the year in the charity's time zone.

    Raises Invalid for an unknown code, a partner that is not approved, a site of another partner.
    """
    shipment = Shipment(created_by=by, created_at=at, **fields)
    _check(shipment)
    _check_places(shipment, texts.of(shipment), by=by, at=at)
    _approved(shipment.consignee)
    year = charities.day_of(at).year
    shipment.number = f"SHP-{year}-{documents.next_number(SERIES, year):05}"
    shipment.save(force_insert=True)
    _set_sites(shipment, sites, by=by, at=at)
    audit.record("created", shipment, by=by, at=at, number=shipment.number)
    return shipment


@transaction.atomic
def edit(
    shipment: Shipment,
    changes: ShipmentFields,
    *,
    version: int,
    by: User,
    at: datetime,
    sites: Iterable[LabelledSite] | None = None,
) -> Shipment:
    """Change a shipment; once it is sealed, only transport details can change (B/L, seal, dates, freight).

    Raises Stale, ManifestFrozen, Invalid.
    """
    shipment = lock(shipment, version=version)
    _check_freight_currency(shipment, changes)
    # Skip unchanged fields: a form sends all of its fields.
    new = {name: value for name, value in changes.items() if getattr(shipment, name) != value}
    wanted = {*new, *(["sites"] if sites is not None else [])}
    if shipment.status in STILL_MOVING:
        wanted -= TRANSPORT_FIELDS
    if wanted and shipment.status not in OPEN_FOR_PACKING:
        raise ManifestFrozen(
            _("The shipment is %(status)s: %(fields)s can no longer change. Reopen it first if it has not left.")
            % {"status": shipment.get_status_display().lower(), "fields": ", ".join(sorted(wanted))},
            fields=sorted(wanted),
        )
    for name, value in new.items():
        setattr(shipment, name, value)
    _check(shipment)
    _check_places(shipment, texts.of(shipment) if "consignee" in new else new, by=by, at=at)
    _check_meaning_kept(shipment, new, sites_follow=sites is not None)
    shipment.version += 1
    shipment.save()
    if sites is not None:
        _set_sites(shipment, sites, by=by, at=at)
    if "consignee" in new:  # whose sites its packages were not compared with
        guard.report_existing(lock(shipment.consignee), by=by, at=at)
    audit.record("edited", shipment, by=by, at=at, fields=sorted({*new, *wanted}))
    return shipment


def _set_sites(shipment: Shipment, sites: Iterable[LabelledSite], *, by: User, at: datetime) -> None:
    wanted = {each.label: each.site for each in sites}
    for site in wanted.values():
        if site.partner_id != shipment.consignee_id:
            raise Invalid(_("A site belongs to another partner."), field="sites", code="foreign_site")
    if len(set(wanted.values())) < len(wanted):
        raise Invalid(_("A site appears twice."), field="sites", code="not_unique")
    here = {row.label: row for row in shipment.sites.all()}
    gone = [row for label, row in here.items() if label not in wanted or wanted[label].pk != row.site_id]
    if contents.manifest().goes_to(gone):
        raise Invalid(_("A site with packages cannot be removed."), field="sites", code="in_use")
    place = guard.of_partner(shipment.consignee_id)
    for number, label in enumerate(wanted):
        named = {"label": label}
        place.check_texts(ShipmentSite._meta.label_lower, named, by=by, at=at, path=f"sites[{number}].")
    ShipmentSite.objects.filter(pk__in=[row.pk for row in gone]).delete()
    kept = {label for label, row in here.items() if row not in gone}
    ShipmentSite.objects.bulk_create(
        ShipmentSite(shipment=shipment, site=site, label=label) for label, site in wanted.items() if label not in kept
    )


def _check(shipment: Shipment) -> None:
    """Raise Invalid for the first unknown code, or text that papers cannot print."""
    fonts.check({name: getattr(shipment, name) for name in PRINTED})
    codes.check("customs_currency", shipment.customs_currency, codes.currencies())
    codes.check("freight_currency", shipment.freight_currency, codes.currencies())
    codes.check("incoterm", shipment.incoterm, codes.incoterms())
    for name in ("port_of_loading", "port_of_discharge", "place_of_delivery"):
        codes.check(name, getattr(shipment, name), codes.ports())
    codes.check("container_type", shipment.container_type, codes.container_types())
    if shipment.container_number and not iso6346.is_valid(shipment.container_number):
        raise Invalid(
            _("The container number’s check digit (ISO 6346) is wrong. Read the number on the door again."),
            field="container_number",
            code="bad_check_digit",
        )
    if (shipment.freight_minor is None) != (not shipment.freight_currency):
        raise Invalid(_("Freight needs an amount and a currency."), field="freight", code="incomplete")


def _check_places(shipment: Shipment, changed: Iterable[str], *, by: User, at: datetime) -> None:
    """Raise Invalid for a text among the changed fields that gives a confidential site of the consignee away."""
    found = {name: text for name, text in texts.of(shipment).items() if name in changed}
    if "place_of_delivery" in found:
        found["place_of_delivery"] = codes.ports().get(shipment.place_of_delivery, "")
    guard.check_texts(shipment._meta.label_lower, found, shipment.consignee_id, by=by, at=at)


def _check_freight_currency(shipment: Shipment, changes: ShipmentFields) -> None:
    """Raise Invalid for a new currency without an amount: 100 minor units are HKD 1.00, but XOF 100."""
    is_new = changes.get("freight_currency", shipment.freight_currency) != shipment.freight_currency
    if is_new and shipment.freight_minor is not None and "freight_minor" not in changes:
        raise Invalid(_("When you change the currency, give the amount too."), field="freight", code="incomplete")


def _check_meaning_kept(shipment: Shipment, changes: Mapping[str, object], *, sites_follow: bool) -> None:
    """Raise Invalid for a change that would alter the meaning of existing lines or sites."""
    if "customs_currency" in changes and contents.manifest().has_lines(shipment):
        raise Invalid(
            _("The lines have values in the current currency. Remove them first."),
            field="customs_currency",
            code="in_use",
        )
    if "consignee" in changes:
        _approved(shipment.consignee)
        if not sites_follow and shipment.sites.exclude(site__partner=shipment.consignee).exists():
            raise Invalid(
                _("The sites belong to the previous partner. Send new ones."), field="sites", code="foreign_site"
            )


def _approved(partner: Partner) -> None:
    if partner.status != Partner.Status.APPROVED:
        raise Invalid(_("This partner is not approved. Approve it first."), field="consignee", code="not_approved")
