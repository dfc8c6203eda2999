"""The audit trail of a shipment as sentences: who did what, when; in the reader's language."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from logistics.audit.models import AuditEntry
from shipments.deliveries.models import Discrepancy
from shipments.manifests.states import Status

# A verb of the trail -> what it says, in which %(...)s are details of its entry.
SENTENCES = {
    "created": gettext_noop("%(who)s opened shipment %(number)s."),
    "edited": gettext_noop("%(who)s changed the shipment: %(fields)s."),
    "package edited": gettext_noop("%(who)s changed package %(package)s: %(fields)s."),
    "package removed": gettext_noop("%(who)s took package %(package)s out."),
    "line added": gettext_noop("%(who)s added line %(line)s to package %(package)s."),
    "line edited": gettext_noop("%(who)s changed line %(line)s of package %(package)s: %(fields)s."),
    "line removed": gettext_noop("%(who)s took line %(line)s out of package %(package)s."),
    "manifest uploaded": gettext_noop("%(who)s uploaded a spreadsheet of the manifest."),
    "dry run uploaded": gettext_noop("%(who)s uploaded a spreadsheet to see what it would import."),
    "upload retried": gettext_noop("%(who)s had the spreadsheet read again."),
    "manifest imported": gettext_noop(
        "The spreadsheet was read: %(packages)s packages and %(lines)s lines stand in the manifest."
    ),
    "manifest refused": gettext_noop("The spreadsheet was refused, with %(errors)s errors; nothing was changed."),
    "checked": gettext_noop("%(who)s checked the packages against the manifest."),
    "sealed": gettext_noop(
        "%(who)s sealed the shipment: %(package_count)s packages, %(line_count)s lines, %(gross_kg)s kg,"
        " %(volume_m3)s m³; packing list v%(packing_list_version)s was issued."
    ),
    "paper issued": gettext_noop("%(who)s issued %(number)s (%(kind)s), version %(version)s."),
    "reopened": gettext_noop("%(who)s reopened the shipment; its packing list is no longer valid."),
    "dispatched": gettext_noop("%(who)s dispatched the shipment; %(contacts_told)s contacts of the partner were told."),
    "arrived": gettext_noop("%(who)s reported that the shipment has arrived."),
    "lost": gettext_noop("%(who)s declared the shipment lost."),
    "found": gettext_noop("%(who)s reported that the shipment was found."),
    "returned": gettext_noop("%(who)s reported that the goods came back."),
    "closed": gettext_noop("%(who)s closed the shipment."),
    "cancelled": gettext_noop("%(who)s cancelled the shipment."),
    "delivery reversed": gettext_noop("%(who)s reversed delivery %(reversed)s."),
    "discrepancy decided": gettext_noop("%(who)s decided on a discrepancy (%(kind)s): %(decision)s."),
    "discrepancy closed": gettext_noop("%(who)s closed a discrepancy (%(kind)s)."),
}
COUNTS = ("good", "damaged", "missing", "surplus")


def tell(entries: Iterable[AuditEntry], *, hide_staff: bool) -> Iterator[dict[str, Any]]:
    """Yield each entry with its sentence. `hide_staff`: a partner reads "the charity" in place of our people."""
    for entry in entries:
        who = _who(entry, hide_staff=hide_staff)
        yield {
            "sequence": entry.sequence,
            "at": entry.at,
            "verb": entry.verb,
            "by": who,
            "sentence": sentence(entry, who),
            "reason": entry.reason,
        }


def sentence(entry: AuditEntry, who: str) -> str:
    details = {name: ", ".join(map(str, v)) if isinstance(v, list) else v for name, v in entry.details.items()}
    if entry.verb == "packages added":
        count = int(details["last"]) - int(details["first"]) + 1
        told = ngettext("%(who)s added package %(first)s.", "%(who)s added packages %(first)s to %(last)s.", count)
        return told % {"who": who, **details}
    if entry.verb == "delivery confirmed":
        return _delivered(who, details)
    if entry.verb.startswith("discrepancy"):
        details["kind"] = _lower(Discrepancy.Kind(details["kind"]))
    if "decision" in details:
        details["decision"] = _lower(Discrepancy.Decision(details["decision"]))
    known = SENTENCES.get(entry.verb)
    return _(known) % {"who": who, **details} if known else f"{who}: {entry.verb}."


def _delivered(who: str, details: dict[str, Any]) -> str:
    words = {"good": _("sound"), "damaged": _("damaged"), "missing": _("missing"), "surplus": _("surplus")}
    figures = ", ".join(f"{details[name]} {words[name]}" for name in COUNTS if details.get(name))
    return _("%(who)s confirmed delivery %(delivery)s: %(figures)s; the shipment is %(state)s.") % {
        "who": who,
        "delivery": details["delivery"],
        "figures": figures or _("nothing counted"),
        "state": _lower(Status(details["status"])),
    }


def _lower(choice: TextChoices) -> str:
    return str(choice.label).lower()


def _who(entry: AuditEntry, *, hide_staff: bool) -> str:
    if entry.by is None:
        return _("The system")
    if hide_staff and entry.by.is_staff:
        return _("The charity")
    return entry.by.name
