import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.files.storage import default_storage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from logistics.audit import services as audit
from logistics.jobs import services as jobs
from logistics.jobs.lanes import Lane
from logistics.mail import messages, readers, unsubscribing
from logistics.mail.models import Email
from logistics.transactions import lock


class Attachment(TypedDict):
    name: str
    storage_name: str
    sha256: str
    type: str


class AttachmentChanged(Exception):
    """The stored file does not match its recorded hash."""


@transaction.atomic
def request(
    kind: str,
    *,
    to: str,
    template: str,
    context: Mapping[str, object],
    language: str = "en",
    attachments: Sequence[Attachment] = (),
    lane: Lane | None = None,
) -> Email:
    """Queue a mail. The template's first line is the subject, the rest the text, in `language`.

    `lane`: where it waits (see `jobs.enqueue`). Mails of an optional kind are queued by `notify`.
    """
    assert not readers.is_optional(kind), f"{kind}: its recipients may have unsubscribed"
    subject, body = _written(template, context, language)
    email = Email(kind=kind, to=to, language=language, subject=subject, body=body, attachments=list(attachments))
    return jobs.enqueue(email, lane=lane)


@transaction.atomic
def notify(kind: str, *, to: str, template: str, context: Mapping[str, object], language: str = "en") -> Email | None:
    """Queue a mail of an optional kind, as `request` does, unless its recipient has unsubscribed from the kind."""
    assert readers.is_optional(kind), f"{kind}: it has no unsubscribe link"
    if not unsubscribing.is_wanted(kind, to):
        return None
    subject, body = _written(template, context, language)
    return jobs.enqueue(Email(kind=kind, to=to, language=language, subject=subject, body=body))


def _written(template: str, context: Mapping[str, object], language: str) -> tuple[str, str]:
    """Return the subject and the text of a mail."""
    with translation.override(language):
        text = render_to_string(template, {**context, "public_url": settings.PUBLIC_URL}).strip()
    subject, _, body = text.partition("\n")
    return subject.strip()[:200], body.strip() + "\n"


@transaction.atomic
def retry(email: Email, *, by: AbstractBaseUser | None, at: datetime) -> Email:
    """Retry a failed mail after its cause was fixed. Raises WrongState unless it is dead."""
    email = jobs.retry(lock(email))
    audit.record("sending retried", email, by=by, at=at)
    return email


def deliver(email_id: str) -> bool:
    """Send one mail if it is due, and delete its text. If its worker is killed in between, it may be sent twice.

    The text may hold a donor's secret link, which a copy of the database must not reveal.
    """
    return jobs.run(Email, email_id, _send)


def _send(email: Email) -> dict[str, object]:
    message = messages.of(email)
    for attachment in email.attachments:
        with default_storage.open(attachment["storage_name"]) as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != attachment["sha256"]:
            raise AttachmentChanged(attachment["storage_name"])
        message.attach(attachment["name"], content, attachment["type"])
    message.send()
    return {"body": ""}
