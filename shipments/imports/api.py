"""Spreadsheets into the manifest: `/shipments/{shipment}/imports/`."""

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
from rest_framework.views import APIView

from logistics.codes import codes
from logistics.errors import Invalid, may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import Input
from logistics.outputs import Output
from logistics.parsers import MultiPartParser
from logistics.permissions import actor, allow
from logistics.roles import Role
from shipments.imports import examples, services, template
from shipments.imports.models import Upload
from shipments.shipments.of_shipment import OfShipment
from shipments.shipments.serializers import TotalsOut

PACKERS = allow(Role.WAREHOUSE, Role.COORDINATOR)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What the other fields of the form and its borders may weigh.
FORM_BYTES = 20_000
# Of more than this the connection is cut, whatever becomes of the answer.
RUNS_OUT_BYTES = 100_000_000


class UploadIn(Input):
    file = serializers.FileField(help_text="An .xlsx in the form of the template")
    dry_run = serializers.BooleanField(help_text="true: only say what would happen. There is no default.")
    replace = serializers.BooleanField(default=False, help_text="true: the packages that are there already go")


class UploadErrorOut(serializers.Serializer[object]):
    sheet = serializers.CharField()
    row = serializers.IntegerField(allow_null=True, help_text="As the spreadsheet counts; null: the whole file")
    column = serializers.CharField()
    value = serializers.CharField(help_text="What stands there, where it is a code or a figure")
    code = serializers.CharField()
    detail = serializers.CharField()


class PlannedItemOut(serializers.Serializer[object]):
    code = serializers.CharField()
    name_en = serializers.CharField()


class NoticeOut(serializers.Serializer[object]):
    row = serializers.IntegerField(help_text="As the spreadsheet counts")
    column = serializers.CharField()
    code = serializers.CharField(help_text="`not_dangerous`: the row says so, the catalogue has a UN number")
    detail = serializers.CharField()


class DestinationOut(serializers.Serializer[object]):
    label = serializers.CharField()  # type: ignore[assignment]  # shadows a property that this one has no use for
    site = serializers.CharField(help_text="Code of the site that the label means in this shipment")
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
    notices = NoticeOut(many=True, help_text="What does not refuse the file and somebody should look at; at most 100")
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
    plan = PlanOut(allow_null=True, help_text="What would be, or was, written; null where it was refused")
    error_count = serializers.IntegerField()
    # Shadows a property of serializers that this one, only ever written out, has no use for.
    errors = UploadErrorOut(  # type: ignore[assignment]
        many=True, help_text="The first 500 of error_count"
    )

    def url_of(self, row: Upload) -> str:
        address = {"shipment": row.shipment_id, "pk": row.pk}
        return str(reverse("import-detail", kwargs=address, request=self.context.get("request")))


@extend_schema_view(
    list=extend_schema(summary="List the spreadsheets sent for a shipment"),
    retrieve=extend_schema(summary="See how far a spreadsheet is, what it would import, or every reason why not"),
)
@extend_schema(tags=["imports"])
class UploadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Upload]):
    """A spreadsheet is read in the background, whole or not at all."""

    queryset = Upload.objects.none()
    serializer_class = UploadOut
    permission_classes = [PACKERS]
    parser_classes = [MultiPartParser]
    filterset_fields = ["dry_run", "outcome"]
    ordering = "-id"
    ordering_fields = ["id"]
    lookup_value_converter = "uuid"

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        # Before anything keeps the body: 30 MB are refused by their length alone.
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > settings.UPLOAD_MAX_BYTES + FORM_BYTES:
            _let_it_run_out(request, length)
            raise services.TooLarge

    def get_queryset(self) -> "QuerySet[Upload]":
        if not self.kwargs:
            return self.queryset
        return Upload.objects.filter(shipment=self.shipment()).defer("content").order_by("-id")

    @extend_schema(
        summary="Send a spreadsheet, to try or to import",
        description=(
            "Answers 202 with the address where its progress and outcome stand. `dry_run` must be given: true only"
            " says what would happen. One bad row refuses the whole file, and every bad row is named with its reason."
        ),
        request={"multipart/form-data": UploadIn},
        responses={202: UploadOut},
        filters=False,
    )
    @idempotent
    @may_raise(services.TooLarge)
    def create(self, request: Request, shipment: str) -> Response:
        told = UploadIn(data=request.data)
        told.is_valid(raise_exception=True)
        row = services.upload(
            self.shipment(),
            told.validated_data["file"].read(),
            dry_run=told.validated_data["dry_run"],
            replace=told.validated_data["replace"],
            by=actor(request),
            at=timezone.now(),
        )
        row.refresh_from_db(fields=["state", "progress"])
        answer = self.get_serializer(row).data
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": answer["url"]})


def _let_it_run_out(request: Request, length: int) -> None:
    """Throw away what is still being sent: a client that cannot finish sending never reads our answer."""
    if length <= RUNS_OUT_BYTES:
        while request._request.read(65_536):
            pass


class XLSXRenderer(BaseRenderer):
    media_type = XLSX
    format = "xlsx"

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, object] | None = None
    ) -> bytes:
        return JSONRenderer().render(data, "application/problem+json", renderer_context)


class TemplateView(APIView):
    permission_classes = [PACKERS]
    renderer_classes = [JSONRenderer, XLSXRenderer]

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
