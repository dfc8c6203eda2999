"""Partners confirm what arrived; what differs opens discrepancies; staff decide on them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.services import day_of
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.errors import DomainError, Invalid, WrongState
from logistics.ids import uuid7
from logistics.partners.models import Membership
from logistics.people.models import User
from logistics.transactions import lock
from shipments.deliveries import counting, figures, notes
from shipments.deliveries.counting import Counted
from shipments.deliveries.models import Delivery, Discrepancy, UnlistedGoods
from shipments.manifests import access
from shipments.manifests import services as manifests
from shipments.manifests.models import Shipment
from shipments.manifests.states import DELIVERABLE, Status, refusal_in

# A phone's clock may be wrong, but not by more than this.
CLOCK_ERROR = timedelta(days=1)


class ClientIdReused(DomainError):
    """The client_id confirmed something else."""

    code = "client_id_reused"


class NothingToConfirm(DomainError):
    """Every line is accounted for already."""

    code = "nothing_to_confirm"


class CannotReverse(DomainError):
    """The delivery was reversed already, or later deliveries build on it."""

    code = "cannot_reverse"


class Confirmed(NamedTuple):
    """A delivery, whether it is new, and how the shipment stands after it."""

    delivery: Delivery
    is_new: bool
    standing: figures.Standing


@transaction.atomic
def confirm(
    shipment: Shipment,
    *,
    client_id: UUID,
    stated_at: datetime,
    received_by: str,
    by: User,
    at: datetime,
    default: str = Delivery.Default.GOOD,
    exceptions: Sequence[Mapping[str, Any]] = (),
    unlisted: Sequence[Mapping[str, Any]] = (),
    source: str = Delivery.Source.API,
    **more: Any,
) -> "Confirmed":
    """Take in what a receiver counted, and say whether it is new: the same client_id again changes nothing.

    Its lines are counted, its differences opened as discrepancies, its goods-received note requested; the shipment is
    received when every line is accounted for. `missing` is what was declared missing, never what was not named.

    Raises ClientIdReused for the same client_id with another body, WrongState before dispatch and after the end,
    Invalid for figures that cannot be, NothingToConfirm.
    """
    shipment = manifests.hold(shipment)
    about = {"stated_at": stated_at, "received_by": received_by, "default": default, "source": source, **more}
    said = about | {"exceptions": list(exceptions), "unlisted": list(unlisted)}
    _printable(said)
    body_sha256 = hash_of(said)
    before = list(shipment.deliveries.order_by("sequence"))
    if known := _repeated(before, client_id, body_sha256):
        return Confirmed(known, False, figures.standing(shipment))
    _may_confirm(shipment, stated_at, at)
    delivery = _recorded(shipment, before, client_id=client_id, body_sha256=body_sha256, by=by, at=at, **about)
    kept = _keep(delivery, counting.count(shipment, default, exceptions), default, unlisted)
    standing = figures.standing(shipment)
    opened = _open_discrepancies(delivery, kept, unlisted, at=at)
    _move(shipment, standing, at=at)
    if opened:
        notes.tell_the_sender(delivery, shipment, standing, opened)
    notes.request(delivery, shipment, kept, unlisted, standing, at=at)
    audit.record(
        "delivery confirmed",
        shipment,
        by=by,
        at=at,
        delivery=delivery.sequence,
        status=shipment.status,
        discrepancies=opened,
        **{name: getattr(standing, f"pieces_{name}") for name in counting.FIGURES},
    )
    return Confirmed(delivery, True, standing)


@transaction.atomic
def reverse(delivery: Delivery, *, client_id: UUID, reason: str, by: User, at: datetime) -> "Confirmed":
    """Correct a delivery by a second one with the same figures below zero; then the right one can be confirmed.

    Its open discrepancies are closed; what was decided on stays for staff to close. Its goods-received note is no
    longer valid. A partner takes back what it said itself, never what staff recorded for it.
    Raises CannotReverse, ClientIdReused, WrongState once the shipment is closed.
    """
    shipment = manifests.hold(delivery.shipment)
    body_sha256 = hash_of({"reverses": str(delivery.pk), "reason": reason})
    before = list(shipment.deliveries.order_by("sequence"))
    if known := _repeated(before, client_id, body_sha256):
        return Confirmed(known, False, figures.standing(shipment))
    _may_reverse(delivery, shipment, before, by)
    reversal = _recorded(
        shipment,
        before,
        client_id=client_id,
        body_sha256=body_sha256,
        by=by,
        at=at,
        stated_at=at,
        source=Delivery.Source.API,
        default=Delivery.Default.NONE,
        received_by=delivery.received_by,
        note=reason,
        reverses=delivery,
    )
    try:
        with transaction.atomic():
            figures.take_back(delivery, reversal)
    except IntegrityError as error:
        raise CannotReverse(_("Later deliveries depend on the surplus of this one. Reverse them first.")) from error
    _close_corrected(delivery, by=by, at=at)
    for paper in notes.of(delivery):
        documents.supersede(paper.document, on=day_of(at), at=at)
    standing = figures.standing(shipment)
    _move(shipment, standing, at=at)
    audit.record(
        "delivery reversed",
        shipment,
        by=by,
        at=at,
        reason=reason,
        delivery=reversal.sequence,
        reversed=delivery.sequence,
        status=shipment.status,
    )
    return Confirmed(reversal, True, standing)


@transaction.atomic
def decide(discrepancy: Discrepancy, *, decision: str, note: str, version: int, by: User, at: datetime) -> Discrepancy:
    """Say what shall become of a difference: accept, replace, write off, claim. Raises WrongState, Stale."""
    shipment = lock(discrepancy.shipment)
    discrepancy = lock(discrepancy, version=version)
    discrepancy.become(Discrepancy.State.DECIDED)
    discrepancy.decision, discrepancy.decision_note = decision, note
    discrepancy.decided_at, discrepancy.decided_by = at, by
    _save(discrepancy)
    audit.record(
        "discrepancy decided",
        shipment,
        by=by,
        at=at,
        reason=note,
        discrepancy=str(discrepancy.pk),
        kind=discrepancy.kind,
        decision=decision,
    )
    return discrepancy


@transaction.atomic
def close(discrepancy: Discrepancy, *, version: int, by: User, at: datetime) -> Discrepancy:
    """End a discrepancy that was decided on. Raises WrongState, Stale."""
    shipment = lock(discrepancy.shipment)
    discrepancy = lock(discrepancy, version=version)
    discrepancy.become(Discrepancy.State.CLOSED)
    discrepancy.closed_at, discrepancy.closed_by = at, by
    _save(discrepancy)
    audit.record("discrepancy closed", shipment, by=by, at=at, discrepancy=str(discrepancy.pk), kind=discrepancy.kind)
    return discrepancy


def hash_of(said: Mapping[str, Any]) -> str:
    """Return SHA-256 of a confirmation as canonical JSON, by which a repeated one is known."""
    text = json.dumps(said, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def _printable(said: Mapping[str, Any]) -> None:
    """Raise Invalid for a text that the goods-received note could not show."""
    fonts.check({name: text for name, text in said.items() if isinstance(text, str)})
    for name in ("exceptions", "unlisted"):
        for place, entry in enumerate(said[name]):
            fonts.check(entry, path=f"{name}[{place}].")


def _recorded(
    shipment: Shipment,
    before: Sequence[Delivery],
    *,
    client_id: UUID,
    body_sha256: str,
    by: User,
    at: datetime,
    **said: Any,
) -> Delivery:
    """Store the next delivery of a shipment; its lines follow."""
    return Delivery.objects.create(
        id=uuid7(),
        shipment=shipment,
        sequence=len(before) + 1,
        client_id=client_id,
        body_sha256=body_sha256,
        recorded_at=at,
        recorded_by=by,
        **said,
    )


def _repeated(before: Sequence[Delivery], client_id: UUID, body_sha256: str) -> Delivery | None:
    """Return the delivery that this client_id made already, if any. Raises ClientIdReused if it said otherwise."""
    known = next((delivery for delivery in before if delivery.client_id == client_id), None)
    if known is not None and known.body_sha256 != body_sha256:
        raise ClientIdReused(
            _("This client_id was used for another confirmation. Send a new client_id with a new confirmation."),
            delivery=str(known.pk),
        )
    return known


def _may_confirm(shipment: Shipment, stated_at: datetime, at: datetime) -> None:
    if refusal := refusal_in(shipment.status, wanted="deliver", sources=DELIVERABLE):
        raise refusal
    if stated_at > at + CLOCK_ERROR:
        raise Invalid(_("This time is in the future. Check the clock."), field="stated_at", code="in_the_future")


def _may_reverse(delivery: Delivery, shipment: Shipment, before: Sequence[Delivery], by: User) -> None:
    if access.is_partner(by):
        colleagues = Membership.objects.filter(partner__memberships__user=by, user=delivery.recorded_by_id)
        if not colleagues.exists():
            raise CannotReverse(_("The charity recorded this for you. Ask its coordinator to reverse it."))
    if shipment.status not in DELIVERABLE:
        raise WrongState(
            _("The shipment is %(status)s.") % {"status": shipment.get_status_display().lower()},
            current=shipment.status,
        )
    if delivery.reverses_id or any(other.reverses_id == delivery.pk for other in before):
        raise CannotReverse(_("This delivery has already been reversed, or is itself a reversal."))


def _keep(
    delivery: Delivery, counted: list[Counted], default: str, unlisted: Sequence[Mapping[str, Any]]
) -> list[Counted]:
    """Write what the delivery says of each line, and return what it says by name. Raises NothingToConfirm."""
    UnlistedGoods.objects.bulk_create(UnlistedGoods(delivery=delivery, **goods) for goods in unlisted)
    if not figures.count(delivery, counted, rest_is_good=default == Delivery.Default.GOOD) and not unlisted:
        raise NothingToConfirm(_("This confirmation counts nothing: all of its lines are already accounted for."))
    return [line for line in counted if not line.says_nothing]


def _open_discrepancies(
    delivery: Delivery, kept: list[Counted], unlisted: Sequence[Mapping[str, Any]], *, at: datetime
) -> int:
    found = list(_lost_packages(kept))
    lost = {line.line.pk for _package, lines in found for line in lines}
    kinds = Discrepancy.Kind
    rows = [
        {"kind": kinds.LOST_PACKAGE, "package": lines[0].line.package, "quantity": sum(line.missing for line in lines)}
        | {"reason": lines[0].reason}
        for _package, lines in found
    ]
    for line in kept:
        about = {"package": line.line.package, "line": line.line, "reason": line.reason}
        if line.missing and line.line.pk not in lost:
            rows.append(about | {"kind": kinds.SHORT, "quantity": line.missing})
        if line.damaged:
            rows.append(about | {"kind": kinds.DAMAGE, "quantity": line.damaged})
        if line.surplus:
            rows.append(about | {"kind": kinds.SURPLUS, "quantity": line.surplus})
    rows += [
        {"kind": kinds.WRONG_ITEM, "quantity": goods["quantity"], "reason": goods["description"]} for goods in unlisted
    ]
    Discrepancy.objects.bulk_create(
        Discrepancy(shipment=delivery.shipment, delivery=delivery, opened_at=at, **row) for row in rows
    )
    return len(rows)


def _lost_packages(kept: list[Counted]) -> "list[tuple[UUID, list[Counted]]]":
    """Return the packages of which every line is wholly missing."""
    lines_of: dict[UUID, list[Counted]] = {}
    for line in kept:
        if line.is_lost:
            lines_of.setdefault(line.line.package_id, []).append(line)
    sizes = figures.lines_in(lines_of)
    return [(package, lines) for package, lines in lines_of.items() if len(lines) == sizes[package]]


def _close_corrected(delivery: Delivery, *, by: User, at: datetime) -> None:
    still_open = delivery.discrepancies.filter(state=Discrepancy.State.OPEN)
    for discrepancy in still_open.select_for_update().order_by("pk"):
        discrepancy.state = Discrepancy.State.CLOSED
        discrepancy.decision = Discrepancy.Decision.NONE
        discrepancy.decided_at, discrepancy.decided_by = at, by
        discrepancy.closed_at, discrepancy.closed_by = at, by
        _save(discrepancy)


def _save(discrepancy: Discrepancy) -> None:
    discrepancy.version += 1
    discrepancy.save()


def _move(shipment: Shipment, standing: figures.Standing, *, at: datetime) -> None:
    """Bring the shipment's state in line with what is counted."""
    if shipment.status == Status.DISPATCHED:
        # What is counted has arrived, even if nobody said so.
        shipment.become(Status.ARRIVED)
        shipment.arrived_at = at
    counted = standing.pieces_good + standing.pieces_damaged + standing.pieces_missing
    if standing.lines_resolved == shipment.line_count:
        status = Status.RECEIVED
    else:
        status = Status.PARTIALLY_RECEIVED if counted else Status.ARRIVED
    if shipment.status != status:
        shipment.become(status)
    shipment.version += 1
    shipment.save(update_fields=["status", "version", "arrived_at"])
