from typing import ClassVar

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from logistics import examples, rights
from logistics.documents import services
from logistics.documents.models import Document
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters, IntegerFilter
from logistics.outputs import Output
from logistics.permissions import actor, may
from logistics.views import StrictView, without_body


@extend_schema_serializer(examples=examples.DOCUMENT)
class DocumentOut(Output[Document], serializers.ModelSerializer[Document]):
    class Meta:
        model = Document
        fields = (
            "id", "kind", "number", "version", "languages", "state", "progress", "attempts", "last_error_code",
            "requested_at", "issued_on", "ended_at", "superseded_at", "superseded_on", "content_sha256", "sha256",
            "size", "pages",
        )  # fmt: skip
        read_only_fields = fields


class DocumentFilter(Filters):
    requested_after = filters.IsoDateTimeFilter("requested_at", "gte")
    progress_below = IntegerFilter("progress", "lt")

    class Meta:
        model = Document
        fields = ("state", "kind", "number", "version")


@extend_schema_view(
    list=extend_schema(
        summary="List documents",
        description="Papers being printed or issued, and their progress. Download a PDF from what it was printed for.",
    ),
    retrieve=extend_schema(summary="Show a document"),
)
class DocumentViewSet(StrictView, ReadOnlyModelViewSet[Document]):
    # The context holds the paper's content, including names: it is not loaded here.
    queryset = Document.objects.defer("context")
    serializer_class = DocumentOut
    permission_classes = (may(rights.DOCUMENT),)
    filterset_class = DocumentFilter
    search_fields = ("number",)
    ordering_fields = ("id", "requested_at")
    ordering_of_ranges: ClassVar = {"requested_after": "-requested_at"}

    @extend_schema(summary="Print a dead document again", responses=DocumentOut)
    @action(detail=True, methods=["post"])
    @idempotent
    @without_body
    def retry(self, request: Request, pk: str) -> Response:
        """Retry a dead document after its cause (`last_error_code`) was fixed."""
        document = services.retry(self.get_object(), by=actor(request), at=timezone.now())
        return Response(DocumentOut(document).data)
