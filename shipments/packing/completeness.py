"""Guards on the manifest before a shipment is checked or sealed."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypedDict

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from logistics.errors import DomainError
from logistics.people.models import User
from shipments.packing.models import ManifestLine
from shipments.shipments.models import Shipment


class Problem(TypedDict):
    """A problem of a manifest; `packages` are the numbers of the first 50 of `count` packages."""

    code: str
    detail: str
    packages: list[int]
    count: int


class Weighed(TypedDict):
    """The number and gross weight of a package."""

    number: int
    gross_kg: Decimal | None


class ManifestNotReady(DomainError):
    """The manifest is not complete: `problems` lists what is missing, and in which packages."""

    code = "not_ready"


class CheckerIsPacker(DomainError):
    """The person who packed the shipment cannot check it."""

    code = "checker_is_packer"


def complete(shipment: Shipment, by: User) -> DomainError | None:
    """Require packages, none empty, numbers without gaps, known weights, and names in the partner's languages."""
    problems = list(_problems(shipment))
    if not problems:
        return None
    return ManifestNotReady(
        _("The manifest is not ready: %(problems)s") % {"problems": " ".join(p["detail"] for p in problems)},
        problems=problems,
    )


def _problems(shipment: Shipment) -> list[Problem]:
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
        return [_problem("no_packages", _("The shipment has no packages."), [])]
    found = {
        "empty_packages": (_("Packages without goods."), [r["number"] for r in rows if not r["line_count"]]),
        "numbers_not_contiguous": (
            _("Package numbers do not run from 1 without gaps."),
            [row["number"] for place, row in enumerate(rows, start=1) if row["number"] != place][:1],
        ),
        "weights_unknown": (
            _("Some weights are unknown."),
            [row["number"] for row in rows if row["gross_kg"] is None or row["unweighed"]],
        ),
        "gross_below_net": (
            _("Packages weigh less than their goods."),
            [row["number"] for row in rows if row["gross_kg"] and row["net"] and row["gross_kg"] < row["net"]],
        ),
        "destination_missing": (
            _("Packages have no destination."),
            [row["number"] for row in rows if row["destination_id"] is None] if shipment.sites.count() > 1 else [],
        ),
        "names_missing": (_("Goods have no name in the partner's language."), _unnamed(shipment)),
        "payload_exceeded": (_("The goods weigh more than the container’s payload."), _overweight(shipment, rows)),
    }
    return [_problem(code, detail, numbers) for code, (detail, numbers) in found.items() if numbers]


def _problem(code: str, detail: str, packages: list[int]) -> Problem:
    return {"code": code, "detail": detail, "packages": packages[:50], "count": len(packages)}


def _unnamed(shipment: Shipment) -> list[int]:
    lines = ManifestLine.objects.filter(shipment=shipment)
    unnamed = Q(description_en="") | (Q(description_fr="") if "fr" in shipment.consignee.languages else Q())
    return list(lines.filter(unnamed).values_list("package__number", flat=True).order_by("package__number").distinct())


def _overweight(shipment: Shipment, rows: Sequence[Weighed]) -> list[int]:
    payload = shipment.container_payload_kg
    gross = sum(row["gross_kg"] or 0 for row in rows)
    return [rows[-1]["number"]] if payload is not None and gross > payload else []


def may_be_checked(shipment: Shipment, by: User) -> DomainError | None:
    """Require at least one package, and a checker who is not the packer."""
    if shipment.packed_by_id == by.pk:
        return CheckerIsPacker(_("You packed this shipment, so somebody else must check it."))
    return (
        None
        if shipment.packages.exists()
        else ManifestNotReady(_("The shipment has no packages to check."), problems=[])
    )
