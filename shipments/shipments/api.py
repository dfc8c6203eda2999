"""`/shipments/`: shipments, and one POST per action."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar, cast

import django_filters
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from logistics.audit import services as audit
from logistics.codes import codes
from logistics.errors import Invalid, may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters, Input
from logistics.money import amounts as money
from logistics.partners import scope
from logistics.partners.models import Partner
from logistics.permissions import actor, may
from logistics.versions import expected_version, with_etag
from logistics.views import StrictView, without_body
from shipments import rights
from shipments.shipments import access, actions, lifecycle, services
from shipments.shipments import trail as trails
from shipments.shipments.models import Shipment
from shipments.shipments.serializers import ShipmentDetailOut, ShipmentIn, ShipmentOut
from shipments.shipments.states import Status

STAFF = may(rights.SHIPMENT)
Permission = type[BasePermission]
Method = TypeVar("Method", bound=Callable[..., Response])
RECEIVERS = may(rights.SHIPMENT, "arrive")


class ShipmentFilter(Filters):
    status = django_filters.MultipleChoiceFilter(choices=Status.choices, label="One or more states")
    partner = django_filters.CharFilter("consignee__code", method="filter_partner", label="Code of the consignee")
    number = django_filters.CharFilter(label="SHP-2026-00001")
    dispatched_after = django_filters.IsoDateTimeFilter("dispatched_at", "gte")
    dispatched_before = django_filters.IsoDateTimeFilter("dispatched_at", "lt")
    created_after = django_filters.IsoDateTimeFilter("created_at", "gte")
    created_before = django_filters.IsoDateTimeFilter("created_at", "lt")

    class Meta:
        model = Shipment
        fields: list[str] = []

    def filter_partner(self, shipments: "QuerySet[Shipment]", name: str, value: str) -> "QuerySet[Shipment]":
        # The id first. Found in the same query, it would be unknown when the index is chosen.
        partner = Partner.objects.filter(code=value).first()
        return shipments.filter(consignee=partner) if partner else shipments.none()


class ReasonIn(Input):
    reason = serializers.CharField(max_length=500, help_text="Shown in the audit trail")


class DispatchIn(Input):
    reason = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="Why the goods leave before the packing list is printed; without it: 409 `packing_list_not_printed`",
    )


class TrailEntryOut(serializers.Serializer[trails.TrailEntry]):
    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    verb = serializers.CharField()
    by = serializers.CharField()
    sentence = serializers.CharField(help_text="In the language of Accept-Language: English or French")
    reason = serializers.CharField()


SHIPMENT = OpenApiExample(
    "A container to Mali",
    value={
        "title": "Mali: rescue and rehabilitation for survivors of trafficking",
        "reference": "CGD-ML-26-001",
        "consignee": "AMAR-ML",
        "sites": [{"code": "K7RXW", "label": "A"}, {"code": "T3MPZ", "label": "B"}],
        "mode": "sea",
        "incoterm": "DAP",
        "incoterm_place": "Bamako",
        "port_of_loading": "HKHKG",
        "port_of_discharge": "SNDKR",
        "place_of_delivery": "MLBKO",
        "container_number": "CSQU3054383",
        "container_type": "45G1",
        "seal_number": "HK0012345",
        "customs_currency": "HKD",
        "freight": "38500.00",
        "freight_currency": "HKD",
    },
    request_only=True,
)


REASON = OpenApiExample("Why", value={"reason": "One more box of books came in."}, request_only=True)
EARLY = OpenApiExample(
    "Before the packing list is printed",
    value={"reason": "The truck leaves now; the packing list follows by email."},
    request_only=True,
)
CHANGE = OpenApiExample(
    "Details known after departure",
    value={"version": 4, "bill_of_lading": "HKGDKR2603001", "cargo_tracking_note": "056414"},
    request_only=True,
)
TRAIL_ENTRY = OpenApiExample(
    "One entry",
    value={
        "sequence": 4,
        "at": "2026-03-05T08:30:00Z",
        "verb": "dispatched",
        "by": "Lee Ka Yan",
        "sentence": "Lee Ka Yan dispatched the shipment; 1 contact of the partner was notified.",
        "reason": "",
    },
    response_only=True,
)


def shipment_action(
    summary: str,
    *,
    url_path: str | None = None,
    with_reason: bool = False,
    permission: Permission | None = None,
    body: type[Input] | None = None,
    examples: list[OpenApiExample] | None = None,
) -> Callable[[Method], Method]:
    """Decorate a POST that takes one action on a shipment, with an Idempotency-Key."""
    if with_reason:
        body, examples = ReasonIn, [REASON]

    def decorate(method: Method) -> Method:
        path = url_path or method.__name__
        acting = action(detail=True, methods=["post"], url_path=path, permission_classes=[permission or STAFF])(
            idempotent(method if body else without_body(method))
        )
        # Last, because `action` drops the schema set on the method before.
        described = extend_schema(
            summary=summary,
            request=body,
            responses=ShipmentDetailOut,
            examples=examples,
            filters=False,
        )(acting)
        return cast(Method, described)

    return decorate


@extend_schema_view(list=extend_schema(summary="List shipments, newest first"))
@extend_schema(tags=["shipments"])
class ShipmentViewSet(StrictView, mixins.ListModelMixin, GenericViewSet[Shipment]):
    """Shipments, identified by id or number. A partner sees its own, once dispatched.

    A key that is bound to a site sees the shipments that also go there. Of these it sees the packages, lines,
    deliveries and papers of the site only: others are not found (404).
    """

    queryset = Shipment.objects.none()
    serializer_class = ShipmentOut
    permission_classes = [STAFF]
    filterset_class = ShipmentFilter
    search_fields = ["number", "reference", "title", "container_number", "bill_of_lading"]
    ordering_fields = ["id", "number"]
    ordering_of_ranges: ClassVar = {
        **dict.fromkeys(["dispatched_after", "dispatched_before"], "-dispatched_at"),
        **dict.fromkeys(["created_after", "created_before"], "-created_at"),
    }
    ordering = ["-id"]
    lookup_url_kwarg = "shipment"
    lookup_value_converter = "str"

    def get_queryset(self) -> "QuerySet[Shipment]":
        shipments = access.visible_to(self.request.user)
        return ShipmentOut.reading(shipments) if self.action == "list" else shipments.select_related("consignee")

    def get_serializer_context(self) -> dict[str, object]:
        for_partner, site_id = access.is_partner(self.request.user), scope.site_of(self.request.user)
        context = {"for_partner": for_partner, "hides_values": for_partner, "site_id": site_id}
        return dict(super().get_serializer_context()) | context

    def _found(self) -> Shipment:
        return access.find(self.request.user, self.kwargs["shipment"])

    def _answer(self, shipment: Shipment, status: int = 200) -> Response:
        allowed = actions.allowed_actions(shipment, actor(self.request))
        hides_values = not access.sees_values(self.request.user, shipment)
        context = self.get_serializer_context() | {"allowed_actions": allowed, "hides_values": hides_values}
        return with_etag(Response(ShipmentDetailOut(shipment, context=context).data, status=status), shipment)

    @extend_schema(summary="Read a shipment, its totals, and your allowed actions", responses=ShipmentDetailOut)
    def retrieve(self, request: Request, shipment: str) -> Response:
        return self._answer(self._found())

    @extend_schema(
        summary="Open a shipment",
        request=ShipmentIn,
        responses={201: ShipmentDetailOut},
        examples=[SHIPMENT],
        filters=False,
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Open a draft with the next number of the year. Its sites must belong to the consignee."""
        body = ShipmentIn(data=request.data)
        body.is_valid(raise_exception=True)
        fields, sites = _to_fields(dict(body.validated_data))
        shipment = services.create(**fields, sites=sites or [], by=actor(request), at=timezone.now())
        return self._answer(shipment, status=201)

    @extend_schema(summary="Change a shipment", request=ShipmentIn, responses=ShipmentDetailOut, examples=[CHANGE])
    def partial_update(self, request: Request, shipment: str) -> Response:
        """Change a shipment. Once it is sealed, only seal, B/L, CTN, dates and freight can change."""
        body = ShipmentIn(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        found = self._found()
        changes, sites = _to_fields(dict(body.validated_data), found)
        edited = services.edit(
            found, changes, sites=sites, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return self._answer(edited)

    @shipment_action("Confirm that you compared the packages with the manifest; the packer cannot")
    @may_raise(actions.ImportRunning)
    def check(self, request: Request, shipment: str) -> Response:
        return self._answer(lifecycle.check(self._found(), by=actor(request), at=timezone.now()))

    @shipment_action("Seal: freeze the manifest and issue its packing list")
    @may_raise(actions.ImportRunning)
    def seal(self, request: Request, shipment: str) -> Response:
        return self._answer(lifecycle.seal(self._found(), by=actor(request), at=timezone.now()))

    @shipment_action("Reopen a sealed shipment; its packing list is superseded", with_reason=True)
    def reopen(self, request: Request, shipment: str) -> Response:
        reason = _reason(request)
        return self._answer(lifecycle.reopen(self._found(), reason=reason, by=actor(request), at=timezone.now()))

    # Not named `dispatch`, which is Django's entry point of every view.
    @shipment_action(
        "Dispatch: the goods leave, the partner is notified", url_path="dispatch", body=DispatchIn, examples=[EARLY]
    )
    def send_off(self, request: Request, shipment: str) -> Response:
        reason = _reason(request, DispatchIn)
        return self._answer(lifecycle.dispatch(self._found(), reason=reason, by=actor(request), at=timezone.now()))

    @shipment_action("Report the arrival; nothing is counted yet", permission=RECEIVERS)
    def arrive(self, request: Request, shipment: str) -> Response:
        return self._answer(lifecycle.arrive(self._found(), by=actor(request), at=timezone.now()))

    @shipment_action("Declare the whole shipment lost", with_reason=True)
    def lose(self, request: Request, shipment: str) -> Response:
        reason = _reason(request)
        return self._answer(lifecycle.lose(self._found(), reason=reason, by=actor(request), at=timezone.now()))

    @shipment_action("Report that a lost shipment was found")
    def find(self, request: Request, shipment: str) -> Response:
        return self._answer(lifecycle.find(self._found(), by=actor(request), at=timezone.now()))

    @shipment_action("Report that the goods came back", url_path="return", with_reason=True)
    def send_back(self, request: Request, shipment: str) -> Response:
        reason = _reason(request)
        return self._answer(lifecycle.send_back(self._found(), reason=reason, by=actor(request), at=timezone.now()))

    @shipment_action("Close: every line is accounted for, every discrepancy closed")
    def close(self, request: Request, shipment: str) -> Response:
        return self._answer(lifecycle.close(self._found(), by=actor(request), at=timezone.now()))

    @shipment_action("Cancel a shipment that has not left", with_reason=True)
    def cancel(self, request: Request, shipment: str) -> Response:
        reason = _reason(request)
        return self._answer(lifecycle.cancel(self._found(), reason=reason, by=actor(request), at=timezone.now()))

    @extend_schema(
        summary="Read a shipment's history: who did what, and when",
        responses=TrailEntryOut(many=True),
        examples=[TRAIL_ENTRY],
        filters=False,
    )
    @action(detail=True, pagination_class=None, filter_backends=[])
    def trail(self, request: Request, shipment: str) -> Response:
        """List the audit trail as sentences, oldest first.

        For partners, staff are "The charity", and only the reasons that partners gave are shown. A key that is bound to
        a site reads where the shipment is, and what was done with keys of the same site.
        """
        entries, site_id = audit.trail(self._found()), scope.site_of(request.user)
        if site_id is not None:
            entries = entries.filter(Q(verb__in=trails.OF_EVERY_SITE) | Q(by__membership__site=site_id))
        return Response(list(trails.describe(entries, hide_staff=access.is_partner(request.user), site_id=site_id)))


def _reason(request: Request, shape: type[Input] = ReasonIn) -> str:
    body = shape(data=request.data)
    body.is_valid(raise_exception=True)
    return str(body.validated_data.get("reason", ""))


def _to_fields(
    data: dict[str, Any], shipment: Shipment | None = None
) -> tuple[services.ShipmentFields, list[services.LabelledSite] | None]:
    """Return the fields for the service, and the sites if the body has any."""
    named = data.pop("sites", None)
    sites = None if named is None else [services.LabelledSite(each["code"], each["label"]) for each in named]
    if "freight" in data:
        freight = data.pop("freight")
        currency = data.get("freight_currency", shipment.freight_currency if shipment else "")
        if freight is not None and currency not in codes.currencies():
            raise Invalid(_("Freight needs an ISO 4217 currency."), field="freight_currency", code="unknown_code")
        data["freight_minor"] = (
            None if freight is None else money.parse(freight, currency, field="freight", most=services.FREIGHT_MAX)
        )
    return cast(services.ShipmentFields, data), sites
