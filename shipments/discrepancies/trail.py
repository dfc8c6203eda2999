"""Sentences of the audit trail about discrepancies."""

from django.utils.translation import gettext as _

from shipments.discrepancies.models import Discrepancy
from shipments.shipments.trail import Details, Sentence, lower


def _decided(details: Details) -> str:
    return _("%(who)s decided on a discrepancy (%(kind)s): %(decision)s.") % {
        "who": details["who"],
        "kind": lower(Discrepancy.Kind(details["kind"])),
        "decision": lower(Discrepancy.Decision(details["decision"])),
    }


def _closed(details: Details) -> str:
    kind = lower(Discrepancy.Kind(details["kind"]))
    return _("%(who)s closed a discrepancy (%(kind)s).") % {"who": details["who"], "kind": kind}


SENTENCES: dict[str, Sentence] = {"discrepancy decided": _decided, "discrepancy closed": _closed}
