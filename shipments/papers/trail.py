"""Sentences of the audit trail about papers."""

from django.utils.translation import gettext as _

from shipments.papers.models import Paper
from shipments.shipments.trail import Details, Sentence, lower


def _issued(details: Details) -> str:
    details["kind"] = lower(Paper.Kind(details["kind"]))
    return _("%(who)s issued %(number)s (%(kind)s), version %(version)s.") % details


def _replaced(details: Details) -> str:
    details["kind"] = lower(Paper.Kind(details["kind"]))
    return _("%(who)s issued %(number)s (%(kind)s) in place of %(replaces)s.") % details


SENTENCES: dict[str, Sentence] = {"paper issued": _issued, "paper replaced": _replaced}
