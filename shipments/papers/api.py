"""The papers of a shipment: `/shipments/{shipment}/papers/`, and the packing list at its own address."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.reverse import reverse

from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.people.models import Role
from logistics.people.permissions import allow
from shipments.manifests.api import OfShipment
from shipments.papers import services
from shipments.papers.models import Paper

READERS = allow(Role.WAREHOUSE, Role.COORDINATOR, Role.PARTNER, read=(Role.FINANCE,))


class PDFRenderer(BaseRenderer):
    """Lets a client ask for `Accept: application/pdf`; errors are JSON all the same."""

    media_type = "application/pdf"
    format = "pdf"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return JSONRenderer().render(data, "application/problem+json", renderer_context)


class PaperOut(serializers.Serializer[Paper]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Paper.Kind.choices)
    number = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField(help_text="pending, leased (being printed), done, dead")
    progress = serializers.IntegerField(help_text="Per cent")
    issued_at = serializers.DateTimeField()
    superseded_at = serializers.DateTimeField(allow_null=True, help_text="No longer valid since")
    sha256 = serializers.CharField(help_text="Of the PDF; empty until it is printed")
    pages = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="Bytes")
    languages = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField(help_text="The PDF")

    def to_representation(self, paper: Paper) -> dict[str, Any]:
        document = paper.document
        address = {"shipment": paper.shipment_id, "pk": paper.pk}
        return {
            "id": str(paper.pk),
            "kind": paper.kind,
            "number": paper.number,
            "version": paper.version,
            "state": document.state,
            "progress": document.progress,
            "issued_at": document.requested_at,
            "superseded_at": document.superseded_at,
            "sha256": document.sha256,
            "pages": document.pages,
            "size": document.size,
            "languages": document.languages,
            "url": reverse("paper-download", kwargs=address, request=self.context.get("request")),
        }


def pdf_answer(document: Document) -> HttpResponse:
    """Return the issued bytes for download. Raises NotReady with the progress while they are printed."""
    response = HttpResponse(documents.read(document), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    response["ETag"] = f'"{document.sha256}"'
    return response


PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}
PDF_TOO = [JSONRenderer, PDFRenderer]


@extend_schema_view(
    list=extend_schema(summary="List a shipment's papers with their state and hash"),
    retrieve=extend_schema(summary="Read the state of one paper"),
)
@extend_schema(tags=["papers"])
class PaperViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Paper]):
    """Issued papers never change; a newer version supersedes an older one, which stays readable."""

    queryset = Paper.objects.none()
    serializer_class = PaperOut
    permission_classes = [READERS]
    filterset_fields = ["kind"]
    ordering = "-id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> "QuerySet[Paper]":
        if not self.kwargs:
            return self.queryset
        papers = Paper.objects.filter(shipment=self.shipment()).select_related("document")
        return papers.defer("document__context").order_by("-id")

    @extend_schema(
        summary="Download a paper as PDF",
        description="409 `document_not_ready` with the progress and Retry-After while it is printed.",
        responses=PDF,
        filters=False,
    )
    @action(detail=True, url_path="pdf", renderer_classes=PDF_TOO)
    def download(self, request: Request, shipment: str, pk: str) -> HttpResponse:
        return pdf_answer(self.get_object().document)


class PackingListViewSet(OfShipment[Paper]):
    queryset = Paper.objects.none()
    permission_classes = [READERS]
    renderer_classes = PDF_TOO
    pagination_class = None
    filter_backends: list[Any] = []

    @extend_schema(
        tags=["papers"],
        summary="Download the latest packing list as PDF",
        description=(
            "409 `document_not_ready` with the progress and Retry-After while it is printed;"
            " 409 `paper_not_issued` before the shipment is sealed."
        ),
        responses=PDF,
    )
    def retrieve(self, request: Request, shipment: str) -> HttpResponse:
        return pdf_answer(services.packing_list(self.shipment()))
