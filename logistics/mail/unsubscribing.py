"""Who no longer wants mails of a kind, and the links in mails that say so (RFC 2369; with one click: RFC 8058)."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from logistics.audit import services as audit
from logistics.mail import readers
from logistics.mail.models import Email, Unsubscription
from logistics.transactions import lock


def url_of(email: Email) -> str:
    """Return the URL that stops mails of this one's kind to its recipient. It names neither, and does not expire."""
    path = reverse("unsubscribe", args=[_signer().sign(email.pk.hex)])
    return f"{settings.PUBLIC_URL}{path}"


def email_of(token: str) -> Email | None:
    """Return the mail whose link was opened, or None if we sent no such link."""
    try:
        pk = UUID(_signer().unsign(token))
    except (signing.BadSignature, ValueError):
        return None
    email = Email.objects.filter(pk=pk).first()
    return email if email and readers.is_optional(email.kind) else None


def is_wanted(kind: str, to: str) -> bool:
    """Return whether a recipient wants mails of a kind; until they unsubscribe, they do."""
    return not Unsubscription.objects.filter(kind=kind, to=_folded(to)).exists()


@transaction.atomic
def unsubscribe(email: Email, *, at: datetime) -> None:
    """Send this recipient no more mails of this kind. Doing it twice is no error: mail programs repeat it."""
    email = lock(email)
    _, is_new = Unsubscription.objects.get_or_create(kind=email.kind, to=_folded(email.to))
    if is_new:
        audit.record("unsubscribed", email, by=None, at=at)


@transaction.atomic
def subscribe_again(email: Email, *, at: datetime) -> None:
    """Send mails of this kind to this recipient again."""
    email = lock(email)
    deleted, _ = Unsubscription.objects.filter(kind=email.kind, to=_folded(email.to)).delete()
    if deleted:
        audit.record("subscribed again", email, by=None, at=at)


def _folded(address: str) -> str:
    return address.strip().lower()


def _signer() -> signing.Signer:
    return signing.Signer(salt="logistics.mail.unsubscribing")
