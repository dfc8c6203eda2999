from typing import Any

import django_filters
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import mixins, serializers, viewsets
from rest_framework.filters import OrderingFilter

from donations.api_fields import MoneyField
from donations.giving.models import Donation
from logistics.people.models import Role
from logistics.people.permissions import allow


class DonationOut(serializers.Serializer[Any]):
    """A gift as finance sees it."""

    id = serializers.UUIDField()
    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Donation.Status)
    amount = MoneyField("amount_minor")
    refunded = MoneyField("refunded_minor")
    charged_back = MoneyField("charged_back_minor")
    currency = serializers.CharField()
    channel = serializers.ChoiceField(choices=Donation.Channel)
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


class DonationFilter(django_filters.FilterSet):
    appeal = django_filters.CharFilter(field_name="appeal__slug")
    received_from = django_filters.DateFilter(field_name="received_on", lookup_expr="gte")
    received_to = django_filters.DateFilter(field_name="received_on", lookup_expr="lte")
    donor = django_filters.UUIDFilter(field_name="donor_id")
    without_receipt = django_filters.BooleanFilter(
        field_name="receipt_blocked_by", lookup_expr="len__gt", method="filter_without_receipt"
    )

    class Meta:
        model = Donation
        fields = ["status", "currency", "channel", "reference"]

    def filter_without_receipt(self, rows: Any, name: str, value: bool) -> Any:
        return rows.exclude(receipt_blocked_by=[]) if value else rows.filter(receipt_blocked_by=[])


class DonationReading(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Donation]):
    """Gifts, for finance and auditors."""

    queryset = Donation.objects.select_related("appeal", "donor")
    serializer_class = DonationOut
    filterset_class = DonationFilter
    filter_backends = [DjangoFilterBackend, OrderingFilter]
    ordering_fields = ["id", "received_at", "amount_minor"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [allow(Role.FINANCE)]
