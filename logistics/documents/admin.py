from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import ReadOnlyAdmin
from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries
from logistics.jobs.admin import JobAdmin
from logistics.jobs.models import Job
from logistics.people.models import User


@admin.register(Document)
class DocumentAdmin(JobAdmin):
    list_display = ("number", "kind", "version", "state_shown", "progress", "issued_on", "pages", "last_error_code")
    list_filter = ("state", "kind")
    search_fields = ("number",)
    fields = (
        ("kind", "number", "version"),
        ("state", "progress", "attempts", "last_error_code"),
        "why_dead",
        ("issued_on", "superseded_on"),
        ("requested_at", "ended_at", "superseded_at"),
        ("languages", "pages", "size"),
        "content_sha256",
        "sha256",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        documents: QuerySet[Document] = super().get_queryset(request)
        return documents.defer("context")

    @display(description=gettext_lazy("why it failed"))
    def why_dead(self, row: Document) -> str:
        return documents.why_dead(row) if row.state == Job.State.DEAD else ""

    def retry(self, row: Document, *, by: User) -> None:
        documents.retry(row, by=by, at=timezone.now())


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin):
    list_display = ("name", "year", "last")
