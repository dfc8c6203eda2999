"""Discrepancies between what was sent and what arrived: opened by deliveries, decided on and closed by staff."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from logistics.audit import services as audit
from logistics.partners import guard
from logistics.people.models import User
from logistics.transactions import lock
from shipments.discrepancies.models import Discrepancy
from shipments.packing.models import ManifestLine, Package
from shipments.shipments.lifecycle import Done
from shipments.shipments.models import Shipment


@dataclass(frozen=True)
class Difference:
    """One difference. `line` is None for a whole package, `line` and `package` are None for unlisted goods."""

    kind: Discrepancy.Kind
    quantity: int
    reason: str = ""
    package: Package | None = None
    line: ManifestLine | None = None


def open_all(shipment: Shipment, found: Iterable[Difference], *, delivery_id: UUID | None, at: datetime) -> int:
    """Open a discrepancy for each difference and return how many."""
    rows = [
        Discrepancy(
            shipment=shipment,
            delivery_id=delivery_id,
            opened_at=at,
            kind=each.kind,
            quantity=each.quantity,
            reason=each.reason,
            package=each.package,
            line=each.line,
        )
        for each in found
    ]
    Discrepancy.objects.bulk_create(rows)
    return len(rows)


def open_for_lost(shipment: Shipment, done: Done) -> dict[str, object]:
    """Open the discrepancy of a shipment just declared lost."""
    lost = Difference(Discrepancy.Kind.LOST_SHIPMENT, shipment.piece_count or 0, done.reason[:200])
    open_all(shipment, [lost], delivery_id=None, at=done.at)
    return {}


def count_open(shipment: Shipment) -> int:
    """Return the number of discrepancies of a shipment that are not closed."""
    return shipment.discrepancies.exclude(state=Discrepancy.State.CLOSED).count()


@transaction.atomic
def decide(discrepancy: Discrepancy, *, decision: str, note: str, version: int, by: User, at: datetime) -> Discrepancy:
    """Decide on a discrepancy: accept, replace, write off, claim. Raises WrongState, Stale."""
    shipment = lock(discrepancy.shipment)
    discrepancy = lock(discrepancy, version=version)
    discrepancy.become(Discrepancy.State.DECIDED)
    discrepancy.decision, discrepancy.decision_note = decision, note
    discrepancy.decided_at, discrepancy.decided_by = at, by
    guard.check_texts("shipments.discrepancy", {"decision_note": note}, shipment.consignee_id, by=by, at=at)
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
    """Close a discrepancy that was decided on. Raises WrongState, Stale."""
    shipment = lock(discrepancy.shipment)
    discrepancy = lock(discrepancy, version=version)
    discrepancy.become(Discrepancy.State.CLOSED)
    discrepancy.closed_at, discrepancy.closed_by = at, by
    _save(discrepancy)
    audit.record("discrepancy closed", shipment, by=by, at=at, discrepancy=str(discrepancy.pk), kind=discrepancy.kind)
    return discrepancy


def close_reversed(delivery_id: UUID, *, by: User, at: datetime) -> None:
    """Close the discrepancies of a reversed delivery, except those already decided on."""
    still_open = Discrepancy.objects.filter(delivery_id=delivery_id, state=Discrepancy.State.OPEN)
    for discrepancy in still_open.select_for_update().order_by("pk"):
        discrepancy.state = Discrepancy.State.CLOSED
        discrepancy.decision = Discrepancy.Decision.NONE
        discrepancy.decided_at, discrepancy.decided_by = at, by
        discrepancy.closed_at, discrepancy.closed_by = at, by
        _save(discrepancy)


def _save(discrepancy: Discrepancy) -> None:
    discrepancy.version += 1
    discrepancy.save()
