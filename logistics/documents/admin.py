from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import NamedFilter, ReadOnlyAdmin
from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries, kind_name
from logistics.jobs.admin import JobAdmin, last_error
from logistics.jobs.models import Job
from logistics.people.models import User


class PaperKindFilter(NamedFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def name_of(self, value: str) -> str:
        return kind_name(value)


@admin.register(Document)
class DocumentAdmin(JobAdmin):
    list_display = (
        "number",
        "kind_shown",
        "version",
        "state_shown",
        "progress",
        "issued_on",
        "pages",
        last_error,
    )
    list_filter = ("state", PaperKindFilter)
    search_fields = ("number",)
    fields = (
        ("kind_shown", "number", "version"),
        ("state", "progress", "attempts", last_error),
        "why_dead",
        ("issued_on", "superseded_on"),
        ("requested_at", "ended_at", "superseded_at"),
        ("languages", "pages", "size"),
        "content_sha256",
        "sha256",
    )

    readonly_fields = ("kind_shown",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        documents: QuerySet[Document] = super().get_queryset(request)
        return documents.defer("context")

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_shown(self, row: Document) -> str:
        return kind_name(row.kind)

    @display(description=gettext_lazy("why it failed"))
    def why_dead(self, row: Document) -> str:
        return documents.why_dead(row) if row.state == Job.State.DEAD else ""

    def retry(self, row: Document, *, by: User) -> None:
        documents.retry(row, by=by, at=timezone.now())


@admin.register(NumberSeries)
class NumberSeriesAdmin(ReadOnlyAdmin):
    is_short = True
    list_display = ("name", "year", "last")
