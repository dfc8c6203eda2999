"""Sentences of the audit trail about deliveries."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from shipments.deliveries.counting import FIGURES
from shipments.shipments.states import Status
from shipments.shipments.trail import Details, Sentence, lower


def _confirmed(details: Details) -> str:
    words = {"good": _("sound"), "damaged": _("damaged"), "missing": _("missing"), "surplus": _("surplus")}
    figures = ", ".join(f"{details[name]} {words[name]}" for name in FIGURES if details.get(name))
    said = {
        "who": details["who"],
        "delivery": details["delivery"],
        "figures": figures or _("nothing counted"),
        "state": lower(Status(details["status"])),
    }
    if site := details.get("site"):  # confirmed with a key that is bound to it: the figures are those of the site
        sentence = _(
            "%(who)s confirmed delivery %(delivery)s for site %(site)s: %(figures)s; the shipment is %(state)s."
        )
        return sentence % {**said, "site": site}
    return _("%(who)s confirmed delivery %(delivery)s: %(figures)s; the shipment is %(state)s.") % said


SENTENCES: dict[str, Sentence] = {
    "delivery confirmed": _confirmed,
    "delivery reversed": gettext_noop("%(who)s reversed delivery %(reversed)s."),
}
