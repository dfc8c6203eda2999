import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, transaction

from logistics.audit.models import AuditEntry


@transaction.atomic
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
    last = AuditEntry.objects.filter(subject_kind=kind, subject_id=subject.pk).order_by("-sequence").first()
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
    entry.hash = hash_of(entry)
    entry.save(force_insert=True)
    return entry


def hash_of(entry: AuditEntry) -> str:
    """Return the SHA-256 of the entry's fields and the hash of the entry before it."""
    content = [
        entry.previous_hash,
        entry.subject_kind,
        str(entry.subject_id),
        entry.sequence,
        entry.verb,
        str(entry.by_id),
        entry.at.astimezone(UTC).isoformat(),
        entry.reason,
        entry.details,
        entry.request_id,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def trail(subject: models.Model) -> models.QuerySet[AuditEntry]:
    """Return the subject's entries, oldest first."""
    return (
        AuditEntry.objects.filter(subject_kind=subject._meta.label_lower, subject_id=subject.pk)
        .select_related("by")
        .order_by("sequence")
    )


def broken_links() -> Iterator[str]:
    """Yield the id of each entry that was changed or does not follow the one before it."""
    previous: AuditEntry | None = None
    for entry in AuditEntry.objects.order_by("subject_kind", "subject_id", "sequence").iterator(chunk_size=2000):
        if previous and (previous.subject_kind, previous.subject_id) != (entry.subject_kind, entry.subject_id):
            previous = None
        expected_hash = previous.hash if previous else ""
        expected_sequence = previous.sequence + 1 if previous else 1
        if (entry.previous_hash, entry.sequence, entry.hash) != (expected_hash, expected_sequence, hash_of(entry)):
            yield str(entry.pk)
        previous = entry


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
