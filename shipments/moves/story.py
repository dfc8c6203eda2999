"""The audit trail of a shipment as sentences: who did what, when; in the reader's language."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from logistics.audit.models import AuditEntry
from shipments.deliveries.models import Discrepancy
from shipments.manifests.states import Status
from shipments.papers.models import Paper

# A verb of the trail -> what it says, in which %(...)s are details of its entry.
SENTENCES = {
    "created": gettext_noop("%(who)s opened shipment %(number)s."),
    "edited": gettext_noop("%(who)s changed the shipment: %(fields)s."),
    "package edited": gettext_noop("%(who)s changed package %(package)s: %(fields)s."),
    "package removed": gettext_noop("%(who)s removed package %(package)s."),
    "line added": gettext_noop("%(who)s added line %(line)s to package %(package)s."),
    "line edited": gettext_noop("%(who)s changed line %(line)s of package %(package)s: %(fields)s."),
    "line removed": gettext_noop("%(who)s removed line %(line)s from package %(package)s."),
    "manifest uploaded": gettext_noop("%(who)s uploaded a spreadsheet of the manifest."),
    "dry run uploaded": gettext_noop("%(who)s uploaded a spreadsheet to see what it would import."),
    "upload retried": gettext_noop("%(who)s retried the import of the spreadsheet."),
    "checked": gettext_noop("%(who)s checked the packages against the manifest."),
    "sealed": gettext_noop(
        "%(who)s sealed the shipment: %(packages)s, %(lines)s, %(gross_kg)s kg, %(volume_m3)s m³;"
        " packing list v%(packing_list_version)s was issued."
    ),
    "manifest imported": gettext_noop("The spreadsheet was read: the manifest now has %(packages)s and %(lines)s."),
    "paper issued": gettext_noop("%(who)s issued %(number)s (%(kind)s), version %(version)s."),
    "paper replaced": gettext_noop("%(who)s issued %(number)s (%(kind)s) in place of %(replaces)s."),
    "reopened": gettext_noop("%(who)s reopened the shipment; its packing list is no longer valid."),
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
    if counted := _counted(entry.verb, details):
        return counted % {"who": who, **details}
    if entry.verb == "delivery confirmed":
        return _delivered(who, details)
    if entry.verb.startswith("discrepancy"):
        details["kind"] = _lower(Discrepancy.Kind(details["kind"]))
    if "decision" in details:
        details["decision"] = _lower(Discrepancy.Decision(details["decision"]))
    if entry.verb in ("sealed", "manifest imported"):
        details |= _contents(details)
    if entry.verb in ("paper issued", "paper replaced"):
        details["kind"] = _lower(Paper.Kind(details["kind"]))
    known = SENTENCES.get(entry.verb)
    return _(known) % {"who": who, **details} if known else f"{who}: {entry.verb}."


def _counted(verb: str, details: dict[str, Any]) -> str:
    """Return the sentence of a verb whose form goes with a count; "" for any other verb."""
    if verb == "packages added":
        count = int(details["last"]) - int(details["first"]) + 1
        return ngettext("%(who)s added package %(first)s.", "%(who)s added packages %(first)s to %(last)s.", count)
    if verb == "manifest refused":
        return ngettext(
            "The spreadsheet was refused, with %(errors)s error; nothing was changed.",
            "The spreadsheet was refused, with %(errors)s errors; nothing was changed.",
            int(details["errors"]),
        )
    if verb == "dispatched":
        return ngettext(
            "%(who)s dispatched the shipment; %(contacts_told)s contact of the partner was told.",
            "%(who)s dispatched the shipment; %(contacts_told)s contacts of the partner were told.",
            int(details["contacts_told"]),
        )
    return ""


def _contents(details: dict[str, Any]) -> dict[str, str]:
    packages = int(details.get("package_count", details.get("packages", 0)))
    lines = int(details.get("line_count", details.get("lines", 0)))
    return {
        "packages": ngettext("%(count)d package", "%(count)d packages", packages) % {"count": packages},
        "lines": ngettext("%(count)d line", "%(count)d lines", lines) % {"count": lines},
    }


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
