"""The audit trail of a shipment as sentences in the reader's language: who did what, and when.

Each room adds the sentences for the verbs that it records (shipments/apps.py).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from logistics.audit.models import AuditEntry
from logistics.partners import scope

# Details of an entry, with `who`. A text names them as %(...)s; a function returns the sentence.
Details = dict[str, Any]
Sentence = str | Callable[[Details], str]


class TrailEntry(TypedDict):
    """An entry as shown to people."""

    sequence: int
    at: datetime
    verb: str
    by: str
    sentence: str
    reason: str


def _sealed(details: Details) -> str:
    return _(
        "%(who)s sealed the shipment: %(packages)s, %(lines)s, %(gross_kg)s kg, %(volume_m3)s m³;"
        " packing list v%(packing_list_version)s was issued."
    ) % (details | contents(details["package_count"], details["line_count"]))


def _dispatched(details: Details) -> str:
    if details.get("overrides"):
        return (
            ngettext(
                "%(who)s dispatched the shipment before its packing list was printed; %(contacts_notified)s contact of"
                " the partner was notified.",
                "%(who)s dispatched the shipment before its packing list was printed; %(contacts_notified)s contacts of"
                " the partner were notified.",
                int(details["contacts_notified"]),
            )
            % details
        )
    return (
        ngettext(
            "%(who)s dispatched the shipment; %(contacts_notified)s contact of the partner was notified.",
            "%(who)s dispatched the shipment; %(contacts_notified)s contacts of the partner were notified.",
            int(details["contacts_notified"]),
        )
        % details
    )


# Told to each site of a shipment: where it is, without figures of the goods.
OF_EVERY_SITE = ("dispatched", "arrived", "lost", "found", "returned", "closed")
# What the trail of all rows calls details of these entries.
DETAILS = (gettext_noop("package count"), gettext_noop("line count"))
# Verb -> its sentence.
SENTENCES: dict[str, Sentence] = {
    "created": gettext_noop("%(who)s opened shipment %(number)s."),
    "edited": gettext_noop("%(who)s changed the shipment: %(fields)s."),
    "checked": gettext_noop("%(who)s checked the packages against the manifest."),
    "sealed": _sealed,
    "reopened": gettext_noop("%(who)s reopened the shipment; its packing list is no longer valid."),
    "dispatched": _dispatched,
    "arrived": gettext_noop("%(who)s reported that the shipment has arrived."),
    "lost": gettext_noop("%(who)s declared the shipment lost."),
    "found": gettext_noop("%(who)s reported that the shipment was found."),
    "returned": gettext_noop("%(who)s reported that the goods came back."),
    "closed": gettext_noop("%(who)s closed the shipment."),
    "cancelled": gettext_noop("%(who)s cancelled the shipment."),
}


def add_sentences(sentences: Mapping[str, Sentence]) -> None:
    """Add a room's sentences."""
    SENTENCES.update(sentences)


def describe(entries: Iterable[AuditEntry], *, hide_staff: bool, site_id: UUID | None = None) -> Iterator[TrailEntry]:
    """Yield each entry with its sentence.

    `hide_staff`, for partners: staff are "The charity", and their reasons are left out, because staff write them for
    each other, with names, values and opinions. `site_id`, for a reader who is bound to it: the partner's other people
    are "The partner".
    """
    for entry in entries:
        who = _who(entry, hide_staff=hide_staff)
        if site_id is not None and entry.by and not _is_staff(entry) and scope.site_of(entry.by) != site_id:
            who = _("The partner")
        yield {
            "sequence": entry.sequence,
            "at": entry.at,
            "verb": entry.verb,
            "by": who,
            "sentence": sentence(entry, who),
            "reason": "" if hide_staff and _is_staff(entry) else entry.reason,
        }


def sentence(entry: AuditEntry, who: str) -> str:
    """Return the sentence of an entry; for an unknown verb, the verb itself."""
    details: Details = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in entry.details.items()
    }
    details["who"] = who
    known = SENTENCES.get(entry.verb)
    if known is None:
        return f"{who}: {_(entry.verb)}."
    return known(details) if callable(known) else _(known) % details


def contents(packages: object, lines: object) -> dict[str, str]:
    """Return "270 packages" and "323 lines" for use in a sentence."""
    counts = int(str(packages)), int(str(lines))
    return {
        "packages": ngettext("%(count)d package", "%(count)d packages", counts[0]) % {"count": counts[0]},
        "lines": ngettext("%(count)d line", "%(count)d lines", counts[1]) % {"count": counts[1]},
    }


def lower(choice: TextChoices) -> str:
    """Return the label of a choice in lower case, for use in a sentence."""
    return str(choice.label).lower()


def _is_staff(entry: AuditEntry) -> bool:
    return entry.by is None or entry.by.is_staff


def _who(entry: AuditEntry, *, hide_staff: bool) -> str:
    if entry.by is None:
        return _("The system")
    if hide_staff and _is_staff(entry):
        return _("The charity")
    return entry.by.name
