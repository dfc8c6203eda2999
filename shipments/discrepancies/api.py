"""Discrepancies: `/discrepancies/`."""

import django_filters
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from logistics.idempotency.api import idempotent
from logistics.inputs import Filters
from logistics.permissions import actor, may
from logistics.versions import expected_version, needs_version, with_etag
from logistics.views import StrictView, without_body
from shipments import rights
from shipments.discrepancies import examples, services
from shipments.discrepancies.models import Discrepancy
from shipments.discrepancies.serializers import DecisionIn, DiscrepancyOut


class DiscrepancyFilter(Filters):
    shipment = django_filters.CharFilter("shipment__number", label="Number of the shipment")
    partner = django_filters.CharFilter("shipment__consignee__code")
    state = django_filters.MultipleChoiceFilter(choices=Discrepancy.State.choices)
    kind = django_filters.MultipleChoiceFilter(choices=Discrepancy.Kind.choices)

    class Meta:
        model = Discrepancy
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="List discrepancies between what was sent and what arrived"),
    retrieve=extend_schema(summary="Read one discrepancy"),
)
@extend_schema(tags=["discrepancies"])
class DiscrepancyViewSet(StrictView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Discrepancy]):
    """Discrepancies opened by deliveries; a coordinator must decide on and close each before the shipment can close."""

    queryset = Discrepancy.objects.select_related("shipment", "package", "line__item").order_by("-id")
    serializer_class = DiscrepancyOut
    permission_classes = [may(rights.DISCREPANCY)]
    filterset_class = DiscrepancyFilter
    search_fields = ["shipment__number", "line__item__code", "reason", "decision_note"]
    ordering_fields = ["id"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"

    def _answer(self, row: Discrepancy) -> Response:
        fresh = self.get_queryset().get(pk=row.pk)
        return with_etag(Response(self.get_serializer(fresh).data), fresh)

    def retrieve(self, request: Request, *args: object, **kwargs: object) -> Response:
        return self._answer(self.get_object())

    @extend_schema(
        summary="Decide on a discrepancy",
        request=DecisionIn,
        responses=DiscrepancyOut,
        examples=[examples.DECISION],
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    @needs_version
    def decide(self, request: Request, pk: str) -> Response:
        """Needs the version that was read, as `If-Match` or `version`."""
        body = DecisionIn(data=request.data)
        body.is_valid(raise_exception=True)
        row = services.decide(
            self.get_object(),
            **body.validated_data,
            version=expected_version(request),
            by=actor(request),
            at=timezone.now(),
        )
        return self._answer(row)

    @extend_schema(summary="Close a discrepancy that was decided on", responses=DiscrepancyOut, filters=False)
    @action(detail=True, methods=["post"])
    @idempotent
    @needs_version
    @without_body
    def close(self, request: Request, pk: str) -> Response:
        """Needs the version that was read, as `If-Match` or `version`."""
        row = services.close(self.get_object(), version=expected_version(request), by=actor(request), at=timezone.now())
        return self._answer(row)
