"""The actions that move a shipment from state to state. actions.py decides when each is allowed.

Other rooms add effects to them, such as issuing a paper or opening a discrepancy (shipments/apps.py). An effect runs in
the transaction of the action, after the shipment has changed.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.errors import Invalid
from logistics.partners import guard
from logistics.people.models import User
from logistics.transactions import lock
from shipments.shipments import actions, contents, notices
from shipments.shipments.models import Shipment
from shipments.shipments.services import ManifestFrozen, hold
from shipments.shipments.states import Status

NOT_SEALED = dict.fromkeys(contents.FIGURES) | {"manifest_sha256": "", "sealed_at": None, "sealed_by": None}


@dataclass(frozen=True)
class Done:
    """An action that has just been taken, as passed to its effects."""

    by: User
    at: datetime
    reason: str = ""


# Takes the changed shipment; returns the effect's details for the audit trail.
Effect = Callable[[Shipment, Done], Mapping[str, object]]
_effects: dict[str, list[Effect]] = defaultdict(list)


def add_effect(action: str, effect: Effect) -> None:
    """Add an effect to an action."""
    if effect not in _effects[action]:
        _effects[action].append(effect)


@transaction.atomic
def check(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Record that somebody other than the packer has compared the packages with the manifest.

    Raises WrongState, ImportRunning, CheckerIsPacker, ManifestNotReady without a package.
    """
    shipment = hold(shipment)
    actions.require("check", shipment, by)
    shipment.checked_by = by
    return _done("check", "checked", shipment, Done(by, at), fields=["checked_by"])


@transaction.atomic
def seal(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Freeze the manifest, so that its figures and texts can no longer change, and issue its packing list.

    Raises WrongState; ImportRunning; ManifestNotReady with each problem of the manifest; CharityNotSetUp.
    """
    shipment = hold(shipment)
    actions.require("seal", shipment, by)
    manifest = contents.manifest()
    for name, figure in vars(manifest.count(shipment)).items():
        setattr(shipment, name, figure)
    shipment.manifest_sha256 = manifest.sha256(shipment)
    shipment.sealed_at, shipment.sealed_by = at, by
    shipment.become(Status.SEALED)
    figures = {name: str(getattr(shipment, name)) for name in ("package_count", "line_count", "gross_kg", "volume_m3")}
    return _done("seal", "sealed", shipment, Done(by, at), fields=list(NOT_SEALED), details=figures)


@transaction.atomic
def reopen(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Unfreeze the manifest: its packing list is superseded but stays readable, and the next seal issues a new one.

    Raises WrongState once dispatched.
    """
    shipment = hold(shipment)
    actions.require("reopen", shipment, by)
    done = Done(by, at, _given(reason, shipment, by=by, at=at))
    for name, value in (NOT_SEALED | {"checked_by": None}).items():
        setattr(shipment, name, value)
    shipment.become(Status.PACKING)
    return _done("reopen", "reopened", shipment, done, fields=[*NOT_SEALED, "checked_by"])


@transaction.atomic
def dispatch(shipment: Shipment, *, by: User, at: datetime, reason: str = "") -> Shipment:
    """Dispatch a sealed shipment: from now on the partner sees it, and its contacts are notified by email.

    `reason`: why it leaves before its packing list is printed; recorded with the refusal that it overrides.
    Raises WrongState, PartnerNotApproved, SealMissing; PackingListNotPrinted without a reason.
    """
    shipment = hold(shipment)
    overridden = actions.require("dispatch", shipment, by, reason=reason)
    shipment.become(Status.DISPATCHED)
    shipment.dispatched_at = at
    details: dict[str, object] = {"contacts_notified": notices.notify_contacts(shipment)}
    if overridden:
        details["overrides"] = overridden.code
    done = Done(by, at, reason.strip() if overridden else "")
    return _done("dispatch", "dispatched", shipment, done, fields=["dispatched_at"], details=details)


@transaction.atomic
def arrive(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Record that the shipment has arrived; its contents are not counted yet. Raises WrongState."""
    shipment = hold(shipment)
    actions.require("arrive", shipment, by)
    shipment.become(Status.ARRIVED)
    shipment.arrived_at = at
    return _done("arrive", "arrived", shipment, Done(by, at), fields=["arrived_at"])


@transaction.atomic
def lose(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Declare the whole shipment lost, which opens a discrepancy. Raises WrongState."""
    shipment = hold(shipment)
    actions.require("lose", shipment, by)
    done = Done(by, at, _given(reason, shipment, by=by, at=at))
    shipment.become(Status.LOST)
    return _done("lose", "lost", shipment, done)


@transaction.atomic
def find(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Record that a lost shipment was found: it has arrived. Raises WrongState."""
    shipment = hold(shipment)
    actions.require("find", shipment, by)
    shipment.become(Status.ARRIVED)
    shipment.arrived_at = at
    return _done("find", "found", shipment, Done(by, at), fields=["arrived_at"])


@transaction.atomic
def send_back(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Record that the goods came back to us. Raises WrongState."""
    shipment = hold(shipment)
    actions.require("return", shipment, by)
    done = Done(by, at, _given(reason, shipment, by=by, at=at))
    shipment.become(Status.RETURNED)
    return _done("return", "returned", shipment, done)


@transaction.atomic
def close(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Close a shipment once every line is accounted for and every discrepancy closed.

    Raises WrongState, Unresolved.
    """
    shipment = hold(shipment)
    actions.require("close", shipment, by)
    shipment.become(Status.CLOSED)
    shipment.closed_at = at
    return _done("close", "closed", shipment, Done(by, at), fields=["closed_at"])


@transaction.atomic
def cancel(shipment: Shipment, *, reason: str, by: User, at: datetime) -> Shipment:
    """Cancel a shipment that has not left; its papers are no longer valid. Raises WrongState."""
    shipment = hold(shipment)
    actions.require("cancel", shipment, by)
    done = Done(by, at, _given(reason, shipment, by=by, at=at))
    for name, value in NOT_SEALED.items():
        setattr(shipment, name, value)
    shipment.become(Status.CANCELLED)
    shipment.cancelled_at = at
    return _done("cancel", "cancelled", shipment, done, fields=[*NOT_SEALED, "cancelled_at"])


def hold_for_packing(shipment: Shipment, *, by: User) -> Shipment:
    """Lock a shipment whose packages are about to change; the first change moves a draft to packing.

    Raises ManifestFrozen once it is sealed.
    """
    held = lock(shipment)
    begin_packing(held, by=by)
    return held


def begin_packing(shipment: Shipment, *, by: User) -> None:
    """Move a locked draft to packing. Raises ManifestFrozen once it is sealed."""
    if not shipment.may_be_packed:
        raise ManifestFrozen.of(shipment)
    if shipment.status == Status.DRAFT:
        shipment.become(Status.PACKING)
        shipment.packed_by = by
        shipment.save(update_fields=["status", "packed_by"])


def update_from_counts(shipment: Shipment, *, has_counted: bool, is_resolved: bool, at: datetime) -> None:
    """Update the status of a locked shipment from the counts of its deliveries so far."""
    if shipment.status == Status.DISPATCHED:
        # Counted goods have arrived, even if the arrival was not reported.
        shipment.become(Status.ARRIVED)
        shipment.arrived_at = at
    so_far = Status.PARTIALLY_RECEIVED if has_counted else Status.ARRIVED
    status = Status.RECEIVED if is_resolved else so_far
    if shipment.status != status:
        shipment.become(status)
    shipment.version += 1
    shipment.save(update_fields=["status", "version", "arrived_at"])


def _given(reason: str, shipment: Shipment, *, by: User, at: datetime) -> str:
    """Return the reason without outer spaces. Raises Invalid if it is empty or gives a confidential site away."""
    if not reason.strip():
        raise Invalid(_("Give a brief reason."), field="reason", code="required")
    guard.check_texts("logistics.auditentry", {"reason": reason}, shipment.consignee_id, by=by, at=at)
    return reason.strip()


def _done(
    action: str,
    verb: str,
    shipment: Shipment,
    done: Done,
    *,
    fields: list[str] | None = None,
    details: Mapping[str, object] | None = None,
) -> Shipment:
    """Save an action's changes, run its effects, and record both in the audit trail."""
    shipment.version += 1
    shipment.save(update_fields=["status", "version", *(fields or [])])
    recorded: dict[str, object] = dict(details or {})
    for effect in _effects[action]:
        recorded |= effect(shipment, done)
    audit.record(verb, shipment, by=done.by, at=done.at, reason=done.reason, **recorded)
    return shipment
