"""Sentences of the audit trail about imports."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from shipments.shipments.trail import Details, Sentence, contents


def _imported(details: Details) -> str:
    return _("The spreadsheet was read: the manifest now has %(packages)s and %(lines)s.") % contents(
        details["packages"], details["lines"]
    )


def _refused(details: Details) -> str:
    return (
        ngettext(
            "The spreadsheet was refused, with %(errors)s error; nothing was changed.",
            "The spreadsheet was refused, with %(errors)s errors; nothing was changed.",
            int(details["errors"]),
        )
        % details
    )


SENTENCES: dict[str, Sentence] = {
    "manifest uploaded": gettext_noop("%(who)s uploaded a spreadsheet of the manifest."),
    "dry run uploaded": gettext_noop("%(who)s uploaded a spreadsheet to see what it would import."),
    "upload retried": gettext_noop("%(who)s retried the import of the spreadsheet."),
    "manifest imported": _imported,
    "manifest refused": _refused,
}
