from functools import cache
from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from donations import amounts
from donations.api_fields import PUBLIC, AmountField, StrictCharField, actions_of
from donations.checkout import following, offline, services
from donations.checkout.following import Following
from donations.gifts import tokens
from donations.gifts.api import DONATION_EXAMPLE, DonationOut, DonationReading
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.receipts import services as receipts
from donations.receipts.api import EXAMPLE as RECEIPT_EXAMPLE
from donations.receipts.api import ReceiptOut
from donations.receipts.models import Receipt
from donations.stripe.gateway import PaymentProviderUnavailable
from logistics.charity import services as charities
from logistics.documents.services import NotReady
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent, run_once
from logistics.inputs import Input
from logistics.permissions import Anyone, actor, allow
from logistics.roles import Role
from logistics.transactions import NoFreeCode
from logistics.visitors import address_of

DECLINED = gettext_lazy(
    "The card was not accepted. Nothing was charged. Try again or use another card; your bank can tell you why."
)


class DonorIn(Input):
    name = StrictCharField(max_length=120, required=False, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254)
    language = serializers.ChoiceField(choices=services.LANGUAGES, default="en")
    country = StrictCharField(
        max_length=2, required=False, allow_blank=True, default="", help_text="ISO 3166-1 alpha-2"
    )
    organisation = StrictCharField(max_length=120, required=False, allow_blank=True, default="")


class DonationIn(Input):
    amount = AmountField(help_text="A decimal string; no more decimals than the currency has")
    currency = StrictCharField(max_length=3, min_length=3, help_text="ISO 4217")
    appeal = StrictCharField(
        max_length=80, required=False, allow_blank=True, default="", help_text="Its slug; none: where most needed"
    )
    donor = DonorIn()
    anonymous = serializers.BooleanField(default=False, help_text="Never show the name in public")
    message = StrictCharField(max_length=500, required=False, allow_blank=True, default="")
    consent = serializers.BooleanField(default=False, help_text="The donor agreed to be written to")
    consent_text = StrictCharField(
        allow_blank=True,
        max_length=2000,
        required=False,
        default="",
        help_text="What the donor was shown, word for word; none: the text of our own page",
    )
    consent_version = StrictCharField(max_length=20, required=False, allow_blank=True, default="")

    def wish(self) -> services.Wish:
        data = dict(self.validated_data)
        return services.Wish(**data.pop("donor"), **data)


class ArrivalIn(Input):
    amount = AmountField(help_text="A decimal string; no more decimals than the currency has")
    currency = StrictCharField(max_length=3, min_length=3, help_text="ISO 4217")
    channel = serializers.ChoiceField(choices=["bank", "cash", "cheque"])
    received_on = serializers.DateField(help_text="The day on which the money was ours")
    appeal = StrictCharField(max_length=80, required=False, allow_blank=True, default="")
    donor = DonorIn()

    def arrival(self) -> offline.Arrival:
        data = dict(self.validated_data)
        return offline.Arrival(**data.pop("donor"), **data)


class GiftReceiptOut(serializers.Serializer[Any]):
    number = serializers.CharField()
    issued_on = serializers.DateField()
    state = serializers.CharField(help_text="`done` once its PDF can be downloaded")
    pdf_url = serializers.URLField()


class GiftOut(serializers.Serializer[Any]):
    """A gift as its donor follows it."""

    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Donation.Status.choices)
    amount = serializers.CharField()
    refunded = serializers.CharField(help_text="What of it was given back to the donor so far")
    charged_back = serializers.CharField(help_text="What of it the donor's bank took back")
    kept = serializers.CharField(help_text="What of it the charity holds: nothing before it is received")
    currency = serializers.CharField()
    appeal = serializers.CharField(allow_null=True, help_text="Slug of the appeal; null: where most needed")
    created_at = serializers.DateTimeField()
    received_on = serializers.DateField(allow_null=True)
    checkout_url = serializers.URLField(
        allow_null=True, help_text="Where to pay; null when there is nothing to pay now"
    )
    token = serializers.CharField(help_text="Secret of this gift's donor")
    url = serializers.URLField(help_text="This gift, over the API; secret")
    follow_url = serializers.URLField(help_text="Page on which the donor follows this gift; secret")
    problem = serializers.CharField(allow_null=True, help_text="Why the payment is not done, in words for the donor")
    may_pay = serializers.BooleanField(help_text="POST to donations/{token}/checkout/ to get a checkout_url")
    receipt = GiftReceiptOut(allow_null=True)


def gift_out(gift: Following) -> dict[str, Any]:
    donation, receipt = gift.donation, gift.receipt
    token = tokens.token_of(donation)
    return {
        "reference": donation.reference,
        "status": donation.status,
        "amount": amounts.written_out(donation.amount_minor, donation.currency),
        "refunded": amounts.written_out(donation.refunded_minor, donation.currency),
        "charged_back": amounts.written_out(donation.charged_back_minor, donation.currency),
        "kept": amounts.written_out(donation.kept_minor, donation.currency),
        "currency": donation.currency,
        "appeal": donation.appeal.slug if donation.appeal else None,
        "created_at": donation.created_at,
        "received_on": donation.received_on,
        "checkout_url": gift.checkout_url or None,
        "token": token,
        "url": tokens.absolute(reverse("api-gift", args=[token])),
        "follow_url": tokens.follow_url(donation),
        "problem": str(DECLINED) if gift.was_declined else None,
        "may_pay": gift.may_pay,
        "receipt": receipt
        and {
            "number": receipt.number,
            "issued_on": receipt.issued_on,
            "state": receipt.document.state,
            "pdf_url": tokens.absolute(reverse("api-gift-receipt", args=[token])),
        },
    }


ARRIVAL_EXAMPLE = OpenApiExample(
    "A cheque",
    request_only=True,
    value={
        "amount": "5000.00",
        "currency": "HKD",
        "channel": "cheque",
        "received_on": "2026-03-01",
        "appeal": "mali",
        "donor": {"organisation": "Chan & Co.", "email": "office@example.org"},
    },
)
REQUEST_EXAMPLE = OpenApiExample(
    "HK$500.50 for Mali",
    request_only=True,
    value={
        "amount": "500.50",
        "currency": "HKD",
        "appeal": "mali",
        "donor": {"name": "Chan Tai Man", "email": "taiman@example.org", "language": "en", "country": "HK"},
        "anonymous": False,
        "message": "",
        "consent": True,
    },
)
PENDING_EXAMPLE = OpenApiExample(
    "To be paid",
    response_only=True,
    value={
        "reference": "GFT-7K2M-9QXD",
        "status": "pending",
        "amount": "500.50",
        "refunded": "0.00",
        "charged_back": "0.00",
        "kept": "0.00",
        "currency": "HKD",
        "appeal": "mali",
        "created_at": "2026-03-01T08:00:00Z",
        "received_on": None,
        "checkout_url": "https://checkout.stripe.com/c/pay/cs_live_a1b2c3",
        "token": "AZX0mQ~9f8e7d",
        "url": "https://relief.example.org/api/v1/gifts/AZX0mQ~9f8e7d/",
        "follow_url": "https://relief.example.org/gifts/AZX0mQ~9f8e7d/",
        "problem": None,
        "may_pay": True,
        "receipt": None,
    },
)
RECEIVED_EXAMPLE = OpenApiExample(
    "Received and receipted",
    response_only=True,
    value={
        **PENDING_EXAMPLE.value,
        "status": "received",
        "received_on": "2026-03-01",
        "checkout_url": None,
        "may_pay": False,
        "receipt": {
            "number": "HK-2026-000001",
            "issued_on": "2026-03-01",
            "state": "done",
            "pdf_url": "https://relief.example.org/api/v1/gifts/AZX0mQ~9f8e7d/receipt/",
        },
    },
)


class DonationViewSet(DonationReading):
    queryset = DonationReading.queryset.prefetch_related(
        Prefetch("receipts", Receipt.objects.select_related("document").defer("document__context"))
    )
    permission_classes = [allow(Role.FINANCE, open_to_all=["POST"])]

    def get_serializer_context(self) -> dict[str, Any]:
        """With what may be done to a gift now; a list asks once who the charity is."""
        charity = cache(charities.the_charity)

        def actions(donation: Donation) -> dict[str, str | None]:
            refusal = receipts.refusal_to_issue(donation, charity)
            return actions_of(actor(self.request), {"issue-receipt": ((Role.FINANCE,), refusal)})

        return dict(super().get_serializer_context()) | {"actions_of": actions}

    @property
    def throttle_scope(self) -> str | None:
        return "give" if self.action == "create" else None

    @extend_schema(
        request=DonationIn, responses={201: GiftOut}, examples=[REQUEST_EXAMPLE, PENDING_EXAMPLE], auth=PUBLIC
    )
    @may_raise(PaymentProviderUnavailable, NoFreeCode)
    def create(self, request: Request) -> Response:
        """Give: write the gift down and open a page at Stripe on which to pay it.

        When the payment service does not answer (503 `payment_provider_unavailable`) the gift is kept: the same
        Idempotency-Key continues it. Sent again, the answer shows the same gift as it is by then.
        """
        now = timezone.now()
        made: list[PaymentAttempt] = []

        def write_down() -> Response:
            wanted = DonationIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            made.append(services.give(wanted.wish(), address=address_of(request), at=now))
            # The record keeps ids only: what opens a gift is not stored.
            return Response({"attempt": made[0].pk}, status=201)

        return answer_with_gift(run_once(request, write_down), made)

    create.takes_idempotency_key = True  # type: ignore[attr-defined]  # read by config.openapi

    @extend_schema(request=ArrivalIn, responses={201: DonationOut}, examples=[ARRIVAL_EXAMPLE, DONATION_EXAMPLE])
    @may_raise(NoFreeCode)
    @action(detail=False, methods=["post"], permission_classes=[allow(Role.FINANCE)])
    def offline(self, request: Request) -> Response:
        """Write down money that came by bank, in cash or by cheque; its receipt is issued at once."""

        def write_down() -> Response:
            wanted = ArrivalIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            donation = offline.record(wanted.arrival(), by=actor(request), at=timezone.now())
            # The record keeps the id only: it outlives the donor's erasure.
            return Response({"donation": donation.pk}, status=201)

        kept = run_once(request, write_down)
        donation = self.get_queryset().get(pk=kept.data["donation"])
        return Response(self.get_serializer(donation).data, status=kept.status_code, headers=dict(kept.headers))

    offline.takes_idempotency_key = True  # type: ignore[attr-defined]

    @extend_schema(request=None, responses={201: ReceiptOut}, examples=[RECEIPT_EXAMPLE])
    @action(detail=True, methods=["post"], url_path="issue-receipt", permission_classes=[allow(Role.FINANCE)])
    @idempotent
    def issue_receipt(self, request: Request, pk: str) -> Response:
        """Issue the receipt of a gift for which something was missing before (`receipt_blocked_by`).

        A receipt that could not be printed is replaced by a new one that names its number: correct the donor first.
        """
        receipt = receipts.issue(self.get_object(), by=actor(request), at=timezone.now())
        return Response(ReceiptOut(receipt, context=self.get_serializer_context()).data, status=201)


def answer_with_gift(kept: Response, made: list[PaymentAttempt]) -> Response:
    """Open the checkout of the attempt that a write made, now or when it was first sent, and show the gift."""
    if made:
        attempt = made[0]
    else:
        rows = PaymentAttempt.objects.select_related("donation__donor", "donation__appeal")
        attempt = rows.get(pk=kept.data["attempt"])
    now = timezone.now()
    attempt = services.open_session(attempt, at=now)
    gift = following.follow(attempt.donation, at=now, attempt=attempt)
    return Response(gift_out(gift), status=kept.status_code, headers=dict(kept.headers))


class CheckoutView(APIView):
    permission_classes = [Anyone]
    throttle_scope = "give"

    @extend_schema(request=None, responses={201: GiftOut}, examples=[PENDING_EXAMPLE], auth=PUBLIC)
    @may_raise(PaymentProviderUnavailable)
    def post(self, request: Request, token: str) -> Response:
        """Get a page on which to pay a gift that is still pending: the open one, or a new one after it expired."""
        donation = tokens.donation_of(token)
        now = timezone.now()
        made: list[PaymentAttempt] = []

        def write_down() -> Response:
            made.append(services.attempt_again(donation, address=address_of(request), at=now))
            return Response({"attempt": made[0].pk}, status=201)

        return answer_with_gift(run_once(request, write_down), made)

    post.takes_idempotency_key = True  # type: ignore[attr-defined]


class GiftView(APIView):
    permission_classes = [Anyone]

    @extend_schema(responses={200: GiftOut}, examples=[RECEIVED_EXAMPLE, PENDING_EXAMPLE], auth=PUBLIC)
    def get(self, request: Request, token: str) -> Response:
        """Follow one gift, as the donor who has its secret."""
        return Response(gift_out(following.follow(tokens.donation_of(token), at=timezone.now())))


class GiftReceiptView(APIView):
    permission_classes = [Anyone]

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, description="The receipt as issued")},
        auth=PUBLIC,
    )
    @may_raise(NotReady, receipts.NoReceipt)
    def get(self, request: Request, token: str) -> HttpResponse:
        """Download the valid receipt of one gift. 409 `document_not_ready` while it is being printed."""
        return receipt_response(tokens.donation_of(token))


def receipt_response(donation: Donation) -> HttpResponse:
    """Answer with the PDF of a gift's valid receipt; raises NoReceipt when there is none."""
    receipt = receipts.valid_of(donation)
    response = HttpResponse(receipts.pdf(receipt), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{receipt.document.file_name}"'
    return response
