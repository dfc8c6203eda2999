"""The audit trail: who did what to which row, and when."""

from typing import ClassVar
from uuid import UUID

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from logistics import examples, rights
from logistics.audit import numbers
from logistics.audit.models import AuditEntry
from logistics.inputs import Filters
from logistics.outputs import Output
from logistics.permissions import may
from logistics.views import StrictView


@extend_schema_serializer(examples=examples.AUDIT_ENTRY)
class AuditEntryOut(Output[AuditEntry], serializers.ModelSerializer[AuditEntry]):
    by_name = serializers.CharField(
        source="by.name", default=None, allow_null=True, read_only=True, help_text="Null: the system."
    )
    details = serializers.DictField(read_only=True, help_text="Ids, numbers and states; never names or addresses.")

    class Meta:
        model = AuditEntry
        fields = (
            "id", "subject_kind", "subject_id", "sequence", "verb", "by", "by_name", "at", "reason", "details",
            "request_id", "previous_hash", "hash",
        )  # fmt: skip
        read_only_fields = fields

    def by_of(self, entry: AuditEntry) -> UUID | None:
        return entry.by_id


class AuditEntryFilter(Filters):
    after = filters.IsoDateTimeFilter("at", "gte")
    before = filters.IsoDateTimeFilter("at", "lt")

    class Meta:
        model = AuditEntry
        fields = ("subject_kind", "subject_id", "verb", "by", "request_id")


@extend_schema_view(
    list=extend_schema(
        summary="List the audit trail",
        description="Who did what to which row, and when. Entries are append-only, and chained by hash for each row."
        " `?subject_kind=logistics.partner&subject_id=...` is the history of one partner.",
    ),
    retrieve=extend_schema(summary="Show an audit entry"),
)
class AuditEntryViewSet(StrictView, ReadOnlyModelViewSet[AuditEntry]):
    queryset = AuditEntry.objects.select_related("by")
    serializer_class = AuditEntryOut
    permission_classes = (may(rights.AUDIT),)
    filterset_class = AuditEntryFilter
    found_by = staticmethod(numbers.about)
    search_fields = ("verb", "reason", "request_id__exact")
    ordering_fields = ("id",)
    ordering_of_ranges: ClassVar = dict.fromkeys(["after", "before"], "-at")
