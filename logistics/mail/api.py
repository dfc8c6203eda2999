"""Queued, sent and failed mails, for the staff who work with their recipients."""

from collections.abc import Collection
from typing import ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from logistics import examples, rights
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.mail.readers import mails_for
from logistics.matrix import hidden_from
from logistics.outputs import Output
from logistics.permissions import actor, may
from logistics.views import StrictView, without_body


@extend_schema_serializer(examples=examples.EMAIL)
class EmailOut(Output[Email], serializers.ModelSerializer[Email]):
    to = serializers.EmailField(required=False, help_text="Not for auditors")

    class Meta:
        model = Email
        fields = (
            "id", "kind", "to", "language", "subject", "state", "attempts", "last_error_code", "created_at", "ended_at",
        )  # fmt: skip
        read_only_fields = fields

    def left_out(self) -> Collection[str]:
        """Return the recipient, unless the user may see it."""
        return hidden_from(self.context["request"].user, Email)


class EmailFilter(Filters):
    created_after = filters.IsoDateTimeFilter("created_at", "gte")

    class Meta:
        model = Email
        fields = ("state", "kind", "to")


@extend_schema_view(
    list=extend_schema(
        summary="List mails",
        description="Queued, sent and failed mails, of the kinds that you work with. Their text is not shown.",
    ),
    retrieve=extend_schema(summary="Show a mail"),
)
class EmailViewSet(StrictView, ReadOnlyModelViewSet[Email]):
    queryset = Email.objects.none()  # for the schema; see `get_queryset`
    serializer_class = EmailOut
    # Addresses are personal data: only for those who work with donors or partners.
    permission_classes = (may(rights.EMAIL),)
    filterset_class = EmailFilter
    search_fields = ("to", "subject")
    ordering_fields = ("id", "created_at")
    ordering_of_ranges: ClassVar = {"created_after": "-created_at"}

    def get_queryset(self) -> QuerySet[Email]:
        return mails_for(actor(self.request))

    @extend_schema(summary="Retry a mail that failed", responses=EmailOut)
    @action(detail=True, methods=["post"])
    @idempotent
    @without_body
    def retry(self, request: Request, pk: str) -> Response:
        """Fix the cause (`last_error_code`) first. The mail is then sent within seconds."""
        email = mail.retry(self.get_object(), by=actor(request), at=timezone.now())
        return Response(self.get_serializer(email).data)
