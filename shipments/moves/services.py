"""The moves of a shipment from state to state. When each is allowed: rules.py."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.documents.wording import number
from logistics.errors import Invalid
from logistics.mail import services as mail
from logistics.partners.models import Contact
from logistics.people.models import User
from shipments.deliveries.models import Discrepancy
from shipments.manifests import services as manifests
from shipments.manifests import totals
from shipments.manifests.models import ManifestLine, Shipment
from shipments.manifests.states import Status
from shipments.moves import rules
from shipments.papers import services as papers

NOT_SEALED = dict.fromkeys(totals.FIGURES) | {"manifest_sha256": "", "sealed_at": None, "sealed_by": None}


@transaction.atomic
def check(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Note that somebody other than the packer has compared the packages with the manifest.

    Raises WrongState, ImportRunning, CheckerIsPacker, NotReady without a package.
    """
    shipment = _held(shipment)
    rules.require("check", shipment, by)
    shipment.checked_by = by
    return _moved(shipment, "checked", by=by, at=at, fields=["checked_by"])


@transaction.atomic
def seal(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Freeze the manifest: its numbers and texts cannot change any more, and its packing list is requested.

    Raises WrongState; ImportRunning; NotReady with each problem of the manifest; CharityNotSetUp.
    """
    shipment = _held(shipment)
    rules.require("seal", shipment, by)
    for name, figure in vars(totals.counted([shipment.pk])[shipment.pk]).items():
        setattr(shipment, name, figure)
    shipment.manifest_sha256 = manifest_hash(shipment)
    shipment.sealed_at, shipment.sealed_by = at, by
    shipment.become(Status.SEALED)
    shipment.save()
    paper = papers.request_packing_list(shipment, at=at)
    return _moved(shipment, "sealed", by=by, at=at, fields=[], packing_list_version=paper.version, **_said(shipment))


@transaction.atomic
def reopen(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Let the manifest change again: its packing list is superseded, kept readable, and the next seal makes a new one.

    Raises WrongState once it has left.
    """
    shipment = _held(shipment)
    rules.require("reopen", shipment, by)
    _reason(reason)
    papers.supersede(shipment, at=at)
    for name, value in (NOT_SEALED | {"checked_by": None}).items():
        setattr(shipment, name, value)
    shipment.become(Status.PACKING)
    return _moved(shipment, "reopened", by=by, at=at, reason=reason, fields=[*NOT_SEALED, "checked_by"])


@transaction.atomic
def dispatch(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Let a sealed shipment leave: the partner sees it from now on, and its contacts are told by mail.

    Raises WrongState, PartnerNotApproved, SealMissing.
    """
    shipment = _held(shipment)
    rules.require("dispatch", shipment, by)
    shipment.become(Status.DISPATCHED)
    shipment.dispatched_at = at
    told = _tell_contacts(shipment)
    return _moved(shipment, "dispatched", by=by, at=at, fields=["dispatched_at"], contacts_told=told)


@transaction.atomic
def arrive(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Note that the shipment is where it was going; what is in it nobody has counted yet. Raises WrongState."""
    shipment = _held(shipment)
    rules.require("arrive", shipment, by)
    shipment.become(Status.ARRIVED)
    shipment.arrived_at = at
    return _moved(shipment, "arrived", by=by, at=at, fields=["arrived_at"])


@transaction.atomic
def lose(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Declare the whole shipment lost, which is a discrepancy to decide. Raises WrongState."""
    shipment = _held(shipment)
    rules.require("lose", shipment, by)
    _reason(reason)
    shipment.become(Status.LOST)
    Discrepancy.objects.create(
        shipment=shipment,
        kind=Discrepancy.Kind.LOST_SHIPMENT,
        quantity=shipment.piece_count or 0,
        reason=reason[:200],
        opened_at=at,
    )
    return _moved(shipment, "lost", by=by, at=at, reason=reason, fields=[])


@transaction.atomic
def find(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Note that a lost shipment turned up: it has arrived. Raises WrongState."""
    shipment = _held(shipment)
    rules.require("find", shipment, by)
    shipment.become(Status.ARRIVED)
    shipment.arrived_at = at
    return _moved(shipment, "found", by=by, at=at, fields=["arrived_at"])


@transaction.atomic
def send_back(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Note that the goods came back to us. Raises WrongState."""
    shipment = _held(shipment)
    rules.require("return", shipment, by)
    _reason(reason)
    shipment.become(Status.RETURNED)
    return _moved(shipment, "returned", by=by, at=at, reason=reason, fields=[])


@transaction.atomic
def close(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """End a shipment of which every line is accounted for and every discrepancy closed.

    Raises WrongState, Unresolved.
    """
    shipment = _held(shipment)
    rules.require("close", shipment, by)
    shipment.become(Status.CLOSED)
    shipment.closed_at = at
    return _moved(shipment, "closed", by=by, at=at, fields=["closed_at"])


@transaction.atomic
def cancel(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Give up a shipment that has not left; its papers are no longer valid. Raises WrongState."""
    shipment = _held(shipment)
    rules.require("cancel", shipment, by)
    _reason(reason)
    papers.supersede(shipment, at=at)
    for name, value in NOT_SEALED.items():
        setattr(shipment, name, value)
    shipment.become(Status.CANCELLED)
    shipment.cancelled_at = at
    return _moved(shipment, "cancelled", by=by, at=at, reason=reason, fields=[*NOT_SEALED, "cancelled_at"])


def manifest_hash(shipment: Shipment) -> str:
    """Return SHA-256 over all that packages and lines say, in order of number: the fingerprint of the manifest."""
    lines = ManifestLine.objects.filter(package__shipment=shipment).order_by("package__number", "position")
    rows = lines.values_list(
        "package__number",
        "package__kind",
        "package__marks",
        "package__gross_kg",
        "position",
        "item__code",
        "description_en",
        "description_fr",
        "quantity",
        "unit",
        "net_kg",
        "hs6",
        "origin",
        "condition",
        "value_minor",
        "un_number",
        "serials",
    )
    digest = hashlib.sha256()
    for row in rows.iterator(chunk_size=2000):
        digest.update(json.dumps([str(v) if isinstance(v, Decimal) else v for v in row], ensure_ascii=False).encode())
    return digest.hexdigest()


def _held(shipment: Shipment) -> Shipment:
    return manifests.hold(shipment)


def _reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid(_("Give a brief reason."), field="reason", code="required")


def _moved(
    shipment: Shipment, verb: str, *, by: User, at: datetime, fields: list[str], reason: str = "", **details: Any
) -> Shipment:
    shipment.version += 1
    shipment.save(update_fields=["status", "version", *fields])
    audit.record(verb, shipment, by=by, at=at, reason=reason.strip(), **details)
    return shipment


def _said(shipment: Shipment) -> dict[str, Any]:
    return {name: str(getattr(shipment, name)) for name in ("package_count", "line_count", "gross_kg", "volume_m3")}


def _tell_contacts(shipment: Shipment) -> int:
    """Owe each contact a mail; it names the hand-over point, never a site. Return how many."""
    contacts = Contact.objects.filter(partner=shipment.consignee, is_told=True).order_by("pk")
    for contact in contacts:
        mail.request(
            "shipment-dispatched",
            to=contact.email,
            template="shipments/mail/dispatched.txt",
            context={
                "contact": contact.name,
                "number": shipment.number,
                "reference": shipment.reference,
                "title": shipment.title,
                "packages": shipment.package_count,
                # Rounded for a mail: 27.000 kg would read as 27 tonnes in French.
                "gross_kg": number(f"{shipment.gross_kg:.0f}", [contact.language]),
                "volume_m3": number(f"{shipment.volume_m3:.1f}", [contact.language]),
                "container": shipment.container_number,
                "seal": shipment.seal_number,
                "bill_of_lading": shipment.bill_of_lading,
                "hand_over_point": shipment.hand_over_point,
                "arrives_on": shipment.arrives_on,
            },
            language=contact.language,
        )
    return len(contacts)
