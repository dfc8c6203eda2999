"""Sentences of the audit trail about packages and lines."""

from django.utils.translation import gettext_noop, ngettext

from shipments.shipments.trail import Details, Sentence


def _added(details: Details) -> str:
    count = int(details["last"]) - int(details["first"]) + 1
    return (
        ngettext("%(who)s added package %(first)s.", "%(who)s added packages %(first)s to %(last)s.", count) % details
    )


SENTENCES: dict[str, Sentence] = {
    "packages added": _added,
    "package edited": gettext_noop("%(who)s changed package %(package)s: %(fields)s."),
    "package removed": gettext_noop("%(who)s removed package %(package)s."),
    "line added": gettext_noop("%(who)s added line %(line)s to package %(package)s."),
    "line edited": gettext_noop("%(who)s changed line %(line)s of package %(package)s: %(fields)s."),
    "line removed": gettext_noop("%(who)s removed line %(line)s from package %(package)s."),
}
