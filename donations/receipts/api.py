from collections.abc import Iterable
from typing import ClassVar

import django_filters
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from donations import rights
from donations.receipts import deliveries, services
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from logistics.actions import AllowedAction, AllowedActionOut, allowed
from logistics.documents import services as documents
from logistics.documents.services import DocumentNotReady
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import BooleanFilter, Filters
from logistics.jobs.models import Job
from logistics.mail.models import Email
from logistics.money.fields import MoneyField
from logistics.outputs import Output
from logistics.permissions import actor, may
from logistics.roles import Role
from logistics.rows import fast, reads
from logistics.views import StrictView, without_body


class DeliveryOut(Output[ReceiptDelivery]):
    id = serializers.UUIDField()
    state = serializers.CharField(source="shown_state", help_text="`pending`, `sent` or `failed`")
    created_at = serializers.DateTimeField()
    problem = serializers.CharField(source="last_error_code", help_text="Code of the last problem, if any")


class ReceiptOut(Output[Receipt]):
    """A receipt as finance sees it; its contents are in the PDF."""

    id = serializers.UUIDField()
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=Receipt.Kind.choices)
    state = serializers.ChoiceField(choices=ReceiptState.choices)
    jurisdiction = serializers.CharField()
    donation = serializers.UUIDField(source="donation_id")
    donation_reference = serializers.CharField(source="donation.reference")
    amount = MoneyField("amount_minor")
    currency = serializers.CharField()
    issued_at = serializers.DateTimeField()
    issued_on = serializers.DateField()
    replaces = serializers.CharField(source="replaces.number", allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.CharField()
    not_printed = serializers.ListField(
        child=serializers.CharField(),
        help_text="Characters of the donor's name and address that no font has: the receipt has a square for each",
    )
    document_state = serializers.ChoiceField(choices=Job.State.choices, source="document.state")
    sha256 = serializers.CharField(source="document.sha256", help_text="Of the PDF; empty until it is printed")
    deliveries = DeliveryOut(many=True)
    allowed_actions = AllowedActionOut(many=True)

    @reads("id")
    def deliveries_of(self, receipt: Receipt) -> Iterable[ReceiptDelivery]:
        return receipt.deliveries.all()

    # What `refusal_to_resend` and `refusal_to_read` read.
    @reads("state", "number", "document__state", "document__progress", "document__last_error_code")
    def allowed_actions_of(self, receipt: Receipt) -> list[AllowedAction]:
        actions = {
            "resend": ((Role.FINANCE,), deliveries.refusal_to_resend(receipt)),
            "pdf": ((Role.FINANCE, Role.AUDITOR), documents.refusal_to_read(receipt.document)),
        }
        return allowed(self.context["request"].user, actions)


class ReceiptFilter(Filters):
    issued_from = django_filters.DateFilter(field_name="issued_on", lookup_expr="gte")
    issued_to = django_filters.DateFilter(field_name="issued_on", lookup_expr="lte")
    donation = django_filters.UUIDFilter(field_name="donation_id")
    with_squares = BooleanFilter(method="filter_squares", help_text="Whether `not_printed` names any character")

    class Meta:
        model = Receipt
        fields = ["number", "state", "kind", "currency", "year", "jurisdiction"]

    def filter_squares(self, rows: QuerySet[Receipt], name: str, value: bool) -> QuerySet[Receipt]:
        return rows.exclude(not_printed=[]) if value else rows.filter(not_printed=[])


DELIVERY_EXAMPLE = {
    "id": "01976f51-0c5b-7c11-9d7e-0d4b8a1c2e3f",
    "state": "sent",
    "created_at": "2026-03-01T08:00:05Z",
    "problem": "",
}
EXAMPLE = OpenApiExample(
    "Issued",
    response_only=True,
    value={
        "id": "01976f50-8c5b-7c11-9d7e-0d4b8a1c2e3f",
        "number": "HK-2026-000001",
        "kind": "single",
        "state": "issued",
        "jurisdiction": "HK",
        "donation": "01976f4f-8c5b-7c11-9d7e-0d4b8a1c2e3f",
        "donation_reference": "GFT-7K2M-9QXD",
        "amount": "500.50",
        "currency": "HKD",
        "issued_at": "2026-03-01T08:00:05Z",
        "issued_on": "2026-03-01",
        "replaces": None,
        "ended_at": None,
        "end_reason": "",
        "not_printed": [],
        "document_state": "done",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "deliveries": [DELIVERY_EXAMPLE],
        "allowed_actions": [
            {"action": "resend", "allowed": True, "code": "", "reason": ""},
            {"action": "pdf", "allowed": True, "code": "", "reason": ""},
        ],
    },
)


class ReceiptViewSet(StrictView, viewsets.ReadOnlyModelViewSet[Receipt]):
    """Receipts, for finance and auditors."""

    queryset = Receipt.objects.prefetch_related(
        Prefetch("deliveries", fast(ReceiptDelivery.objects.order_by("-id"))),
        Prefetch("deliveries__email", fast(Email.objects.only("state"))),
    )
    serializer_class = ReceiptOut
    filterset_class = ReceiptFilter
    search_fields = ["number", "donation__reference"]
    ordering_fields = ["id", "issued_on"]
    ordering_of_ranges: ClassVar = dict.fromkeys(["issued_from", "issued_to"], "-issued_on")
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [may(rights.RECEIPT)]

    def get_queryset(self) -> QuerySet[Receipt]:
        rows = super().get_queryset()
        return ReceiptOut.reading(rows) if self.action in ("list", "retrieve") else rows

    @extend_schema(summary="List receipts", responses={200: ReceiptOut}, examples=[EXAMPLE])
    def list(self, request: Request) -> Response:
        """List receipts, newest first."""
        return super().list(request)

    @extend_schema(summary="Show a receipt", responses={200: ReceiptOut}, examples=[EXAMPLE])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a receipt and its deliveries."""
        return super().retrieve(request)

    @extend_schema(
        summary="Download a receipt as PDF",
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, description="The receipt as issued")},
    )
    @action(detail=True, methods=["get"])
    @may_raise(DocumentNotReady)
    def pdf(self, request: Request, pk: str) -> HttpResponse:
        """Download the receipt as issued, even if cancelled. 409 while it is being printed."""
        receipt = self.get_object()
        response = HttpResponse(services.pdf(receipt), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{receipt.document.file_name}"'
        return response

    @extend_schema(
        summary="Resend a receipt",
        responses={202: DeliveryOut},
        examples=[OpenApiExample("Job", response_only=True, value={**DELIVERY_EXAMPLE, "state": "pending"})],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    @without_body
    def resend(self, request: Request, pk: str) -> Response:
        """Mail the same PDF to the donor again."""
        delivery: ReceiptDelivery = deliveries.resend(self.get_object(), by=actor(request), at=timezone.now())
        delivery.refresh_from_db()
        return Response(DeliveryOut(delivery).data, status=202)
