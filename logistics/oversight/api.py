"""What staff watch over: mails on their way, and the trail of who did what."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from logistics import examples
from logistics.audit.models import AuditEntry
from logistics.idempotency.api import idempotent
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.oversight.mails import mails_for
from logistics.people.models import Role
from logistics.people.permissions import actor, allow


@extend_schema_serializer(examples=examples.EMAIL)
class EmailSerializer(serializers.ModelSerializer[Email]):
    class Meta:
        model = Email
        fields = (
            "id", "kind", "to", "language", "subject", "state", "attempts", "last_error_code", "owed_at", "ended_at",
        )  # fmt: skip
        read_only_fields = fields


class EmailFilter(filters.FilterSet):
    owed_after = filters.IsoDateTimeFilter("owed_at", "gte")

    class Meta:
        model = Email
        fields = ("state", "kind", "to")


@extend_schema_view(
    list=extend_schema(
        summary="List mails",
        description="Mails owed and sent, of the kinds that are your work. What they say is not shown.",
    ),
    retrieve=extend_schema(summary="Show a mail"),
)
class EmailViewSet(ReadOnlyModelViewSet[Email]):
    queryset = Email.objects.none()  # for the schema; `get_queryset` says whose
    serializer_class = EmailSerializer
    # Addresses are personal data: only for those who work with donors or partners.
    permission_classes = (allow(Role.FINANCE, Role.COORDINATOR),)
    filterset_class = EmailFilter
    ordering_fields = ("id", "owed_at")

    def get_queryset(self) -> QuerySet[Email]:
        return mails_for(actor(self.request))

    @extend_schema(summary="Send a dead mail again", request=None, responses=EmailSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def retry(self, request: Request, pk: str) -> Response:
        """Try again what failed too often, once its cause (`last_error_code`) is mended."""
        email = mail.retry(self.get_object(), by=actor(request), at=timezone.now())
        data: Any = self.get_serializer(email).data
        return Response(data)


@extend_schema_serializer(examples=examples.AUDIT_ENTRY)
class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    by_name = serializers.CharField(source="by.name", default=None, read_only=True, help_text="Null: the house itself.")
    details = serializers.DictField(read_only=True, help_text="Ids, numbers and states; never names or addresses.")

    class Meta:
        model = AuditEntry
        fields = (
            "id", "subject_kind", "subject_id", "sequence", "verb", "by", "by_name", "at", "reason", "details",
            "request_id", "previous_hash", "hash",
        )  # fmt: skip
        read_only_fields = fields


class AuditEntryFilter(filters.FilterSet):
    after = filters.IsoDateTimeFilter("at", "gte")
    before = filters.IsoDateTimeFilter("at", "lt")

    class Meta:
        model = AuditEntry
        fields = ("subject_kind", "subject_id", "verb", "by", "request_id")


@extend_schema_view(
    list=extend_schema(
        summary="List the trail",
        description="Who did what to which row, when: append-only, chained by hash for each row."
        " `?subject_kind=shipments.shipment&subject_id=...` is the story of one.",
    ),
    retrieve=extend_schema(summary="Show an entry of the trail"),
)
class AuditEntryViewSet(ReadOnlyModelViewSet[AuditEntry]):
    queryset = AuditEntry.objects.select_related("by")
    serializer_class = AuditEntrySerializer
    permission_classes = (allow(read=(Role.AUDITOR,)),)
    filterset_class = AuditEntryFilter
    ordering_fields = ("id",)
