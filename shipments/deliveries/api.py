"""Deliveries and discrepancies: `/shipments/{shipment}/deliveries/`, `/discrepancies/`."""

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from logistics.codes import codes
from logistics.documents.services import NotReady
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import Input
from logistics.permissions import actor, allow
from logistics.roles import Role
from logistics.versions import expected_version, needs_version, with_etag
from shipments import examples
from shipments.deliveries import notes, services
from shipments.deliveries.models import Delivery, Discrepancy
from shipments.manifests import access
from shipments.manifests.api import OfShipment
from shipments.papers.api import PDF_TOO, pdf_answer
from shipments.papers.services import NoSuchPaper

RECEIVERS = allow(Role.WAREHOUSE, Role.COORDINATOR, Role.PARTNER)
DECIDERS = allow(Role.COORDINATOR, read=(Role.WAREHOUSE, Role.FINANCE))
EXCEPTIONS_MAX = 2000


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 0}, {"type": "boolean", "enum": [True]}]})
class CountField(serializers.Field[Any, Any, Any, Any]):
    """A whole number, or `true` for all that is not accounted for yet."""

    default_error_messages = {"invalid": 'A whole number from 0, or true for "all of it".'}

    def to_internal_value(self, data: Any) -> int | bool:
        if data is not True and not (type(data) is int and 0 <= data <= 1_000_000):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ExceptionIn(Input):
    """A package, or one of its lines, that is not as `default` says."""

    package = serializers.IntegerField(min_value=1, max_value=1_000_000, help_text="Its number")
    line = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, help_text="Its place; absent: the whole package"
    )
    good = CountField(required=False)
    damaged = CountField(required=False, help_text="Needs a reason")
    missing = CountField(required=False)
    surplus = CountField(required=False, help_text="Arrived beyond what was sent; counted as good too")
    later = serializers.BooleanField(required=False, help_text="true: not counted yet")
    reason = serializers.CharField(max_length=200, required=False)


class UnlistedIn(Input):
    """Goods that stand on no line of the manifest."""

    description = serializers.CharField(max_length=200)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
    unit = serializers.CharField(max_length=3, default="H87", help_text="UN/ECE Rec 20")
    remark = serializers.CharField(max_length=200, required=False, default="")

    def validate_unit(self, unit: str) -> str:
        if not codes.is_unit(unit):
            raise serializers.ValidationError(_("This is not a UN/ECE Rec 20 unit code."), code="unknown_code")
        return unit


class MomentField(serializers.DateTimeField):
    """A moment that names its offset: without one it would be anybody's guess which clock is meant."""

    default_error_messages = {"no_offset": gettext_lazy("Add the time zone offset: Z for UTC, or for example +08:00.")}

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            self.fail("no_offset")
        aware: datetime = super().enforce_timezone(value)
        return aware


class DeliveryIn(Input):
    """What was received. Figures are those of this delivery; several deliveries add up."""

    client_id = serializers.UUIDField(help_text="Your own id of this confirmation; sent again it changes nothing")
    stated_at = MomentField(help_text="When the goods were received, by your clock, with its offset")
    received_by = serializers.CharField(max_length=100)
    default = serializers.ChoiceField(
        choices=Delivery.Default.choices,
        help_text="good: what is not named arrived sound. none: it was not counted yet",
    )
    exceptions = ExceptionIn(many=True, required=False, max_length=EXCEPTIONS_MAX)  # type: ignore[call-arg]
    unlisted = UnlistedIn(many=True, required=False, max_length=100)  # type: ignore[call-arg]
    delivered_by = serializers.CharField(max_length=100, required=False, allow_blank=True)
    seal_read = serializers.CharField(max_length=30, required=False, allow_blank=True)
    seal_intact = serializers.BooleanField(required=False, allow_null=True)
    packages_counted = serializers.IntegerField(min_value=0, max_value=100_000, required=False, allow_null=True)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Delivery.Source.choices, required=False, help_text="How staff learned of it; a partner's is always api"
    )


class ReversalIn(Input):
    client_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=500)


class StandingOut(serializers.Serializer[Any]):
    """The whole shipment as all deliveries so far count it."""

    packages_sent = serializers.IntegerField()
    packages_counted = serializers.IntegerField()
    packages_sound = serializers.IntegerField()
    lines_sent = serializers.IntegerField()
    lines_sound = serializers.IntegerField()
    lines_resolved = serializers.IntegerField()
    pieces_sent = serializers.IntegerField()
    pieces_good = serializers.IntegerField()
    pieces_damaged = serializers.IntegerField()
    pieces_missing = serializers.IntegerField()
    pieces_surplus = serializers.IntegerField()


@extend_schema_serializer(examples=examples.DELIVERY)
class ShipmentDeliveryOut(serializers.Serializer[Delivery]):
    id = serializers.UUIDField()
    number = serializers.CharField(help_text="Of its goods-received note")
    client_id = serializers.UUIDField()
    stated_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    received_by = serializers.CharField()
    source = serializers.ChoiceField(choices=Delivery.Source.choices)  # type: ignore[assignment]
    default = serializers.ChoiceField(choices=Delivery.Default.choices)
    seal_intact = serializers.BooleanField(allow_null=True)
    reverses = serializers.UUIDField(allow_null=True, help_text="The delivery that this one corrects")
    goods_received_note = serializers.CharField(allow_null=True, help_text="Address of the PDF")

    def to_representation(self, delivery: Delivery) -> dict[str, Any]:
        address = {"shipment": delivery.shipment_id, "pk": delivery.pk}
        url = reverse("delivery-goods-received-note", kwargs=address, request=self.context.get("request"))
        return {
            "id": str(delivery.pk),
            "number": notes.number_of(delivery, delivery.shipment),
            "client_id": str(delivery.client_id),
            "stated_at": delivery.stated_at,
            "recorded_at": delivery.recorded_at,
            "received_by": delivery.received_by,
            "source": delivery.source,
            "default": delivery.default,
            "seal_intact": delivery.seal_intact,
            "reverses": str(delivery.reverses_id) if delivery.reverses_id else None,
            "goods_received_note": None if delivery.reverses_id else url,
        }


@extend_schema_serializer(examples=examples.CONFIRMED)
class ConfirmedOut(ShipmentDeliveryOut):
    """A confirmation, and where the shipment stands after it."""

    shipment_status = serializers.CharField()
    standing = StandingOut()


@extend_schema_view(
    list=extend_schema(summary="List the confirmations of a shipment"),
    retrieve=extend_schema(summary="Read one confirmation"),
)
@extend_schema(tags=["deliveries"])
class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Delivery]):
    """A receiver confirms goods; a shipment may be confirmed in several deliveries. None is ever edited."""

    queryset = Delivery.objects.none()
    serializer_class = ShipmentDeliveryOut
    permission_classes = [RECEIVERS]
    filterset_fields = ["source"]
    ordering = "-id"
    ordering_fields = ["id", "stated_at"]
    lookup_value_converter = "uuid"

    def get_queryset(self) -> "QuerySet[Delivery]":
        if not self.kwargs:
            return self.queryset
        return Delivery.objects.filter(shipment=self.shipment()).select_related("shipment").order_by("-id")

    @extend_schema(
        summary="Confirm a delivery",
        description=(
            "One small call: `default` says what holds for all that is not named, `exceptions` name the rest."
            " Figures are those of this delivery; several deliveries add up. The same `client_id` again changes"
            " nothing and answers 200, also under another Idempotency-Key; with another body it is a 409"
            " `client_id_reused`. Differences open discrepancies; nothing is ever taken for missing unless you say so."
        ),
        request=DeliveryIn,
        responses={200: ConfirmedOut, 201: ConfirmedOut},
        examples=[examples.CONFIRMATION],
        filters=False,
    )
    @idempotent
    def create(self, request: Request, shipment: str) -> Response:
        told = DeliveryIn(data=request.data)
        told.is_valid(raise_exception=True)
        said = dict(told.validated_data)
        if access.is_partner(request.user):
            said["source"] = Delivery.Source.API
        return self._answer(services.confirm(self.shipment(), **said, by=actor(request), at=timezone.now()))

    @extend_schema(
        summary="Take a wrong confirmation back",
        description="A new delivery with the same figures below zero; confirm the right figures after it.",
        request=ReversalIn,
        responses={200: ConfirmedOut, 201: ConfirmedOut},
        examples=[examples.REVERSAL],
        filters=False,
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def reverse(self, request: Request, shipment: str, pk: str) -> Response:
        told = ReversalIn(data=request.data)
        told.is_valid(raise_exception=True)
        return self._answer(
            services.reverse(self.get_object(), **told.validated_data, by=actor(request), at=timezone.now())
        )

    def _answer(self, confirmed: services.Confirmed) -> Response:
        answer = self.get_serializer(confirmed.delivery).data | {
            "shipment_status": confirmed.delivery.shipment.status,
            "standing": vars(confirmed.standing),
        }
        return Response(answer, status=status.HTTP_201_CREATED if confirmed.is_new else status.HTTP_200_OK)

    @extend_schema(
        summary="Download the goods-received note of a confirmation as PDF",
        description="409 `document_not_ready` with the progress and Retry-After while it is printed.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        filters=False,
    )
    @action(detail=True, url_path="goods-received-note", renderer_classes=PDF_TOO)
    @may_raise(NotReady, NoSuchPaper)
    def goods_received_note(self, request: Request, shipment: str, pk: str) -> HttpResponse:
        paper = notes.of(self.get_object()).first()
        if paper is None:
            raise NoSuchPaper(_("There is no goods-received note for a reversal."))
        return pdf_answer(paper.document)


@extend_schema_serializer(examples=examples.DISCREPANCY)
class DiscrepancyOut(serializers.Serializer[Discrepancy]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    shipment = serializers.CharField(help_text="Number of the shipment")
    delivery = serializers.UUIDField(allow_null=True)
    kind = serializers.ChoiceField(choices=Discrepancy.Kind.choices)
    state = serializers.ChoiceField(choices=Discrepancy.State.choices)
    package = serializers.IntegerField(allow_null=True, help_text="Its number")
    line = serializers.IntegerField(allow_null=True, help_text="Its place in the package")
    item = serializers.CharField(allow_null=True)
    description_en = serializers.CharField(allow_null=True)
    quantity = serializers.IntegerField()
    reason = serializers.CharField()
    opened_at = serializers.DateTimeField()
    decision = serializers.CharField()
    decision_note = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, row: Discrepancy) -> dict[str, Any]:
        return {
            "id": str(row.pk),
            "version": row.version,
            "shipment": row.shipment.number,
            "delivery": str(row.delivery_id) if row.delivery_id else None,
            "kind": row.kind,
            "state": row.state,
            "package": row.package.number if row.package else None,
            "line": row.line.position if row.line else None,
            "item": row.line.item.code if row.line else None,
            "description_en": row.line.description_en if row.line else None,
            "quantity": row.quantity,
            "reason": row.reason,
            "opened_at": row.opened_at,
            "decision": row.decision,
            "decision_note": row.decision_note,
            "decided_at": row.decided_at,
            "closed_at": row.closed_at,
        }


class DecisionIn(Input):
    decision = serializers.ChoiceField(
        choices=[choice for choice in Discrepancy.Decision.choices if choice[0] != Discrepancy.Decision.NONE]
    )
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class DiscrepancyFilter(django_filters.FilterSet):
    shipment = django_filters.CharFilter("shipment__number", label="Number of the shipment")
    partner = django_filters.CharFilter("shipment__consignee__code")
    state = django_filters.MultipleChoiceFilter(choices=Discrepancy.State.choices)
    kind = django_filters.MultipleChoiceFilter(choices=Discrepancy.Kind.choices)

    class Meta:
        model = Discrepancy
        fields: list[str] = []


@extend_schema_view(
    list=extend_schema(summary="List differences between what was sent and what arrived"),
    retrieve=extend_schema(summary="Read one difference"),
)
@extend_schema(tags=["discrepancies"])
class DiscrepancyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Discrepancy]):
    """Opened by deliveries; a coordinator decides on each and closes it, before the shipment can be closed."""

    queryset = Discrepancy.objects.select_related("shipment", "package", "line__item").order_by("-id")
    serializer_class = DiscrepancyOut
    permission_classes = [DECIDERS]
    filterset_class = DiscrepancyFilter
    ordering_fields = ["id"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"

    def _answer(self, row: Discrepancy) -> Response:
        fresh = self.get_queryset().get(pk=row.pk)
        return with_etag(Response(self.get_serializer(fresh).data), fresh)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(
        summary="Decide what shall become of a difference",
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
        told = DecisionIn(data=request.data)
        told.is_valid(raise_exception=True)
        row = services.decide(
            self.get_object(),
            **told.validated_data,
            version=expected_version(request),
            by=actor(request),
            at=timezone.now(),
        )
        return self._answer(row)

    @extend_schema(
        summary="Close a difference that was decided on", request=None, responses=DiscrepancyOut, filters=False
    )
    @action(detail=True, methods=["post"])
    @idempotent
    @needs_version
    def close(self, request: Request, pk: str) -> Response:
        """Needs the version that was read, as `If-Match` or `version`."""
        row = services.close(self.get_object(), version=expected_version(request), by=actor(request), at=timezone.now())
        return self._answer(row)
