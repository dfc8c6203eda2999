from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import ReadOnlyInline
from shipments.papers.models import Paper


class PapersInline(ReadOnlyInline):
    model = Paper
    fields = ("kind", "number", "version", "replaces", "state", "valid", "pdf")
    readonly_fields = fields
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Paper]":
        papers: QuerySet[Paper] = super().get_queryset(request)
        return papers.select_related("document__replaces").defer("document__context", "document__replaces__context")

    @display(description=gettext_lazy("in place of"))
    def replaces(self, paper: Paper) -> str:
        return paper.document.replaces.number if paper.document.replaces else "–"

    @display(description=gettext_lazy("state"))
    def state(self, paper: Paper) -> str:
        document = paper.document
        return document.state if document.state in ("done", "dead") else f"{document.progress} %"

    @display(description=gettext_lazy("valid"), boolean=True)
    def valid(self, paper: Paper) -> bool:
        return paper.document.superseded_at is None

    @display(description="PDF")
    def pdf(self, paper: Paper) -> str:
        address = {"shipment": paper.shipment_id, "pk": paper.pk}
        return format_html('<a href="{}">PDF</a>', reverse("paper-download", kwargs=address))
