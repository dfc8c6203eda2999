import django_filters
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiTypes, extend_schema, inline_serializer
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from donations import rights
from donations.stripe import gateway
from donations.stripe_events import services
from donations.stripe_events.models import StripeEvent
from logistics.actions import AllowedAction, AllowedActionOut, allowed
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters
from logistics.jobs.models import Job
from logistics.outputs import Output
from logistics.permissions import Anyone, actor, may
from logistics.roles import Role
from logistics.rows import reads
from logistics.views import StrictView, without_body

SENT_EXAMPLE = OpenApiExample(
    "An event, as Stripe signs it",
    request_only=True,
    value={
        "id": "evt_1PabcDEF",
        "object": "event",
        "api_version": gateway.API_VERSION,
        "created": 1772352000,
        "livemode": True,
        "type": "checkout.session.completed",
        "data": {"object": {"id": "cs_live_a1b2c3", "object": "checkout.session", "payment_intent": "pi_3PabcDEF"}},
    },
)


class StripeWebhookView(APIView):
    """Webhook endpoint for Stripe's events."""

    permission_classes = [Anyone]
    authentication_classes = ()
    throttle_classes = ()  # Stripe sends bursts; unsigned requests are cheap to refuse
    parser_classes = ()  # the signature is over the raw bytes

    @extend_schema(
        summary="Receive an event from Stripe",
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: inline_serializer("EventTaken", {"is_new": serializers.BooleanField()})},
        examples=[SENT_EXAMPLE, OpenApiExample("Taken", response_only=True, value={"is_new": True})],
    )
    def post(self, request: Request) -> Response:
        """Store a signed Stripe event and answer once it is committed; a worker then applies it.

        400 `bad_signature`, and nothing is stored, unless Stripe signed it for us within the last five minutes.
        """
        now = timezone.now()
        event = gateway.read_event(request.body, request.headers.get("Stripe-Signature"), now)
        is_new = services.store_event(event, source=StripeEvent.Source.WEBHOOK, at=now)
        return Response({"is_new": is_new})


class StripeEventOut(Output[StripeEvent]):
    """A Stripe event and its outcome. `dead` means quarantined; `problem` says why."""

    id = serializers.UUIDField()
    stripe_id = serializers.CharField()
    kind = serializers.CharField()
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    payment_intent_id = serializers.CharField()
    livemode = serializers.BooleanField()
    api_version = serializers.CharField()
    happened_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    source = serializers.ChoiceField(choices=StripeEvent.Source.choices)  # type: ignore[assignment]
    state = serializers.ChoiceField(choices=Job.State.choices)
    outcome = serializers.ChoiceField(choices=StripeEvent.Outcome.choices, allow_blank=True)
    attempts = serializers.IntegerField()
    problem = serializers.CharField(source="last_error_code")
    donation = serializers.UUIDField(source="attempt.donation_id", allow_null=True)
    allowed_actions = AllowedActionOut(many=True)

    @reads("state")  # by `refusal_to_retry`
    def allowed_actions_of(self, event: StripeEvent) -> list[AllowedAction]:
        retry = ((Role.FINANCE,), services.refusal_to_retry(event))
        return allowed(self.context["request"].user, {"retry": retry})


class StripeEventFilter(Filters):
    state = django_filters.ChoiceFilter(choices=Job.State.choices, help_text="`dead`: quarantined")
    problem = django_filters.CharFilter(field_name="last_error_code")
    donation = django_filters.UUIDFilter(field_name="attempt__donation_id")

    class Meta:
        model = StripeEvent
        fields = ["stripe_id", "kind", "outcome", "source", "payment_intent_id"]


EVENT_EXAMPLE = OpenApiExample(
    "In quarantine",
    response_only=True,
    value={
        "id": "01976f50-1c5b-7c11-9d7e-0d4b8a1c2e3f",
        "stripe_id": "evt_1PabcDEF",
        "kind": "checkout.session.completed",
        "object_type": "checkout.session",
        "object_id": "cs_live_a1b2c3",
        "payment_intent_id": "pi_3PabcDEF",
        "livemode": True,
        "api_version": gateway.API_VERSION,
        "happened_at": "2026-03-01T08:00:00Z",
        "received_at": "2026-03-01T08:00:01Z",
        "source": "webhook",
        "state": "dead",
        "outcome": "",
        "attempts": 1,
        "problem": "amount_mismatch",
        "donation": None,
        "allowed_actions": [{"action": "retry", "allowed": True, "code": "", "reason": ""}],
    },
)


class StripeEventViewSet(StrictView, viewsets.ReadOnlyModelViewSet[StripeEvent]):
    """Stripe events; finance retries those in quarantine."""

    queryset = StripeEventOut.reading(StripeEvent.objects.all())
    serializer_class = StripeEventOut
    filterset_class = StripeEventFilter
    search_fields = ["stripe_id__exact", "object_id__exact", "payment_intent_id__exact"]
    ordering_fields = ["id", "happened_at"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [may(rights.EVENT)]

    @extend_schema(summary="List Stripe events", responses={200: StripeEventOut}, examples=[EVENT_EXAMPLE])
    def list(self, request: Request) -> Response:
        """List Stripe events, newest first; `?state=dead` lists those in quarantine."""
        return super().list(request)

    @extend_schema(summary="Show a Stripe event", responses={200: StripeEventOut}, examples=[EVENT_EXAMPLE])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a Stripe event."""
        return super().retrieve(request)

    @extend_schema(summary="Retry a Stripe event", responses={202: StripeEventOut}, examples=[EVENT_EXAMPLE])
    @action(detail=True, methods=["post"])
    @idempotent
    @without_body
    def retry(self, request: Request, pk: str) -> Response:
        """Retry an event in quarantine: a worker fetches from Stripe again."""
        event = services.retry(self.get_object(), by=actor(request), at=timezone.now())
        return Response(self.get_serializer(event).data, status=202)
