from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics.inputs import Input
from logistics.outputs import Output
from shipments.discrepancies import examples
from shipments.discrepancies.models import Discrepancy


@extend_schema_serializer(examples=examples.DISCREPANCY)
class DiscrepancyOut(Output[Discrepancy]):
    id = serializers.UUIDField()
    version = serializers.IntegerField()
    shipment = serializers.CharField(source="shipment.number", help_text="Number of the shipment")
    delivery = serializers.UUIDField(source="delivery_id", allow_null=True)
    kind = serializers.ChoiceField(choices=Discrepancy.Kind.choices)
    state = serializers.ChoiceField(choices=Discrepancy.State.choices)
    package = serializers.IntegerField(source="package.number", allow_null=True, help_text="Its number")
    line = serializers.IntegerField(source="line.position", allow_null=True, help_text="Its position in the package")
    item = serializers.CharField(source="line.item.code", allow_null=True)
    description_en = serializers.CharField(source="line.description_en", allow_null=True)
    quantity = serializers.IntegerField()
    reason = serializers.CharField()
    opened_at = serializers.DateTimeField()
    decision = serializers.CharField()
    decision_note = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


class DecisionIn(Input):
    decision = serializers.ChoiceField(
        choices=[choice for choice in Discrepancy.Decision.choices if choice[0] != Discrepancy.Decision.NONE]
    )
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
