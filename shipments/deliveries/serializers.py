from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.reverse import reverse

from logistics.codes import codes
from logistics.inputs import Input
from logistics.outputs import Output
from shipments.deliveries import examples, notes
from shipments.deliveries.figures import ReceivedSoFar
from shipments.deliveries.models import Delivery

EXCEPTIONS_MAX = 2000


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 0}, {"type": "boolean", "enum": [True]}]})
class CountField(serializers.Field[object, object, object, object]):
    """A whole number, or `true` for everything not accounted for yet."""

    default_error_messages = {"invalid": 'A whole number from 0, or true for "all of it".'}

    def to_internal_value(self, data: object) -> int | bool:
        if data is not True and not (type(data) is int and 0 <= data <= 1_000_000):
            self.fail("invalid")
        return data

    def to_representation(self, value: object) -> object:
        return value


class ExceptionIn(Input):
    """A package, or one of its lines, to which `default` does not apply."""

    package = serializers.IntegerField(min_value=1, max_value=1_000_000, help_text="Its number")
    line = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, help_text="Its position; absent: the whole package"
    )
    good = CountField(required=False)
    damaged = CountField(required=False, help_text="Needs a reason")
    missing = CountField(required=False)
    surplus = CountField(required=False, help_text="Arrived in excess of what was sent; also counted as good")
    later = serializers.BooleanField(required=False, help_text="true: not counted yet")
    reason = serializers.CharField(max_length=200, required=False)


class UnlistedIn(Input):
    """Goods that are not on the manifest."""

    description = serializers.CharField(max_length=200)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000)
    unit = serializers.CharField(max_length=3, default="H87", help_text="UN/ECE Rec 20")
    remark = serializers.CharField(max_length=200, required=False, default="")

    def validate_unit(self, unit: str) -> str:
        if not codes.is_unit(unit):
            raise serializers.ValidationError(_("This is not a UN/ECE Rec 20 unit code."), code="unknown_code")
        return unit


class MomentField(serializers.DateTimeField):
    """A datetime with a required UTC offset; without one it would be ambiguous."""

    default_error_messages = {"no_offset": gettext_lazy("Add the time zone offset: Z for UTC, or for example +08:00.")}

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            self.fail("no_offset")
        aware: datetime = super().enforce_timezone(value)
        return aware


class DeliveryIn(Input):
    """A confirmation of goods received. Figures are for this delivery only; several deliveries add up."""

    client_id = serializers.UUIDField(help_text="Your own id for this confirmation; repeating it changes nothing")
    stated_at = MomentField(help_text="When the goods were received, by your clock, with its offset")
    received_by = serializers.CharField(max_length=100)
    default = serializers.ChoiceField(
        choices=Delivery.Default.choices,
        help_text="good: everything not named arrived in good condition. none: it was not counted yet",
    )
    exceptions = ExceptionIn(many=True, required=False, max_length=EXCEPTIONS_MAX)  # type: ignore[call-arg]
    unlisted = UnlistedIn(many=True, required=False, max_length=100)  # type: ignore[call-arg]
    delivered_by = serializers.CharField(max_length=100, required=False, allow_blank=True)
    seal_read = serializers.CharField(max_length=30, required=False, allow_blank=True)
    seal_intact = serializers.BooleanField(required=False, allow_null=True)
    packages_counted = serializers.IntegerField(min_value=0, max_value=100_000, required=False, allow_null=True)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Delivery.Source.choices, required=False, help_text="How staff received it; always api for partners"
    )


class ReversalIn(Input):
    client_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=500)


class ReceivedSoFarOut(Output[ReceivedSoFar]):
    """Totals over all deliveries so far: of the whole shipment or, for a key bound to a site, of the site."""

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
class ShipmentDeliveryOut(Output[Delivery]):
    id = serializers.UUIDField()
    number = serializers.CharField(help_text="Of its goods-received note")
    client_id = serializers.UUIDField()
    stated_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    received_by = serializers.CharField()
    source = serializers.ChoiceField(choices=Delivery.Source.choices)  # type: ignore[assignment]
    default = serializers.ChoiceField(choices=Delivery.Default.choices)
    seal_intact = serializers.BooleanField(allow_null=True)
    reverses = serializers.UUIDField(
        source="reverses_id", allow_null=True, help_text="The delivery that this one corrects"
    )
    goods_received_note = serializers.CharField(allow_null=True, help_text="URL of the PDF")

    def number_of(self, delivery: Delivery) -> str:
        return notes.number_of(delivery, delivery.shipment)

    def goods_received_note_of(self, delivery: Delivery) -> str | None:
        if delivery.reverses_id:
            return None
        address = {"shipment": delivery.shipment_id, "pk": delivery.pk}
        return str(reverse("delivery-goods-received-note", kwargs=address, request=self.context.get("request")))


@extend_schema_serializer(examples=examples.CONFIRMED)
class ConfirmedOut(ShipmentDeliveryOut):
    """A confirmation, and the shipment's status and totals after it."""

    shipment_status = serializers.CharField()
    received = ReceivedSoFarOut()
