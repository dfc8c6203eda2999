"""Why a job failed, in words: staff read them beside the code, which docs/api-errors.md explains."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# Codes of ours, and the Python classes of what commonly goes wrong outside.
_names: dict[str, str | Promise] = {
    "worker_died": _("the worker was killed"),
    "missing_glyphs": _("no font can draw a character"),
    "paper_out_of_memory": _("the paper needs too much memory"),
    "paper_out_of_time": _("the paper takes too long"),
    "paper_refused": _("the paper could not be printed correctly"),
    "paper_too_deep": _("the paper is nested too deeply"),
    "paper_too_large": _("the paper is too large"),
    "printer_died": _("the printer crashed"),
    "template_broken": _("the template is broken"),
    "ConnectionRefusedError": _("the server does not accept connections"),
    "SMTPAuthenticationError": _("the mail server refused the sign-in"),
    "SMTPRecipientsRefused": _("the mail server refused the recipient"),
    "SMTPServerDisconnected": _("the mail server ended the connection"),
    "TimeoutError": _("the server did not answer in time"),
}


def register(names: Mapping[str, str | Promise]) -> None:
    """Name the codes with which the jobs of a room fail. Each app registers its own in its apps.py."""
    _names.update(names)


def shown(code: str) -> str:
    """Return "the worker was killed (worker_died)" in the reader's language; an error without words is unexpected."""
    if not code:
        return ""
    return gettext("%(name)s (%(code)s)") % {"name": _names.get(code) or gettext("unexpected error"), "code": code}
