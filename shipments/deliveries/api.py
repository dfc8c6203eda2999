"""Deliveries: `/shipments/{shipment}/deliveries/`."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from logistics.documents.services import DocumentNotReady
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent
from logistics.permissions import actor, may
from shipments import rights
from shipments.deliveries import examples, notes, services
from shipments.deliveries.models import Delivery
from shipments.deliveries.serializers import ConfirmedOut, DeliveryIn, ReversalIn, ShipmentDeliveryOut
from shipments.papers.api import PDF_RENDERERS, pdf_answer
from shipments.papers.services import NoSuchPaper
from shipments.shipments import access
from shipments.shipments.of_shipment import OfShipment


@extend_schema_view(
    list=extend_schema(summary="List the confirmations of a shipment"),
    retrieve=extend_schema(summary="Read one confirmation"),
)
@extend_schema(tags=["deliveries"])
class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Delivery]):
    """A receiver's confirmations of goods; a shipment may have several. They are never edited."""

    queryset = Delivery.objects.none()
    serializer_class = ShipmentDeliveryOut
    permission_classes = [may(rights.DELIVERY)]
    filterset_fields = ["source"]
    search_fields = ["received_by", "delivered_by", "note"]
    ordering = "-id"
    ordering_fields = ["id", "stated_at"]
    lookup_value_converter = "uuid"

    def rows(self) -> "QuerySet[Delivery]":
        return Delivery.objects.filter(shipment=self.shipment()).select_related("shipment", "site").order_by("-id")

    def goes_to(self, site_id: UUID, /) -> Q:
        return Q(site=site_id)

    @extend_schema(
        summary="Confirm a delivery",
        description=(
            "One small call: `default` applies to everything not named, `exceptions` name the rest. Figures are for"
            " this delivery only; several deliveries add up. Repeating a `client_id` changes nothing and answers 200,"
            " even under another Idempotency-Key; with another body it is a 409 `client_id_reused`. Differences open"
            " discrepancies; nothing counts as missing unless you say so. With a key that is bound to a site, `default`"
            " applies to the goods for that site, other packages are unknown (400 `does_not_exist`), and the totals"
            " are those of the site."
        ),
        request=DeliveryIn,
        responses={200: ConfirmedOut, 201: ConfirmedOut},
        examples=[examples.CONFIRMATION],
        filters=False,
    )
    @idempotent
    def create(self, request: Request, shipment: str) -> Response:
        body = DeliveryIn(data=request.data)
        body.is_valid(raise_exception=True)
        confirmation = dict(body.validated_data)
        if access.is_partner(request.user):
            confirmation["source"] = Delivery.Source.API
        return self._answer(services.confirm(self.shipment(), **confirmation, by=actor(request), at=timezone.now()))

    @extend_schema(
        summary="Reverse a wrong confirmation",
        description="Creates a delivery with the same figures negated; then confirm the right figures.",
        request=ReversalIn,
        responses={200: ConfirmedOut, 201: ConfirmedOut},
        examples=[examples.REVERSAL],
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def reverse(self, request: Request, shipment: str, pk: str) -> Response:
        body = ReversalIn(data=request.data)
        body.is_valid(raise_exception=True)
        return self._answer(
            services.reverse(self.get_object(), **body.validated_data, by=actor(request), at=timezone.now())
        )

    def _answer(self, confirmed: services.Confirmed) -> Response:
        answer = self.get_serializer(confirmed.delivery).data | {
            "shipment_status": confirmed.delivery.shipment.status,
            "received": vars(confirmed.received),
        }
        return Response(answer, status=status.HTTP_201_CREATED if confirmed.is_new else status.HTTP_200_OK)

    @extend_schema(
        summary="Download the goods-received note of a confirmation as PDF",
        description="409 `document_not_ready` with the progress and Retry-After while it is printed.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        filters=False,
    )
    @action(detail=True, url_path="goods-received-note", renderer_classes=PDF_RENDERERS)
    @may_raise(DocumentNotReady, NoSuchPaper)
    def goods_received_note(self, request: Request, shipment: str, pk: str) -> HttpResponse:
        paper = notes.of(self.get_object()).first()
        if paper is None:
            raise NoSuchPaper(_("There is no goods-received note for a reversal."))
        return pdf_answer(paper.document)
