"""Which move of a shipment is allowed now, and why the others are not.

The services ask the same questions as `allowed_actions`, so that an answer and a refusal never disagree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from logistics.errors import DomainError
from logistics.jobs.models import Job
from logistics.partners.models import Partner
from logistics.people.models import User
from logistics.roles import Role
from shipments.deliveries.models import Discrepancy, Tally
from shipments.manifests.models import ManifestLine, Shipment
from shipments.manifests.states import DELIVERABLE, Status, refusal_in

WAREHOUSE = frozenset({Role.WAREHOUSE, Role.COORDINATOR})
RECEIVERS = frozenset({Role.PARTNER, *WAREHOUSE})


class NotReady(DomainError):
    """The manifest is not complete: `problems` says what is missing, and in which packages."""

    code = "not_ready"


class ImportRunning(DomainError):
    """A spreadsheet is being read into the manifest: wait until it is imported or refused."""

    code = "import_running"
    headers = {"Retry-After": "2"}


class CheckerIsPacker(DomainError):
    """Two pairs of eyes: who packed cannot check."""

    code = "checker_is_packer"


class PartnerNotApproved(DomainError):
    """Goods go to approved partners only."""

    code = "partner_not_approved"


class SealMissing(DomainError):
    """A container leaves under a seal."""

    code = "seal_missing"


class Unresolved(DomainError):
    """Lines are not accounted for, or discrepancies are open."""

    code = "unresolved"


@dataclass(frozen=True)
class Move:
    """A verb of the API: from which states, by whom, and what else must hold."""

    name: str
    sources: frozenset[Status]
    roles: frozenset[Role]
    guard: Callable[[Shipment, User], DomainError | None] = lambda shipment, by: None
    needs_whole_manifest: bool = False  # not while a spreadsheet is still being read into it


def refusal(name: str, shipment: Shipment, by: User) -> DomainError | None:
    """Return why this move is refused now to this person, whose roles include it, or None.

    The services ask it before they move, the API before it answers `allowed_actions`, the admin before it offers
    a button: so all of them say the same.
    """
    move = MOVES[name]
    if move.needs_whole_manifest and shipment.may_be_packed and (running := import_running(shipment)):
        return running
    return refusal_in(shipment.status, wanted=name, sources=move.sources) or move.guard(shipment, by)


def require(name: str, shipment: Shipment, by: User) -> None:
    """Raise what refuses this move now to this person."""
    if error := refusal(name, shipment, by):
        raise error


def allowed_actions(shipment: Shipment, user: User) -> list[dict[str, Any]]:
    """Return each move that this person's roles include, and the reason where it is refused now."""
    answers = []
    for move in MOVES.values():
        if not user.has_role(*move.roles):
            continue
        error = refusal(move.name, shipment, user)
        answers.append(
            {
                "action": move.name,
                "allowed": error is None,
                "reason_code": error.code if error else "",
                "reason": str(error) if error else "",
            }
        )
    return answers


# --- What else must hold ----------------------------------------------------------------------


def import_running(shipment: Shipment) -> DomainError | None:
    """No spreadsheet waits to be read into the manifest; dry runs do not count, as they write nothing."""
    waiting = shipment.uploads.filter(dry_run=False, state__in=(Job.State.PENDING, Job.State.LEASED))
    first = waiting.order_by("id").only("progress").first()
    if first is None:
        return None
    return ImportRunning(
        _("A spreadsheet is being read into this shipment (%(progress)d %%). Wait until it is read, then repeat this.")
        % {"progress": first.progress},
        progress=first.progress,
    )


def complete(shipment: Shipment, by: User) -> DomainError | None:
    """At least one package, none empty, numbers without gap, weights known, names in the partner's languages."""
    problems = list(_problems(shipment))
    if not problems:
        return None
    return NotReady(
        _("The manifest is not ready: %(problems)s") % {"problems": " ".join(p["detail"] for p in problems)},
        problems=problems,
    )


def _problems(shipment: Shipment) -> "list[dict[str, Any]]":
    packages = (
        shipment.packages.annotate(
            line_count=Count("lines"),
            net=Sum("lines__net_kg"),
            unweighed=Count("lines", filter=Q(lines__unit_weight_kg=None)),
        )
        .order_by("number")
        .values("number", "gross_kg", "line_count", "net", "unweighed", "destination_id")
    )
    rows = list(packages)
    if not rows:
        return [_problem("no_packages", _("There is no package."), [])]
    found = {
        "empty_packages": (_("Packages without goods."), [r["number"] for r in rows if not r["line_count"]]),
        "numbers_not_contiguous": (
            _("Package numbers do not run from 1 without gap."),
            [row["number"] for place, row in enumerate(rows, start=1) if row["number"] != place][:1],
        ),
        "weights_unknown": (
            _("Weights are not known."),
            [row["number"] for row in rows if row["gross_kg"] is None or row["unweighed"]],
        ),
        "gross_below_net": (
            _("Packages weigh less than their goods."),
            [row["number"] for row in rows if row["gross_kg"] and row["net"] and row["gross_kg"] < row["net"]],
        ),
        "destination_missing": (
            _("Packages have no destination."),
            [row["number"] for row in rows if row["destination_id"] is None] if shipment.stops.count() > 1 else [],
        ),
        "names_missing": (_("Goods have no name in the partner's language."), _unnamed(shipment)),
        "payload_exceeded": (_("The goods weigh more than the container’s payload."), _overweight(shipment, rows)),
    }
    return [_problem(code, detail, numbers) for code, (detail, numbers) in found.items() if numbers]


def _problem(code: str, detail: str, packages: list[int]) -> dict[str, Any]:
    return {"code": code, "detail": detail, "packages": packages[:50], "count": len(packages)}


def _unnamed(shipment: Shipment) -> list[int]:
    lines = ManifestLine.objects.filter(package__shipment=shipment)
    unnamed = Q(description_en="") | (Q(description_fr="") if "fr" in shipment.consignee.languages else Q())
    return list(lines.filter(unnamed).values_list("package__number", flat=True).order_by("package__number").distinct())


def _overweight(shipment: Shipment, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    payload = shipment.container_payload_kg
    gross = sum(row["gross_kg"] or 0 for row in rows)
    return [rows[-1]["number"]] if payload is not None and gross > payload else []


def may_leave(shipment: Shipment, by: User) -> DomainError | None:
    if shipment.consignee.status != Partner.Status.APPROVED:
        return PartnerNotApproved(_("The partner is not approved. A coordinator can approve it."))
    if shipment.container_number and not shipment.seal_number:
        return SealMissing(_("Enter the number of the container's seal first."))
    return None


def settled(shipment: Shipment, by: User) -> DomainError | None:
    """Every line is accounted for, and every discrepancy is closed."""
    lines = shipment.line_count or 0
    resolved = Tally.objects.filter(shipment=shipment, is_resolved=True).count()
    still_open = shipment.discrepancies.exclude(state=Discrepancy.State.CLOSED).count()
    # Of a shipment that is lost as a whole no line was ever counted.
    unresolved = 0 if shipment.status == Status.LOST else lines - resolved
    if not unresolved and not still_open:
        return None
    return Unresolved(
        _("Before it is closed: %(lines)s lines are not accounted for, %(open)s discrepancies are not closed.")
        % {"lines": unresolved, "open": still_open},
        unresolved_lines=unresolved,
        open_discrepancies=still_open,
    )


def may_be_checked(shipment: Shipment, by: User) -> DomainError | None:
    """There is something to check, and somebody other than its packer checks it."""
    if shipment.packed_by_id == by.pk:
        return CheckerIsPacker(_("You packed this shipment, so somebody else must check it."))
    return None if shipment.packages.exists() else NotReady(_("There is no package to check."), problems=[])


MOVES: dict[str, Move] = {
    move.name: move
    for move in (
        Move("check", frozenset({Status.PACKING}), WAREHOUSE, may_be_checked, needs_whole_manifest=True),
        Move("seal", frozenset({Status.PACKING}), WAREHOUSE, complete, needs_whole_manifest=True),
        Move("reopen", frozenset({Status.SEALED}), WAREHOUSE),
        Move("dispatch", frozenset({Status.SEALED}), WAREHOUSE, may_leave),
        Move("arrive", frozenset({Status.DISPATCHED}), RECEIVERS),
        Move("deliver", frozenset(DELIVERABLE), RECEIVERS),
        Move("lose", frozenset({Status.DISPATCHED, Status.ARRIVED}), WAREHOUSE),
        Move("find", frozenset({Status.LOST}), WAREHOUSE),
        Move("return", frozenset({Status.DISPATCHED}), WAREHOUSE),
        Move("close", frozenset({Status.RECEIVED, Status.LOST}), WAREHOUSE, settled),
        Move("cancel", frozenset({Status.DRAFT, Status.PACKING, Status.SEALED}), WAREHOUSE),
    )
}
