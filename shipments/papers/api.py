"""The papers of a shipment: `/shipments/{shipment}/papers/`, and the packing list at its own URL."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import WrongState, may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import Input
from logistics.outputs import Output
from logistics.permissions import actor, may
from shipments import rights
from shipments.papers import examples, services
from shipments.papers.models import Paper
from shipments.shipments.models import Mode
from shipments.shipments.of_shipment import OfShipment

ON_DEMAND = (
    Paper.Kind.LABELS,
    Paper.Kind.GOODS_RECEIVED_FORM,
    Paper.Kind.WAYBILL,
    Paper.Kind.PARTNER_PACKING_LIST,
)


class PDFRenderer(BaseRenderer):
    """Renderer for clients that send `Accept: application/pdf`; errors are still JSON."""

    media_type = "application/pdf"
    format = "pdf"

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, object] | None = None
    ) -> bytes:
        return JSONRenderer().render(data, "application/problem+json", renderer_context)


@extend_schema_serializer(examples=examples.PAPER)
class PaperOut(Output[Paper]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Paper.Kind.choices)
    number = serializers.CharField()
    version = serializers.IntegerField()
    state = serializers.CharField(source="document.state", help_text="pending, leased (being printed), done, dead")
    progress = serializers.IntegerField(source="document.progress", help_text="Per cent")
    issued_at = serializers.DateTimeField(source="document.requested_at")
    superseded_at = serializers.DateTimeField(
        source="document.superseded_at", allow_null=True, help_text="No longer valid since"
    )
    replaces = serializers.CharField(
        source="document.replaces.number", allow_null=True, help_text="Number of the waybill that it replaces"
    )
    replaced_by = serializers.CharField(allow_null=True, help_text="Number of the waybill that replaces it")
    sha256 = serializers.CharField(source="document.sha256", help_text="Of the PDF; empty until it is printed")
    pages = serializers.IntegerField(source="document.pages", allow_null=True)
    size = serializers.IntegerField(source="document.size", allow_null=True, help_text="Bytes")
    languages = serializers.ListField(source="document.languages", child=serializers.CharField())
    url = serializers.CharField(help_text="The PDF")

    def replaced_by_of(self, paper: Paper) -> str | None:
        document = paper.document
        return document.replaced_by.number if hasattr(document, "replaced_by") else None

    def url_of(self, paper: Paper) -> str:
        address = {"shipment": paper.shipment_id, "pk": paper.pk}
        return str(reverse("paper-download", kwargs=address, request=self.context.get("request")))


class PaperIn(Input):
    """The paper to issue. All fields except `kind` are for waybills only: one leg of the journey, or one vehicle."""

    kind = serializers.ChoiceField(choices=[c for c in Paper.Kind.choices if c[0] in ON_DEMAND])
    replaces = serializers.CharField(
        max_length=60,
        required=False,
        allow_blank=True,
        help_text="Number of the waybill to replace, which is then no longer valid",
    )
    reason = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Why it is replaced; required with `replaces`"
    )
    mode = serializers.ChoiceField(choices=Mode.choices, required=False)
    carrier = serializers.CharField(max_length=300, required=False, help_text="Name, then the address on further lines")
    loading_place = serializers.CharField(max_length=200, required=False)
    hand_over_place = serializers.CharField(max_length=200, required=False, help_text="A public place")
    loads_on = serializers.DateField(required=False)
    arrives_on = serializers.DateField(required=False)
    vehicle = serializers.CharField(max_length=100, required=False)
    registration = serializers.CharField(max_length=30, required=False)
    driver = serializers.CharField(max_length=100, required=False)
    instructions = serializers.CharField(max_length=500, required=False)

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        """Refuse waybill fields for other papers, whose new versions supersede the old ones automatically."""
        others = [name for name, value in attrs.items() if name != "kind" and value]
        if attrs["kind"] != Paper.Kind.WAYBILL and others:
            raise serializers.ValidationError({name: _("Only a waybill has this field.") for name in others})
        if attrs.get("reason") and not attrs.get("replaces"):
            raise serializers.ValidationError({"replaces": _("Enter the number of the waybill that it replaces.")})
        return attrs


def pdf_answer(document: Document) -> HttpResponse:
    """Return the issued PDF for download. Raises DocumentNotReady with the progress while it is being printed."""
    response = HttpResponse(documents.read(document), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    response["ETag"] = f'"{document.sha256}"'
    return response


PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}
PDF_RENDERERS = [JSONRenderer, PDFRenderer]


WAYBILL = OpenApiExample(
    "A waybill for the road",
    value={
        "kind": "waybill",
        "mode": "road",
        "carrier": "Transport Sahel (fictional)\nDakar, Sénégal",
        "loading_place": "Dakar, port",
        "hand_over_place": "Partner’s depot, Bamako district",
        "loads_on": "2026-04-14",
        "arrives_on": "2026-04-28",
        "registration": "DK 1234 AB",
    },
    request_only=True,
)


OTHER_TRUCK = OpenApiExample(
    "A different truck than planned",
    value={
        "kind": "waybill",
        "replaces": "SHP-2026-00001-WB-1",
        "reason": "The truck broke down before it was loaded.",
        "mode": "road",
        "carrier": "Transport Sahel (fictional)\nDakar, Sénégal",
        "registration": "DK 5678 CD",
    },
    request_only=True,
)


@extend_schema_view(
    list=extend_schema(summary="List a shipment's papers with their state and hash"),
    retrieve=extend_schema(summary="Read the state of one paper"),
)
@extend_schema(tags=["papers"])
class PaperViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Paper]):
    """Issued papers never change; a newer version supersedes an older one, which stays readable.

    A key that is bound to a site sees the papers that show goods of this site alone.
    """

    queryset = Paper.objects.none()
    serializer_class = PaperOut
    permission_classes = [may(rights.PAPER)]
    filterset_fields = ["kind"]
    search_fields = ["number"]
    ordering = "-id"
    ordering_fields = ["id", "number"]
    lookup_value_converter = "uuid"

    def rows(self) -> "QuerySet[Paper]":
        papers = services.visible_to(self.request.user, self.shipment()).select_related("document")
        papers = papers.select_related("document__replaces", "document__replaced_by")
        contexts = ("context", "replaces__context", "replaced_by__context")
        return papers.defer(*(f"document__{name}" for name in contexts)).order_by("-id")

    def goes_to(self, site_id: UUID, /) -> Q:
        return Q(site=site_id)

    @extend_schema(
        summary="Issue labels, a blank goods-received form or a waybill",
        description=(
            "Issued from the frozen manifest of a sealed shipment; 409 `not_sealed` before. New labels and a new form"
            " supersede the older ones. Each waybill has its own number (`-WB-1`, `-WB-2`) and earlier ones stay valid,"
            " because a journey has several legs and vehicles. With `replaces` and a `reason` it replaces another"
            " waybill, which is then no longer valid: 409 `cannot_replace` if that one was not valid any more."
            " 409 `wrong_state`: the shipment is cancelled, lost, returned or closed, and gets no waybill."
            " `partner-packing-list` is issued with the seal; on demand only for shipments sealed before it existed."
        ),
        request=PaperIn,
        responses={201: PaperOut},
        examples=[WAYBILL, OTHER_TRUCK],
        filters=False,
    )
    @idempotent
    @may_raise(services.NotSealed, services.CannotReplace, services.AlreadyIssued, documents.NotPrintable, WrongState)
    def create(self, request: Request, shipment: str) -> Response:
        body = PaperIn(data=request.data)
        body.is_valid(raise_exception=True)
        leg = {name: str(value) for name, value in body.validated_data.items()}
        kind, replaces, reason = leg.pop("kind"), leg.pop("replaces", ""), leg.pop("reason", "")
        paper = services.issue(
            self.shipment(), kind, leg=leg, replaces=replaces, reason=reason, by=actor(request), at=timezone.now()
        )
        return Response(self.get_serializer(paper).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Download a paper as PDF",
        description="409 `document_not_ready` with the progress and Retry-After while it is printed.",
        responses=PDF,
        filters=False,
    )
    @action(detail=True, url_path="pdf", renderer_classes=PDF_RENDERERS)
    @may_raise(documents.DocumentNotReady)
    def download(self, request: Request, shipment: str, pk: str) -> HttpResponse:
        return pdf_answer(self.get_object().document)


class PackingListViewSet(OfShipment[Paper]):
    queryset = Paper.objects.none()
    permission_classes = [may(rights.PAPER)]
    renderer_classes = PDF_RENDERERS
    pagination_class = None
    filter_backends = []

    @extend_schema(
        tags=["papers"],
        summary="Download the latest packing list as PDF",
        description=(
            "Staff get the charity's edition. Partners get theirs: without names of staff, and without customs values"
            " unless the shipment's `partner_sees_values` is set. 409 `document_not_ready` with the progress and"
            " Retry-After while it is printed; 409 `paper_not_issued` before the shipment is sealed."
            " 403 `paper_shows_other_sites` to a key that is bound to one of several sites of the shipment."
        ),
        responses=PDF,
    )
    @may_raise(documents.DocumentNotReady, services.NoSuchPaper, services.PaperShowsOtherSites)
    def retrieve(self, request: Request, shipment: str) -> HttpResponse:
        return pdf_answer(services.packing_list_for(request.user, self.shipment()))
