"""Manifest imports: `/shipments/{shipment}/imports/`."""

from collections.abc import Mapping

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from logistics.codes import codes
from logistics.errors import Invalid, may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import Input
from logistics.outputs import Output
from logistics.parsers import MultiPartParser
from logistics.permissions import actor, may
from logistics.views import StrictView
from shipments import rights
from shipments.imports import examples, services, template
from shipments.imports.models import Upload
from shipments.shipments.of_shipment import OfShipment
from shipments.shipments.serializers import TotalsOut

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Allowance for the other form fields and the multipart boundaries.
FORM_BYTES = 20_000
# Longer request bodies are not drained: the connection is cut, even if the client then misses the response.
DRAIN_MAX_BYTES = 100_000_000


class UploadIn(Input):
    file = serializers.FileField(help_text="An .xlsx in the format of the template")
    dry_run = serializers.BooleanField(help_text="true: only report what would happen. There is no default.")
    replace = serializers.BooleanField(default=False, help_text="true: existing packages are replaced")


class UploadErrorOut(serializers.Serializer[object]):
    sheet = serializers.CharField()
    row = serializers.IntegerField(allow_null=True, help_text="Row number in the spreadsheet; null: the whole file")
    column = serializers.CharField()
    value = serializers.CharField(help_text="The cell's value, if it is a code or a figure")
    code = serializers.CharField()
    detail = serializers.CharField()


class PlannedItemOut(serializers.Serializer[object]):
    code = serializers.CharField()
    name_en = serializers.CharField()


class NoticeOut(serializers.Serializer[object]):
    row = serializers.IntegerField(help_text="Row number in the spreadsheet")
    column = serializers.CharField()
    code = serializers.CharField(help_text="`not_dangerous`: the row says so, but the catalogue has a UN number")
    detail = serializers.CharField()


class DestinationOut(serializers.Serializer[object]):
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a property that is not needed here
    site = serializers.CharField(help_text="Code of the site with this label in this shipment")
    hand_over_point = serializers.CharField()
    packages = serializers.IntegerField()


class PlanOut(serializers.Serializer[object]):
    packages = serializers.IntegerField()
    first_package = serializers.IntegerField()
    last_package = serializers.IntegerField()
    lines = serializers.IntegerField()
    replaces_packages = serializers.IntegerField()
    destinations = DestinationOut(many=True)
    items_in_catalogue = serializers.IntegerField()
    items_to_create = PlannedItemOut(many=True)
    notices = NoticeOut(many=True, help_text="Warnings that do not refuse the file; at most 100")
    totals = TotalsOut()


@extend_schema_serializer(examples=examples.UPLOAD)
class UploadOut(Output[Upload]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    state = serializers.CharField(help_text="pending, leased (being read), done, dead")
    progress = serializers.IntegerField(help_text="Per cent")
    dry_run = serializers.BooleanField()
    replace = serializers.BooleanField()
    outcome = serializers.ChoiceField(choices=[*Upload.Outcome.choices, ("", "Not read yet")])
    uploaded_at = serializers.DateTimeField()
    sha256 = serializers.CharField(help_text="Of the file")
    size = serializers.IntegerField(help_text="Bytes")
    plan = PlanOut(allow_null=True, help_text="What would be, or was, written; null if refused")
    error_count = serializers.IntegerField()
    # Shadows a property of serializers that an output serializer does not need.
    errors = UploadErrorOut(  # type: ignore[assignment]
        many=True, help_text="The first 500 of error_count"
    )

    def url_of(self, row: Upload) -> str:
        address = {"shipment": row.shipment_id, "pk": row.pk}
        return str(reverse("import-detail", kwargs=address, request=self.context.get("request")))


@extend_schema_view(
    list=extend_schema(summary="List the spreadsheets uploaded for a shipment"),
    retrieve=extend_schema(summary="Show an upload: its progress, its plan, or all of its errors"),
)
@extend_schema(tags=["imports"])
class UploadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Upload]):
    """Spreadsheet imports. Each runs in the background, all or nothing."""

    queryset = Upload.objects.none()
    serializer_class = UploadOut
    permission_classes = [may(rights.UPLOAD)]
    parser_classes = [MultiPartParser]
    filterset_fields = ["dry_run", "outcome"]
    search_fields = ["sha256"]
    ordering = "-id"
    ordering_fields = ["id"]
    lookup_value_converter = "uuid"

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        # Before anything stores the body: 30 MB are refused by Content-Length alone.
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > settings.UPLOAD_MAX_BYTES + FORM_BYTES:
            _drain(request, length)
            raise services.TooLarge

    def rows(self) -> "QuerySet[Upload]":
        return Upload.objects.filter(shipment=self.shipment()).defer("content").order_by("-id")

    @extend_schema(
        summary="Upload a spreadsheet, as a dry run or to import it",
        description=(
            "Answers 202 with the URL of its progress and outcome. `dry_run` is required: true only reports what would"
            " happen. One bad row refuses the whole file, and every bad row is listed with its reason."
        ),
        request={"multipart/form-data": UploadIn},
        responses={202: UploadOut},
        filters=False,
    )
    @idempotent
    @may_raise(services.TooLarge)
    def create(self, request: Request, shipment: str) -> Response:
        body = UploadIn(data=request.data)
        body.is_valid(raise_exception=True)
        row = services.upload(
            self.shipment(),
            body.validated_data["file"].read(),
            dry_run=body.validated_data["dry_run"],
            replace=body.validated_data["replace"],
            by=actor(request),
            at=timezone.now(),
        )
        row.refresh_from_db(fields=["state", "progress"])
        answer = self.get_serializer(row).data
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": answer["url"]})


def _drain(request: Request, length: int) -> None:
    """Read and discard the request body: a client that cannot finish sending never reads our response."""
    if length <= DRAIN_MAX_BYTES:
        while request._request.read(65_536):
            pass


class XLSXRenderer(BaseRenderer):
    media_type = XLSX
    format = "xlsx"

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, object] | None = None
    ) -> bytes:
        return JSONRenderer().render(data, "application/problem+json", renderer_context)


class TemplateView(StrictView):
    permission_classes = [may(rights.UPLOAD)]
    renderer_classes = [JSONRenderer, XLSXRenderer]
    query_names = ("currency",)

    @extend_schema(
        tags=["imports"],
        summary="Download the spreadsheet to fill in",
        parameters=[OpenApiParameter("currency", str, description="Customs currency, ISO 4217; HKD if not given")],
        responses={(200, XLSX): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponse:
        currency = request.query_params.get("currency", "HKD").upper()
        if currency not in codes.currencies():
            raise Invalid(_("This is not an ISO 4217 currency code."), field="currency", code="unknown_code")
        response = HttpResponse(template.spreadsheet(currency), content_type=XLSX)
        response["Content-Disposition"] = f'attachment; filename="manifest-{currency}.xlsx"'
        return response
