"""Turns a mail into a message: the text, the same as HTML in the charity's look, and the headers of automatic mail."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from logistics.mail import readers, unsubscribing
from logistics.mail.models import Email


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Whom mails come from, as recipients see it; the defaults are for a charity that has not entered its details."""

    name: str = ""
    reply_to: str = ""


_letterhead: list[Callable[[], Letterhead]] = [Letterhead]


def use_letterhead(letterhead: Callable[[], Letterhead]) -> None:
    """Have this function say whom mails come from. The room of the charity calls this when its app is ready."""
    _letterhead[:] = [letterhead]


def of(email: Email) -> EmailMultiAlternatives:
    """Return the message of a mail, without its attachments."""
    head = _letterhead[0]()
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    headers = {
        # Derived from the row, so mail programs show a repeated delivery once.
        "Message-ID": f"<{email.pk}@{address.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office reply
    }
    text, unsubscribe = email.body, ""
    if readers.is_optional(email.kind):
        unsubscribe = unsubscribing.url_of(email)
        headers |= {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        with translation.override(email.language):
            text += "\n" + _("To stop emails of this kind:") + f"\n{unsubscribe}\n"
    message = EmailMultiAlternatives(
        subject=email.subject,
        body=text,
        from_email=formataddr((" ".join(head.name.split()), address)),
        to=[email.to],
        reply_to=[head.reply_to] if head.reply_to else None,
        headers=headers,
    )
    message.attach_alternative(_html(email, head, unsubscribe), "text/html")
    return message


def _html(email: Email, head: Letterhead, unsubscribe: str) -> str:
    """Return the text as HTML: its paragraphs, with links that can be pressed."""
    with translation.override(email.language):
        context = {
            "language": email.language,
            "subject": email.subject,
            "charity": head,
            "paragraphs": [part for part in re.split(r"\n\s*\n", email.body.strip()) if part.strip()],
            "unsubscribe": unsubscribe,
        }
        return render_to_string("mail/message.html", context)
