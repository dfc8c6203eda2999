from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiTypes, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from donations import gateway
from donations.payments import services
from donations.payments.models import StripeEvent
from logistics.people.permissions import Anyone


class StripeWebhookView(APIView):
    """Where Stripe tells us that something happened."""

    permission_classes = [Anyone]
    authentication_classes: list[Any] = []
    throttle_classes: list[Any] = []  # Stripe's bursts are wanted; whoever cannot sign is refused cheaply
    parser_classes: list[Any] = []  # the signature is over the raw bytes

    @extend_schema(
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: inline_serializer("EventTaken", {"is_new": serializers.BooleanField()})},
        examples=[OpenApiExample("Taken", response_only=True, value={"is_new": True})],
        auth=[{}],
    )
    def post(self, request: Request) -> Response:
        """Store a signed event of Stripe's and answer once it is committed; a worker looks at it then.

        400 `bad_signature`, and nothing stored, unless Stripe signed it for us within the last five minutes.
        """
        now = timezone.now()
        event = gateway.read_event(request.body, request.headers.get("Stripe-Signature"), now)
        is_new = services.keep_event(event, source=StripeEvent.Source.WEBHOOK, at=now)
        return Response({"is_new": is_new})
