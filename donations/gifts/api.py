from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from donations.amounts import written_out
from donations.api_fields import MoneyField
from donations.gifts.models import Donation
from logistics.permissions import allow
from logistics.roles import Role


class DonationOut(serializers.Serializer[Any]):
    """A gift as finance sees it."""

    id = serializers.UUIDField()
    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Donation.Status.choices)
    amount = MoneyField("amount_minor")
    refunded = MoneyField("refunded_minor")
    charged_back = MoneyField("charged_back_minor")
    currency = serializers.CharField()
    channel = serializers.ChoiceField(choices=Donation.Channel.choices)
    appeal = serializers.CharField(source="appeal.slug", default=None, allow_null=True)
    donor = serializers.UUIDField(source="donor_id")
    donor_name = serializers.CharField(source="donor.addressee")
    language = serializers.CharField()
    anonymous = serializers.BooleanField()
    message = serializers.CharField()
    consent_version = serializers.CharField()
    created_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField(allow_null=True)
    received_on = serializers.DateField(allow_null=True)
    receipt_blocked_by = serializers.ListField(child=serializers.CharField())
    allowed_actions = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "additionalProperties": {"type": ["string", "null"]}})
    def get_allowed_actions(self, donation: Donation) -> dict[str, str | None]:
        """What the caller's roles include -> null when it is allowed now, else the reason why not.

        A gift that has its receipt may be asked for it once more: that answers the same receipt.
        """
        # Receipts are above this room: whoever shows a gift says why one is refused.
        actions: dict[str, str | None] = self.context["actions_of"](donation)
        return actions

    def to_representation(self, donation: Donation) -> dict[str, Any]:
        """By hand: a list of 50 costs a tenth of what the fields above would take, which describe it."""
        currency = donation.currency
        return {
            "id": str(donation.pk),
            "reference": donation.reference,
            "status": donation.status,
            "amount": written_out(donation.amount_minor, currency),
            "refunded": written_out(donation.refunded_minor, currency),
            "charged_back": written_out(donation.charged_back_minor, currency),
            "currency": currency,
            "channel": donation.channel,
            "appeal": donation.appeal.slug if donation.appeal else None,
            "donor": str(donation.donor_id),
            "donor_name": donation.donor.addressee,
            "language": donation.language,
            "anonymous": donation.anonymous,
            "message": donation.message,
            "consent_version": donation.consent_version,
            "created_at": donation.created_at,
            "received_at": donation.received_at,
            "received_on": donation.received_on,
            "receipt_blocked_by": donation.receipt_blocked_by,
            "allowed_actions": self.get_allowed_actions(donation),
        }


class DonationFilter(django_filters.FilterSet):
    appeal = django_filters.CharFilter(field_name="appeal__slug")
    received_from = django_filters.DateFilter(field_name="received_on", lookup_expr="gte")
    received_to = django_filters.DateFilter(field_name="received_on", lookup_expr="lte")
    donor = django_filters.UUIDFilter(field_name="donor_id")
    without_receipt = django_filters.BooleanFilter(
        method="filter_without_receipt", label="Received, but something for its receipt is missing"
    )

    class Meta:
        model = Donation
        fields = ["status", "currency", "channel", "reference"]

    def filter_without_receipt(self, rows: Any, name: str, value: bool) -> Any:
        return rows.exclude(receipt_blocked_by=[]) if value else rows.filter(receipt_blocked_by=[])


DONATION_EXAMPLE = OpenApiExample(
    "Received",
    response_only=True,
    value={
        "id": "01976f4f-8c5b-7c11-9d7e-0d4b8a1c2e3f",
        "reference": "GFT-7K2M-9QXD",
        "status": "received",
        "amount": "500.50",
        "refunded": "0.00",
        "charged_back": "0.00",
        "currency": "HKD",
        "channel": "online",
        "appeal": "mali",
        "donor": "01976f4e-9c5b-7c11-9d7e-0d4b8a1c2e3f",
        "donor_name": "Chan Tai Man",
        "language": "en",
        "anonymous": False,
        "message": "",
        "consent_version": "2026-01",
        "created_at": "2026-03-01T07:58:00Z",
        "received_at": "2026-03-01T08:00:00Z",
        "received_on": "2026-03-01",
        "receipt_blocked_by": [],
        "allowed_actions": {"issue-receipt": None},
    },
)


class DonationReading(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Donation]):
    """Gifts, for finance and auditors."""

    # What donors read of an appeal is long, and not shown here.
    queryset = Donation.objects.select_related("appeal", "donor").defer("appeal__story_en", "appeal__story_fr")
    serializer_class = DonationOut
    filterset_class = DonationFilter
    ordering_fields = ["id", "amount_minor"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [allow(Role.FINANCE)]

    @extend_schema(responses={200: DonationOut}, examples=[DONATION_EXAMPLE])
    def list(self, request: Request) -> Response:
        """List gifts, newest first."""
        return super().list(request)

    @extend_schema(responses={200: DonationOut}, examples=[DONATION_EXAMPLE])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one gift."""
        return super().retrieve(request)
