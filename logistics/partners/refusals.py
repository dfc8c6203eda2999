"""Texts that were refused because they resemble a sealed address: a safety officer reads one, and may allow it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.errors import Forbidden, Invalid
from logistics.ids import uuid7
from logistics.partners import addresses, guard, keys, vault
from logistics.partners.models import Partner, RefusedText
from logistics.people.models import User
from logistics.transactions import lock

# After this, a text that nobody has allowed is deleted.
KEPT = timedelta(days=30)


def read(row: RefusedText, *, proved_at: datetime | None, by: User, at: datetime) -> str:
    """Return a refused text to a safety officer. It may hold an address, so the reading is recorded first.

    `proved_at`: see `addresses.reveal`. Raises Forbidden for any other role, SignInAgain.
    """
    addresses.check_officer(by, proved_at=proved_at, at=at)
    # A transaction of its own, committed before anything is decrypted: no reading goes unrecorded.
    with transaction.atomic(durable=True):
        audit.record("refused text read", lock(row.partner), by=by, at=at, text=str(row.pk), fields=[row.field])
    return vault.read([row.sealed_id])[row.sealed_id].decode()


@transaction.atomic
def allow(row: RefusedText, *, reason: str, by: User, at: datetime) -> RefusedText:
    """Allow a refused text in any field of its partner, although it resembles a sealed address.

    Raises Forbidden unless a safety officer asks, Invalid without a reason or for one that gives a place away.
    """
    partner = _checked(row.partner, reason=reason, by=by, at=at)
    return _allow(lock(row), partner, reason=reason, by=by, at=at)


@transaction.atomic
def allow_text(partner: Partner, text: str, *, reason: str, by: User, at: datetime) -> RefusedText:
    """Allow a text, also one that nobody has entered yet, in any field of a partner. Raises as `allow`."""
    partner = _checked(partner, reason=reason, by=by, at=at)
    found = keys.digested(text, partner.pk)
    row = RefusedText.objects.filter(partner=partner, **found).first()
    if row is None:
        row = RefusedText.objects.create(partner=partner, sealed_id=uuid7(), **found)
        vault.put(row.sealed_id, text.encode())
    return _allow(row, partner, reason=reason, by=by, at=at)


def _checked(partner: Partner, *, reason: str, by: User, at: datetime) -> Partner:
    if not addresses.is_officer(by):
        raise Forbidden(_("Only a safety officer may allow a text."))
    if len(reason.strip()) < addresses.REASON_MIN:
        raise Invalid(_("Say briefly why this text is harmless."), field="reason", code="required")
    guard.check_texts("logistics.auditentry", {"reason": reason}, partner.pk, by=by, at=at)
    return lock(partner)


def _allow(row: RefusedText, partner: Partner, *, reason: str, by: User, at: datetime) -> RefusedText:
    if row.allowed_at is None:
        row.allowed_at, row.allowed_by = at, by
        row.save(update_fields=["allowed_at", "allowed_by"])
        audit.record("text allowed", partner, by=by, at=at, reason=reason.strip(), text=str(row.pk))
    return row


def forget_old(*, at: datetime) -> int:
    """Delete texts that were refused long ago and that nobody has allowed, and return how many."""
    return RefusedText.objects.filter(allowed_at=None, refused_at__lt=at - KEPT).delete()[0]
