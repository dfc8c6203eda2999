import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from logistics.audit import services as audit
from logistics.documents import printer
from logistics.documents.models import Document
from logistics.documents.outcomes import PaperTooLarge
from logistics.errors import DomainError
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.mail.services import Attachment
from logistics.people.models import User
from logistics.transactions import lock


class NotReady(DomainError):
    """The PDF is not printed yet, or could not be."""

    code = "document_not_ready"
    headers = {"Retry-After": "2"}


class Damaged(Exception):
    """The stored file is not the one that was issued: somebody or something changed it."""


def next_number(series: str, year: int) -> int:
    """Return the next number of a series: 1, 2, 3 ... of the year, without gap.

    Call it late in a short transaction: others who want a number wait for its end, and a rollback
    gives the number back.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("A number outside a transaction could be lost, and leave a gap.")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO logistics_numberseries AS s (name, year, last) VALUES (%s, %s, 1)"
            " ON CONFLICT (name, year) DO UPDATE SET last = s.last + 1 RETURNING last",
            [series, year],
        )
        return int(cursor.fetchone()[0])


@transaction.atomic
def request(
    kind: str,
    *,
    number: str,
    template: str,
    context: Mapping[str, object],
    at: datetime,
    version: int = 1,
    languages: Sequence[str] = ("en",),
    replaces: Document | None = None,
) -> Document:
    """Owe somebody a PDF: printed soon after the transaction commits, from these values as they are now.

    `replaces`: the document of another number that it is issued in place of, which the caller supersedes.

    The template gets the context, and `content_sha256` and `verify_url` of the document itself, which
    the context therefore need not have. It must have `issued_on` (ISO 8601): the day that the paper prints and
    that its verification page gives are one.
    """
    content_sha256 = hash_of(context)
    return jobs.enqueue(
        Document(
            kind=kind,
            number=number,
            version=version,
            template=template,
            context=context,
            content_sha256=content_sha256,
            languages=list(languages),
            requested_at=at,
            issued_on=date.fromisoformat(str(context["issued_on"])),
            replaces=replaces,
        )
    )


def hash_of(context: Mapping[str, object]) -> str:
    """Return SHA-256 of the context as canonical JSON; its first 12 characters stand on the paper."""
    return hashlib.sha256(json.dumps(context, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def render(document_id: str) -> bool:
    """Print one document if it is due, and say whether we did. Safe twice, at once, or long after."""
    return jobs.run(Document, document_id, _print, lambda document, file: file)


def _print(document: Document) -> dict[str, object]:
    try:
        rendered = printer.to_pdf(
            document.template,
            {**document.context, **facts(document)},
            languages=document.languages,
            progress=partial(jobs.report_progress, document),
        )
    except PaperTooLarge as refusal:
        raise jobs.GiveUp(refusal.code) from refusal
    sha256 = hashlib.sha256(rendered.pdf).hexdigest()
    # Named by its content: printed twice, it is stored once.
    name = f"documents/{sha256[:2]}/{sha256}.pdf"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(rendered.pdf))
    return {"storage_name": name, "sha256": sha256, "size": len(rendered.pdf), "pages": rendered.pages}


def facts(document: Document) -> dict[str, object]:
    """Return what every paper says of itself: the hash of its context, and where its QR code leads."""
    return {
        "content_sha256": document.content_sha256,
        "verify_url": f"{settings.PUBLIC_URL}/verify/{document.token}/",
    }


WHY_DEAD = {
    "paper_out_of_memory": gettext_lazy(
        "it needs more memory than a paper may use; split it into shorter papers or have PAPER_MEMORY_MB raised,"
        " then print it again"
    ),
    "paper_out_of_time": gettext_lazy(
        "it takes longer than a paper may take; split it into shorter papers or have PAPER_CPU_SECONDS and"
        " PAPER_WALL_SECONDS raised, then print it again"
    ),
    "paper_too_deep": gettext_lazy("its parts are nested too deeply; its template must be fixed"),
    "printer_died": gettext_lazy(
        "its printer crashed each time; print it again, and tell the administrator if it fails again"
    ),
    "missing_glyphs": gettext_lazy("it has characters that no bundled font can draw; replace them at their source"),
    "template_broken": gettext_lazy("its template is broken and must be fixed"),
}


def why_dead(document: Document) -> str:
    """Why a paper could not be printed and what to do, for a reader; a code that has no words stands for itself."""
    return str(WHY_DEAD.get(document.last_error_code, document.last_error_code))


def read(document: Document) -> bytes:
    """Return the issued bytes. Raises NotReady before they exist, Damaged if the stored file was changed."""
    if refusal := refusal_to_read(document):
        raise refusal
    with default_storage.open(document.storage_name) as file:
        pdf: bytes = file.read()
    if hashlib.sha256(pdf).hexdigest() != document.sha256:
        raise Damaged(document.storage_name)
    return pdf


def refusal_to_read(document: Document) -> NotReady | None:
    """Return why there is no PDF to read now, or None."""
    if document.state == Job.State.DONE:
        return None
    return NotReady(
        _("The paper is being printed (%(progress)d %%). Ask again in 2 s.") % {"progress": document.progress}
        if document.state != Job.State.DEAD
        else _("The paper could not be printed (%(why)s). Staff have been notified.") % {"why": why_dead(document)},
        progress=document.progress,
    )


def damaged(*, newest: int = 1000) -> Iterator[str]:
    """Yield the id of each of the newest issued documents whose stored file is gone or is not what was issued."""
    for document in Document.objects.filter(state=Job.State.DONE).order_by("-id")[:newest].iterator():
        try:
            read(document)
        except (Damaged, OSError):
            yield str(document.pk)


@transaction.atomic
def retry(document: Document, *, by: User | None, at: datetime) -> Document:
    """Have a dead document printed again, after its cause was mended. Raises WrongState unless it is dead."""
    document = jobs.retry(lock(document))
    audit.record("printing tried again", document, by=by, at=at)
    return document


def supersede(document: Document, *, on: date, at: datetime) -> None:
    """Declare a document no longer valid; it stays readable, and its QR code says so. `on`: the charity's day."""
    Document.objects.filter(pk=document.pk, superseded_at=None).update(superseded_at=at, superseded_on=on)


def as_attachment(document: Document) -> Attachment:
    """Return what a mail needs to carry this document. Raises NotReady."""
    read(document)
    return Attachment(
        name=document.file_name,
        storage_name=document.storage_name,
        sha256=document.sha256,
        type="application/pdf",
    )
