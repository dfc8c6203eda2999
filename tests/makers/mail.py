"""Mails, and through them jobs of any kind."""

from typing import Any

from logistics.mail.models import Email


def make_email(**fields: Any) -> Email:
    """Make a job without notifying a worker."""
    given = {"kind": "note", "to": "somebody@example.org", "subject": "A note", "body": "Hello.\n"}
    return Email.objects.create(**given | fields)
