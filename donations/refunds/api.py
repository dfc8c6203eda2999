import django_filters
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from donations import rights
from donations.refunds import asking
from donations.refunds.models import Refund, RefundReason, RefundSending, RefundState
from logistics.actions import AllowedAction, AllowedActionOut, allowed
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters, Input, StrictCharField
from logistics.money.fields import AmountField, MoneyField
from logistics.outputs import Output
from logistics.people.recent import SignInAgain, require_recent_sign_in
from logistics.permissions import actor, may
from logistics.roles import Role
from logistics.rows import reads
from logistics.views import StrictView, without_body

REFUSALS = (asking.NothingToRefund, asking.PaymentDisputed, asking.NoSurplus, asking.SecondPersonNeeded)
NOTE_HELP = "In your own words, for the audit trail; the donor does not see it"


class RefundIn(Input):
    amount = AmountField(required=False, help_text="A decimal string; left out: everything that is left of the payment")
    payment = serializers.IntegerField(
        required=False, min_value=1, help_text="Number of the payment; left out: the one of which most is left"
    )
    reason = serializers.ChoiceField(choices=RefundReason.choices, help_text="Stripe tells it to the donor's bank")
    note = StrictCharField(max_length=500, required=False, allow_blank=True, default="", help_text=NOTE_HELP)


class RejectionIn(Input):
    note = StrictCharField(max_length=500, required=False, allow_blank=True, default="", help_text=NOTE_HELP)


class RefundOut(Output[Refund]):
    """A refund of a gift paid by card, made here or in Stripe's dashboard."""

    id = serializers.UUIDField()
    donation = serializers.UUIDField(source="attempt.donation_id")
    donation_reference = serializers.CharField(source="attempt.donation.reference")
    payment = serializers.IntegerField(source="attempt.number", help_text="Number of the payment within its gift")
    state = serializers.ChoiceField(
        choices=RefundState.choices,
        help_text="`requested`: on its way to Stripe, repeated until it answers; `failed` may follow `succeeded`",
    )
    amount = MoneyField("amount_minor")
    currency = serializers.CharField()
    reason = serializers.CharField()
    failure_reason = serializers.CharField(help_text="Why it failed: the code of Stripe or of the bank")
    problem = serializers.CharField(
        help_text="Why Stripe has not been reached yet, for example `payment_provider_unavailable`; usually empty"
    )
    created_at = serializers.DateTimeField()
    asked_by = serializers.CharField(source="asked_by.name", allow_null=True, help_text="Null: made at Stripe")
    asked_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField(source="decided_by.name", allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    stripe_id = serializers.CharField(allow_null=True, help_text="Null until Stripe has it")
    allowed_actions = AllowedActionOut(many=True)

    @reads("state", "sending__last_error_code")
    def problem_of(self, refund: Refund) -> str:
        sending: RefundSending | None = getattr(refund, "sending", None)
        return sending.last_error_code if sending and refund.state == RefundState.REQUESTED else ""

    @reads("state", "asked_by_id", "sending__state")  # by the refusals of `asking`, beside the disputes
    def allowed_actions_of(self, refund: Refund) -> list[AllowedAction]:
        user, finance = self.context["request"].user, (Role.FINANCE,)
        actions = {
            "approve": (finance, asking.refusal_to_approve(refund, user)),
            "reject": (finance, asking.refusal_to_decide(refund)),
            "send-again": (finance, asking.refusal_to_send_again(refund)),
        }
        return allowed(user, actions)


class RefundFilter(Filters):
    donation = django_filters.UUIDFilter(field_name="attempt__donation_id")

    class Meta:
        model = Refund
        fields = ["state", "reason", "stripe_id"]


REQUEST_EXAMPLE = OpenApiExample(
    "A part of a gift",
    request_only=True,
    value={"amount": "100.00", "reason": "requested_by_customer", "note": "She typed one zero too many."},
)
NOTE_EXAMPLE = OpenApiExample("Rejected", request_only=True, value={"note": "The donor wants to leave it with us."})
_REFUND = {
    "id": "01976f52-8c5b-7c11-9d7e-0d4b8a1c2e3f",
    "donation": "01976f4f-8c5b-7c11-9d7e-0d4b8a1c2e3f",
    "donation_reference": "GFT-7K2M-9QXD",
    "payment": 1,
    "state": "requested",
    "amount": "100.00",
    "currency": "HKD",
    "reason": "requested_by_customer",
    "failure_reason": "",
    "problem": "",
    "created_at": "2026-03-02T02:00:00Z",
    "asked_by": "Fiona Finance",
    "asked_at": "2026-03-02T02:00:00Z",
    "decided_by": None,
    "decided_at": None,
    "stripe_id": None,
    "allowed_actions": [
        {
            "action": "approve",
            "allowed": False,
            "code": "wrong_state",
            "reason": "Only a refund that awaits approval can be decided; this one is requested.",
        },
    ],
}
EXAMPLE = OpenApiExample("On its way to Stripe", response_only=True, value=_REFUND)
MANY_EXAMPLE = OpenApiExample("The second payment", response_only=True, value={"refunds": [_REFUND]})


class RefundsOut(Output[object]):
    """The refunds that were requested: one for each payment."""

    refunds = RefundOut(many=True)


class RefundViewSet(StrictView, viewsets.ReadOnlyModelViewSet[Refund]):
    """Refunds, for finance and auditors. Request one with `POST /donations/{id}/refund/`."""

    queryset = RefundOut.reading(Refund.objects.all()).prefetch_related("attempt__disputes")
    serializer_class = RefundOut
    filterset_class = RefundFilter
    search_fields = ["stripe_id__exact"]
    ordering_fields = ["id"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [may(rights.REFUND)]

    @extend_schema(summary="List refunds", responses={200: RefundOut}, examples=[EXAMPLE])
    def list(self, request: Request) -> Response:
        """List refunds, newest first; `?state=awaiting_approval` lists those that need a second person."""
        return super().list(request)

    @extend_schema(summary="Show a refund", responses={200: RefundOut}, examples=[EXAMPLE])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a refund."""
        return super().retrieve(request)

    @extend_schema(summary="Approve a refund", responses={200: RefundOut}, examples=[EXAMPLE])
    @may_raise(SignInAgain, *REFUSALS)
    @action(detail=True, methods=["post"])
    @idempotent
    @without_body
    def approve(self, request: Request, pk: str) -> Response:
        """Approve a refund that somebody else requested; it is then sent to Stripe.

        409 `second_person_needed` if you requested it yourself. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)
        asking.approve(self.get_object(), by=actor(request), at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        summary="Reject a refund", request=RejectionIn, responses={200: RefundOut}, examples=[NOTE_EXAMPLE, EXAMPLE]
    )
    @may_raise(SignInAgain)
    @action(detail=True, methods=["post"])
    @idempotent
    def reject(self, request: Request, pk: str) -> Response:
        """Reject a refund that awaits approval, or withdraw your own. Nothing is sent to Stripe."""
        require_recent_sign_in(request)
        said = RejectionIn(data=request.data)
        said.is_valid(raise_exception=True)
        asking.reject(self.get_object(), by=actor(request), at=timezone.now(), **said.validated_data)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Send a refund again", responses={202: RefundOut}, examples=[EXAMPLE])
    @may_raise(SignInAgain)
    @action(detail=True, methods=["post"], url_path="send-again")
    @idempotent
    @without_body
    def send_again(self, request: Request, pk: str) -> Response:
        """Send a refund to Stripe again whose sending has stopped, for example because our key was wrong.

        It is never made twice. While Stripe is only down, refunds are repeated without this.
        """
        require_recent_sign_in(request)
        asking.send_again(self.get_object(), by=actor(request), at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data, status=202)
