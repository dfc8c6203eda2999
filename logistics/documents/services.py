import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from itertools import islice

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from logistics.audit import services as audit
from logistics.documents import fonts, printer
from logistics.documents.models import Document
from logistics.documents.outcomes import PaperTooLarge
from logistics.errors import DomainError
from logistics.jobs import services as jobs
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from logistics.mail.services import Attachment
from logistics.people.models import User
from logistics.transactions import lock


class DocumentNotReady(DomainError):
    """The PDF is not printed yet, or could not be."""

    code = "document_not_ready"
    headers = {"Retry-After": "2"}


class NotPrintable(DomainError):
    """A paper that is due would have characters that no bundled font can draw; `texts` names them and where they are.

    Nothing was changed: the action that needs the paper is refused.
    """

    code = "paper_not_printable"


class Damaged(Exception):
    """The stored file is not the one that was issued: it was changed."""


def next_number(series: str, year: int) -> int:
    """Return the next number of a series in that year: 1, 2, 3 ... without gaps.

    Call it late in a short transaction: others that need a number wait for its end, and a rollback
    returns the number.
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
    lane: Lane | None = None,
) -> Document:
    """Request a PDF, printed soon after the transaction commits, from these values as they are now.

    `replaces`: the document, with another number, that this one replaces; the caller supersedes it. `lane`: where it
    waits to be printed (see `jobs.enqueue`).

    The template gets the context plus `content_sha256` and `verify_url` of the document. The context must have
    `issued_on` (ISO 8601), so that the paper and its verification page show the same date.

    Raises NotPrintable for texts that no font can draw: better no number and no row than a paper that never comes.
    """
    check_printable(context)
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
        ),
        lane=lane,
    )


def check_printable(context: Mapping[str, object]) -> None:
    """Raise NotPrintable if a text of this context has characters that no bundled font can draw."""
    found = list(islice(fonts.search(context), 50))
    if found:
        raise NotPrintable(
            _("The paper cannot be printed: no font has %(characters)s (in %(place)s). Replace these characters first.")
            % {"characters": fonts.named(found[0].characters), "place": found[0].path},
            texts=[{"place": each.path, "characters": each.characters} for each in found],
        )


def hash_of(context: Mapping[str, object]) -> str:
    """Return the SHA-256 of the context as canonical JSON; its first 12 characters are printed on the paper."""
    return hashlib.sha256(json.dumps(context, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def render(document_id: str) -> bool:
    """Print one document if it is due, and return whether it was done. Safe to repeat, concurrently or much later."""
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
    # Named by content hash: printed twice, it is stored once.
    name = f"documents/{sha256[:2]}/{sha256}.pdf"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(rendered.pdf))
    return {"storage_name": name, "sha256": sha256, "size": len(rendered.pdf), "pages": rendered.pages}


def facts(document: Document) -> dict[str, object]:
    """Return what every paper prints about itself: the hash of its context and the URL of its QR code."""
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
    """Return why a paper could not be printed and what to do; the bare code if there is no text for it."""
    return str(WHY_DEAD.get(document.last_error_code, document.last_error_code))


def read(document: Document) -> bytes:
    """Return the issued bytes. Raises DocumentNotReady before they exist, Damaged if the stored file was changed."""
    if refusal := refusal_to_read(document):
        raise refusal
    with default_storage.open(document.storage_name) as file:
        pdf: bytes = file.read()
    if hashlib.sha256(pdf).hexdigest() != document.sha256:
        raise Damaged(document.storage_name)
    return pdf


def refusal_to_read(document: Document) -> DocumentNotReady | None:
    """Return why there is no PDF to read now, or None."""
    if document.state == Job.State.DONE:
        return None
    return DocumentNotReady(
        _("The paper is being printed (%(progress)d %%). Ask again in 2 s.") % {"progress": document.progress}
        if document.state != Job.State.DEAD
        else _("The paper could not be printed (%(why)s). Staff have been notified.") % {"why": why_dead(document)},
        progress=document.progress,
    )


def damaged(*, newest: int = 1000) -> Iterator[str]:
    """Yield the ids of documents, among the newest issued ones, whose stored file is missing or was changed."""
    for document in Document.objects.filter(state=Job.State.DONE).order_by("-id")[:newest].iterator():
        try:
            read(document)
        except (Damaged, OSError):
            yield str(document.pk)


@transaction.atomic
def retry(document: Document, *, by: User | None, at: datetime) -> Document:
    """Retry a dead document after its cause was fixed. Raises WrongState unless it is dead."""
    document = jobs.retry(lock(document))
    audit.record("printing retried", document, by=by, at=at)
    return document


def supersede(document: Document, *, on: date, at: datetime) -> None:
    """Mark a document as no longer valid; it stays readable, and its QR code says so. `on`: the charity's date."""
    Document.objects.filter(pk=document.pk, superseded_at=None).update(superseded_at=at, superseded_on=on)


def as_attachment(document: Document) -> Attachment:
    """Return this document as a mail attachment. Raises DocumentNotReady."""
    read(document)
    return Attachment(
        name=document.file_name,
        storage_name=document.storage_name,
        sha256=document.sha256,
        type="application/pdf",
    )
