import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction

from logistics.audit.models import AuditEntry
from logistics.rows import Prepared

_LAST = Prepared(
    lambda kind, pk: AuditEntry.objects.filter(subject_kind=kind, subject_id=pk).order_by("-sequence"),
    "a kind",
    UUID(int=1),
)


@transaction.atomic(savepoint=False)
def record(
    verb: str,
    subject: models.Model,
    *,
    by: AbstractBaseUser | AnonymousUser | None,
    at: datetime,
    reason: str = "",
    **details: object,
) -> AuditEntry:
    """Add one entry to the subject's trail. `by` is None for the system and for anonymous donors.

    The caller must hold the subject's lock, so that entries of one subject are written one after another.
    """
    kind = subject._meta.label_lower
    last = _LAST.first(kind, subject.pk)
    entry = AuditEntry(
        subject_kind=kind,
        subject_id=subject.pk,
        sequence=last.sequence + 1 if last else 1,
        verb=verb,
        by_id=by.pk if by is not None else None,
        at=at,
        reason=reason,
        details=details,
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64],
        previous_hash=last.hash if last else "",
    )
    entry.hash = digest([getattr(entry, name) for name in FIELDS])
    entry.save(force_insert=True)
    return entry


# What a hash covers, in this order.
FIELDS = (
    *("previous_hash", "subject_kind", "subject_id", "sequence", "verb"),
    *("by_id", "at", "reason", "details", "request_id"),
)


def digest(values: Sequence[object]) -> str:
    """Return the SHA-256 of an entry's FIELDS; the hash of the entry before it is one of them."""
    content = [_plain(value) for value in values]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if value is None or isinstance(value, UUID) else value


def trail(subject: models.Model) -> models.QuerySet[AuditEntry]:
    """Return the subject's entries, oldest first."""
    return (
        AuditEntry.objects.filter(subject_kind=subject._meta.label_lower, subject_id=subject.pk)
        .select_related("by")
        .order_by("sequence")
    )


def kind_name(label: str) -> str:
    """Return the verbose name of a model by its label, or the label if the model no longer exists."""
    try:
        return str(apps.get_model(label)._meta.verbose_name)
    except LookupError:
        return label


def name_rows(entries: Iterable[AuditEntry]) -> None:
    """Set the name of each entry's subject, its id if the row is gone: one query for each kind of subject."""
    found: dict[str, list[AuditEntry]] = {}
    for entry in entries:
        entry.row_name = str(entry.subject_id)
        found.setdefault(entry.subject_kind, []).append(entry)
    for kind, some in found.items():
        with suppress(LookupError):
            rows = apps.get_model(kind)._default_manager.in_bulk({entry.subject_id for entry in some})
            for entry in some:
                if entry.subject_id in rows:
                    entry.row_name = str(rows[entry.subject_id])
