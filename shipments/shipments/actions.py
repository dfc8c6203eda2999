"""The actions allowed on a shipment now, and why the others are refused.

`lifecycle` uses the same checks before it acts, so that `allowed_actions` and the response to a POST never disagree.
Other rooms add their checks (is the manifest complete? is everything accounted for?) as guards (shipments/apps.py).
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from logistics.actions import AllowedAction
from logistics.errors import DomainError
from logistics.partners import scope
from logistics.partners.models import Partner
from logistics.people.models import User
from logistics.roles import Role
from shipments import rights
from shipments.shipments import contents
from shipments.shipments.models import Shipment
from shipments.shipments.states import DELIVERABLE, Status, refusal_in

WAREHOUSE = rights.SHIPMENT.roles("change")
RECEIVERS = rights.SHIPMENT.roles("arrive")

# Returns why an action is refused to a user now, or None.
ActionGuard = Callable[[Shipment, User], DomainError | None]


class ImportRunning(DomainError):
    """A spreadsheet is being imported into the manifest: wait until it is imported or refused."""

    code = "import_running"
    headers = {"Retry-After": "2"}


class PartnerNotApproved(DomainError):
    """Goods are dispatched to approved partners only."""

    code = "partner_not_approved"


class SealMissing(DomainError):
    """A container is dispatched only with a seal number."""

    code = "seal_missing"


@dataclass(frozen=True)
class Action:
    """An action of the API, with the states that it starts from and the roles that may take it."""

    name: str
    sources: frozenset[Status]
    roles: frozenset[Role]


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action("check", frozenset({Status.PACKING}), WAREHOUSE),
        Action("seal", frozenset({Status.PACKING}), WAREHOUSE),
        Action("reopen", frozenset({Status.SEALED}), WAREHOUSE),
        Action("dispatch", frozenset({Status.SEALED}), WAREHOUSE),
        Action("arrive", frozenset({Status.DISPATCHED}), RECEIVERS),
        Action("deliver", frozenset(DELIVERABLE), RECEIVERS),
        Action("lose", frozenset({Status.DISPATCHED, Status.ARRIVED}), WAREHOUSE),
        Action("find", frozenset({Status.LOST}), WAREHOUSE),
        Action("return", frozenset({Status.DISPATCHED}), WAREHOUSE),
        Action("close", frozenset({Status.RECEIVED, Status.LOST}), WAREHOUSE),
        Action("cancel", frozenset({Status.DRAFT, Status.PACKING, Status.SEALED}), WAREHOUSE),
    )
}
_guards: dict[str, list[ActionGuard]] = defaultdict(list)
_first_guards: dict[str, list[ActionGuard]] = defaultdict(list)
_overridable: dict[str, list[ActionGuard]] = defaultdict(list)


def add_guard(action: str, guard: ActionGuard, *, before_state: bool = False, overridable: bool = False) -> None:
    """Add a guard that may refuse an action.

    `before_state`: run it before the state check. `overridable`: run it last; a reason overrides its refusal.
    """
    known = _overridable if overridable else _first_guards if before_state else _guards
    if guard not in known[action]:
        known[action].append(guard)


def refusal(name: str, shipment: Shipment, by: User) -> DomainError | None:
    """Return why this action is refused now to a user whose roles allow it, or None."""
    return _final_refusal(name, shipment, by) or _overridable_refusal(name, shipment, by)


def needs_reason(name: str, shipment: Shipment, by: User) -> DomainError | None:
    """Return the refusal that a reason overrides, or None if the action is allowed, or refused whatever the reason."""
    return None if _final_refusal(name, shipment, by) else _overridable_refusal(name, shipment, by)


def _overridable_refusal(name: str, shipment: Shipment, by: User) -> DomainError | None:
    return next((error for guard in _overridable[name] if (error := guard(shipment, by))), None)


def _final_refusal(name: str, shipment: Shipment, by: User) -> DomainError | None:
    for guard in _first_guards[name]:
        if error := guard(shipment, by):
            return error
    if wrong_state := refusal_in(shipment.status, wanted=name, sources=ACTIONS[name].sources):
        return wrong_state
    return next((error for guard in _guards[name] if (error := guard(shipment, by))), None)


def require(name: str, shipment: Shipment, by: User, *, reason: str = "") -> DomainError | None:
    """Raise the refusal of this action to this user now, if any; return the one that `reason` overrides."""
    if error := _final_refusal(name, shipment, by):
        raise error
    if (error := _overridable_refusal(name, shipment, by)) and not reason.strip():
        raise error
    return error


def allowed_actions(shipment: Shipment, user: User) -> list[AllowedAction]:
    """Return each action that the user's roles allow, with the reason if it is refused now."""
    return [
        AllowedAction.of(name, refusal(name, shipment, user))
        for name, action in ACTIONS.items()
        if user.has_role(*action.roles)
    ]


def may_dispatch(shipment: Shipment, by: User) -> DomainError | None:
    """Require an approved partner and, for a container, a seal number."""
    if shipment.consignee.status != Partner.Status.APPROVED:
        return PartnerNotApproved(_("The partner is not approved. A coordinator can approve it."))
    if shipment.container_number and not shipment.seal_number:
        return SealMissing(_("Enter the number of the container's seal first."))
    return None


def may_arrive(shipment: Shipment, by: User) -> DomainError | None:
    """Refuse a caller who is bound to one of several sites: an arrival is that of the whole shipment."""
    site_id = scope.site_of(by)
    if site_id is None or contents.manifest().only_site(shipment) == site_id:
        return None
    return scope.BoundToSite(_("The shipment goes to other sites too. Confirm what arrived at yours."))


add_guard("dispatch", may_dispatch)
add_guard("arrive", may_arrive)
