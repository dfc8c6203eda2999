from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics.inputs import Input
from shipments.discrepancies import examples
from shipments.discrepancies.models import Discrepancy


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
