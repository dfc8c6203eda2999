"""Checks of the trail's hash chains. The trail only grows, so hourly checks look at a part of it: see `Bookmark`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now

from logistics.audit.models import AuditEntry
from logistics.audit.services import FIELDS, digest

SLICE = 2_000
# How many old entries each hourly check looks at again: a million every ten hours, in about three seconds of CPU each.
AGAIN = 100_000
# Entries are checked in the order of their ids, and a transaction may commit an earlier id after a later one. No
# transaction takes this long.
SETTLED_AFTER = timedelta(minutes=10)
REMEMBERED = 1_000


@dataclass(frozen=True)
class Bookmark:
    """How far the hourly checks have come, and the entries that they found broken: each looks at these again."""

    new: UUID | None = None  # entries up to here were checked at least once
    again: UUID | None = None  # the present round over the old entries has come to here
    broken: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        ends = {"new": self.new, "again": self.again}
        return {name: str(end) if end else None for name, end in ends.items()} | {"broken": list(self.broken)}

    @classmethod
    def of(cls, stored: dict[str, object]) -> "Bookmark":
        new, again, broken = (stored.get(name) for name in ("new", "again", "broken"))
        return cls(
            UUID(str(new)) if new else None,
            UUID(str(again)) if again else None,
            tuple(map(str, broken)) if isinstance(broken, list) else (),
        )


@dataclass(frozen=True)
class Slice:
    """Consecutive entries: the ids of the broken ones, how many there were, and the id of the last one."""

    broken: list[str]
    checked: int
    last: UUID | None


def slices(after: UUID | None = None, *, until: UUID | None = None) -> Iterator[Slice]:
    """Check the entries after one id, up to another, some thousand at a time: memory does not grow with the trail."""
    while (found := _slice(after, until)).last:
        yield found
        after = found.last


def total() -> int:
    return AuditEntry.objects.count()


def check_more(bookmark: Bookmark) -> Bookmark:
    """Check all entries since the bookmark and, in turn, a part of the older ones. Returns the next bookmark."""
    newest = (
        AuditEntry.objects.filter(at__lt=Now() - SETTLED_AFTER).order_by("-id").values_list("id", flat=True).first()
    )
    if newest is None:
        return bookmark
    known = AuditEntry.objects.filter(id__in=bookmark.broken)
    broken = dict.fromkeys(_check(known, len(bookmark.broken)).broken)
    for part in slices(bookmark.new, until=newest):
        broken |= dict.fromkeys(part.broken)
    again, seen = bookmark.again, 0
    for part in slices(again, until=newest):
        broken |= dict.fromkeys(part.broken)
        again, seen = part.last, seen + part.checked
        if seen >= AGAIN:
            break
    else:
        again = None  # the next round begins at the first entry
    return replace(bookmark, new=newest, again=again, broken=tuple(broken)[:REMEMBERED])


def broken_links(progress: Callable[[int, int], None]) -> Iterator[str]:
    """Yield the id of each entry that was changed or does not follow the one before it, and tell the progress."""
    checked, of = 0, total()
    for part in slices():
        yield from part.broken
        checked += part.checked
        progress(checked, max(of, checked))


def more_broken_links(stored: dict[str, object]) -> tuple[dict[str, object], list[str]]:
    """Check more of the trail: takes and returns a bookmark, with the ids of all entries found broken so far."""
    bookmark = check_more(Bookmark.of(stored))
    return bookmark.as_json(), list(bookmark.broken)


def _slice(after: UUID | None, until: UUID | None) -> Slice:
    entries = AuditEntry.objects.all()
    if after:
        entries = entries.filter(id__gt=after)
    if until:
        entries = entries.filter(id__lte=until)
    return _check(entries, SLICE)


def _check(entries: QuerySet[AuditEntry], at_most: int) -> Slice:
    """Check the first of these entries: their own hashes, and that each follows the one before it."""
    before = AuditEntry.objects.filter(
        subject_kind=OuterRef("subject_kind"), subject_id=OuterRef("subject_id"), sequence=OuterRef("sequence") - 1
    )
    entries = entries.annotate(expected=Subquery(before.values("hash")[:1])).order_by("id")
    rows = list(entries.values_list("id", "hash", "expected", *(F(name) for name in FIELDS))[:at_most])
    broken = []
    for pk, own, expected, *fields in rows:
        previous, sequence = fields[FIELDS.index("previous_hash")], fields[FIELDS.index("sequence")]
        follows = previous == (expected or "") and (sequence == 1) == (expected is None)
        if not follows or own != digest(fields):
            broken.append(str(pk))
    return Slice(broken, len(rows), rows[-1][0] if rows else None)
