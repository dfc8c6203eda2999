"""Turn the exceptions of a confirmation into figures for each manifest line.

A confirmation is small: a default ("good" or "none") and its exceptions. The exceptions are counted here; the rest of a
"good" delivery is counted by one SQL statement (figures.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict
from uuid import UUID

from django.utils.translation import gettext as _

from logistics.errors import Invalid
from shipments.deliveries.models import Delivery
from shipments.packing.models import ManifestLine, goes_to
from shipments.shipments.models import Shipment


class LineException(TypedDict):
    """A package, or one of its lines, to which the default does not apply. A figure of True means: all that is left."""

    package: int
    line: NotRequired[int]
    good: NotRequired[int]
    damaged: NotRequired[int]
    missing: NotRequired[int]
    surplus: NotRequired[int]
    later: NotRequired[bool]
    reason: NotRequired[str]


class Unlisted(TypedDict):
    """Goods that are not on the manifest."""

    description: str
    quantity: int
    unit: NotRequired[str]
    remark: NotRequired[str]


FIGURES = ("good", "damaged", "missing", "surplus")
# `true` instead of a number: everything not accounted for yet.
ALL: Literal[True] = True


@dataclass
class Counted:
    """One line in one delivery."""

    line: ManifestLine
    remaining: int  # not accounted for before this delivery
    good: int = 0
    damaged: int = 0
    missing: int = 0
    surplus: int = 0
    reason: str = ""
    later: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.good or self.damaged or self.missing or self.surplus)

    @property
    def is_lost(self) -> bool:
        """Whether the whole line is missing, and nothing of it came before."""
        return self.missing > 0 and self.missing == self.line.quantity


def count(
    shipment: Shipment, default: str, exceptions: Sequence[LineException], *, site_id: UUID | None = None
) -> list[Counted]:
    """Return the figures of each line named by the exceptions; with `site_id`, only packages for this site are known.

    Raises Invalid, with the path of the exception, for an unknown package or line, a line named twice, more than
    is left to account for, damage without a reason.
    """
    numbers = {exception["package"] for exception in exceptions}
    of_package = _lines(shipment, numbers, site_id) if numbers else {}
    counted: dict[UUID, Counted] = {}
    for place, exception in enumerate(exceptions):
        path = f"exceptions[{place}]"
        for line in _named(of_package, exception, path):
            if line.pk in counted:
                raise Invalid(_("This line is named twice."), field=path, code="not_unique")
            counted[line.pk] = _judge(line, exception, default, path)
    return list(counted.values())


def _lines(shipment: Shipment, numbers: Iterable[int], site_id: UUID | None) -> dict[int, list[ManifestLine]]:
    lines = ManifestLine.objects.filter(shipment=shipment, package__number__in=list(numbers))
    if site_id is not None:
        lines = lines.filter(goes_to(site_id, "package__"))
    of_package: dict[int, list[ManifestLine]] = {}
    for line in lines.select_related("package", "item", "tally").order_by("package__number", "position"):
        of_package.setdefault(line.package.number, []).append(line)
    return of_package


def _named(of_package: Mapping[int, list[ManifestLine]], exception: LineException, path: str) -> list[ManifestLine]:
    """Return the lines named by an exception: one, or all of its package."""
    number = exception["package"]
    lines = of_package.get(number)
    if not lines:
        detail = _("There is no package %(number)d in this shipment.") % {"number": number}
        raise Invalid(detail, field=f"{path}.package", code="does_not_exist")
    if "line" in exception:
        found = [line for line in lines if line.position == exception["line"]]
        if not found:
            detail = _("Package %(number)d has lines 1 to %(last)d.") % {"number": number, "last": len(lines)}
            raise Invalid(detail, field=f"{path}.line", code="does_not_exist")
        return found
    # type(), because True is an int too.
    says_figures = any(type(exception.get(name)) is int for name in FIGURES)
    if says_figures and len(lines) > 1:
        detail = _("Package %(number)d has %(lines)d lines: say which line you counted.") % {
            "number": number,
            "lines": len(lines),
        }
        raise Invalid(detail, field=f"{path}.line", code="required")
    return lines


def _judge(line: ManifestLine, exception: LineException, default: str, path: str) -> Counted:
    tally = getattr(line, "tally", None)
    accounted = tally.good + tally.damaged + tally.missing - tally.surplus if tally else 0
    counted = Counted(line, line.quantity - accounted, reason=exception.get("reason", ""))
    if exception.get("later"):
        counted.later = True
        return counted
    given = {name: exception.get(name) for name in FIGURES}
    present = {name: figure for name, figure in given.items() if figure is not None}
    if not present:
        raise Invalid(_("Say what was good, damaged, missing or surplus."), field=path, code="says_nothing")
    whole = [name for name, figure in present.items() if figure is ALL]
    figures = {name: figure for name, figure in present.items() if figure is not ALL}
    for name, figure in figures.items():
        setattr(counted, name, figure)
    rest = counted.remaining + counted.surplus - counted.good - counted.damaged - counted.missing
    if len(whole) > 1 or "surplus" in whole:
        raise Invalid(_("Only one of good, damaged and missing can be “all”."), field=path, code="contradiction")
    if whole:
        setattr(counted, whole[0], rest)
    elif default == Delivery.Default.GOOD and "good" not in figures:
        counted.good = rest
    _check(counted, rest, path)
    return counted


def _check(counted: Counted, rest: int, path: str) -> None:
    if rest < 0:
        detail = _("Only %(remaining)d of this line are unaccounted for; declare any more as surplus.") % {
            "remaining": counted.remaining
        }
        raise Invalid(detail, field=path, code="too_many")
    if counted.missing and counted.surplus:
        raise Invalid(_("A line cannot be both short and in surplus."), field=path, code="contradiction")
    if counted.damaged and not counted.reason:
        raise Invalid(_("Describe the damage briefly."), field=f"{path}.reason", code="required")
