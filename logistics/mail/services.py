import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.files.storage import default_storage
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from logistics.audit import services as audit
from logistics.jobs import services as jobs
from logistics.jobs.lanes import Lane
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

    `lane`: where it waits (see `jobs.enqueue`).
    """
    with translation.override(language):
        text = render_to_string(template, {**context, "public_url": settings.PUBLIC_URL}).strip()
    subject, _, body = text.partition("\n")
    return jobs.enqueue(
        Email(
            kind=kind,
            to=to,
            language=language,
            subject=subject.strip()[:200],
            body=body.strip() + "\n",
            attachments=list(attachments),
        ),
        lane=lane,
    )


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
    return jobs.run(Email, email_id, _send, lambda email, sent: {"body": ""})


def _send(email: Email) -> None:
    message = EmailMessage(
        subject=email.subject,
        body=email.body,
        to=[email.to],
        # The Message-ID is derived from the row, so mail programs show a repeated delivery once.
        headers={"Message-ID": f"<{email.pk}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2].rstrip('>')}>"},
    )
    for attachment in email.attachments:
        with default_storage.open(attachment["storage_name"]) as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != attachment["sha256"]:
            raise AttachmentChanged(attachment["storage_name"])
        message.attach(attachment["name"], content, attachment["type"])
    message.send()
