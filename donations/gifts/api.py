from functools import cache
from typing import ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from donations import rights
from donations.appeals.models import Appeal
from donations.challenges import services as challenges
from donations.gifts import online, status, tokens
from donations.gifts import services as gifts
from donations.gifts.actions import acts_of, with_payments
from donations.gifts.examples import (
    DONATION_EXAMPLE,
    PENDING_EXAMPLE,
    RECEIVED_EXAMPLE,
    REQUEST_EXAMPLE,
    SOLVED_EXAMPLE,
)
from donations.gifts.models import Donation
from donations.gifts.offline_api import OfflineActions
from donations.gifts.serializers import ChallengeIn, DonationIn, DonationOut, GiftOut
from donations.payments import services as payments
from donations.payments.models import PaymentAttempt
from donations.receipts import services as receipts
from donations.receipts.api import EXAMPLE as RECEIPT_EXAMPLE
from donations.receipts.api import ReceiptOut
from donations.refunds import api as refunds
from donations.refunds import asking
from donations.refunds.models import Refund
from donations.stripe.gateway import PaymentProviderUnavailable
from donations.switches.services import GivingPaused
from logistics.actions import AllowedAction
from logistics.charity import services as charities
from logistics.documents.services import DocumentNotReady
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent, run_once
from logistics.inputs import BooleanFilter, Filters
from logistics.people.recent import SignInAgain, require_recent_sign_in
from logistics.permissions import Anyone, actor, allow, may
from logistics.transactions import NoFreeCode
from logistics.views import StrictView, without_body
from logistics.visitors import address_of

CHALLENGED = (challenges.ChallengeRequired, challenges.TooManyGifts)


class DonationFilter(Filters):
    appeal = django_filters.CharFilter(field_name="appeal__slug", method="filter_appeal")
    received_from = django_filters.DateFilter(field_name="received_on", lookup_expr="gte")
    received_to = django_filters.DateFilter(field_name="received_on", lookup_expr="lte")
    donor = django_filters.UUIDFilter(field_name="donor_id")
    without_receipt = BooleanFilter(
        method="filter_without_receipt", label="Received, but information for its receipt is missing"
    )

    class Meta:
        model = Donation
        fields = ["status", "currency", "channel", "reference"]

    def filter_appeal(self, rows: QuerySet[Donation], name: str, value: str) -> QuerySet[Donation]:
        # The id first. Found in the same query, it would be unknown when the index is chosen.
        appeal = Appeal.objects.filter(slug=value).first()
        return rows.filter(appeal=appeal) if appeal else rows.none()

    def filter_without_receipt(self, rows: QuerySet[Donation], name: str, value: bool) -> QuerySet[Donation]:
        return rows.exclude(receipt_blocked_by=[]) if value else rows.filter(receipt_blocked_by=[])


class DonationViewSet(
    OfflineActions, StrictView, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Donation]
):
    """Gifts: anybody can give; finance and auditors see them."""

    queryset = with_payments(receipts.with_valid_receipt(DonationOut.reading(Donation.objects.all())))
    serializer_class = DonationOut
    filterset_class = DonationFilter
    # Not the email address, which auditors may not see: a search would reveal them.
    search_fields = ["reference", "payment_reference", "donor__name", "donor__organisation"]
    ordering_fields = ["id", "amount_minor"]
    sorted_within: ClassVar = {"amount_minor": "currency"}
    ordering_of_ranges: ClassVar = dict.fromkeys(["received_from", "received_to"], "-received_on")
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [may(rights.DONATION)]

    def get_serializer_context(self) -> dict[str, object]:
        """Add the allowed actions of a gift; a list loads the charity once."""
        charity, user = cache(charities.the_charity), actor(self.request)
        acts = acts_of(user) if user is not None else []

        def actions(donation: Donation) -> list[AllowedAction]:
            return [AllowedAction.of(act.name, act.refusal(donation, charity)) for act in acts]

        return dict(super().get_serializer_context()) | {"allowed_actions": actions}

    @property
    def throttle_scope(self) -> str | None:
        return "give" if self.action == "create" else None

    @extend_schema(summary="List donations", responses={200: DonationOut}, examples=[DONATION_EXAMPLE])
    def list(self, request: Request) -> Response:
        """List gifts, newest first."""
        return super().list(request)

    @extend_schema(summary="Show a donation", responses={200: DonationOut}, examples=[DONATION_EXAMPLE])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a gift."""
        return super().retrieve(request)

    @extend_schema(
        summary="Create a donation",
        request=DonationIn,
        responses={201: GiftOut},
        examples=[REQUEST_EXAMPLE, PENDING_EXAMPLE],
    )
    @may_raise(PaymentProviderUnavailable, NoFreeCode, GivingPaused, *CHALLENGED)
    def create(self, request: Request) -> Response:
        """Give: record the gift and open a Stripe checkout page to pay it.

        If the payment service is not responding (503 `payment_provider_unavailable`), the gift is kept: retry with the
        same Idempotency-Key to continue it. A repeated request returns the same gift in its current state.

        After many gifts or declined cards, the answer is 403 `challenge_required` and nothing is recorded. Solve its
        `challenge` (a proof of work of ALTCHA, version 2; it works once, from the same network address, for 20 minutes)
        and send the request again with `challenge_solution`. Or send `confirm_by_mail`: the gift is then recorded
        without a `checkout_url`, and the donor gets a link by mail.
        """
        now = timezone.now()
        made: list[PaymentAttempt] = []

        def write_down() -> Response:
            made.clear()  # it may run again, after a transaction that was rolled back
            wanted = DonationIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            gift, address = wanted.donation_request(), address_of(request)
            if wanted.is_by_mail:
                return Response({"donation": online.give_by_mail(gift, address=address, at=now).pk}, status=201)
            made.append(online.give(gift, address=address, proof=wanted.proof(), at=now))
            # The idempotency record keeps ids only: a gift's token is not stored.
            return Response({"attempt": made[0].pk}, status=201)

        with challenges.issued(now):
            kept = run_once(request, write_down)
        return answer_with_gift(kept, made)

    create.takes_idempotency_key = True  # type: ignore[attr-defined]  # read by config.openapi

    @extend_schema(
        summary="Issue the missing receipt of a donation",
        responses={201: ReceiptOut},
        examples=[RECEIPT_EXAMPLE],
    )
    @action(detail=True, methods=["post"], url_path="issue-receipt", permission_classes=[may(rights.RECEIPT)])
    @idempotent
    @without_body
    def issue_receipt(self, request: Request, pk: str) -> Response:
        """Issue the receipt of a gift that was blocked by missing information (`receipt_blocked_by`).

        A receipt that could not be printed is replaced by a new one that names its number: correct the donor first.
        """
        receipt = receipts.issue(self.get_object(), by=actor(request), at=timezone.now())
        return Response(ReceiptOut(receipt, context=self.get_serializer_context()).data, status=201)

    @extend_schema(
        summary="Refund a donation",
        request=refunds.RefundIn,
        responses={201: refunds.RefundOut},
        examples=[refunds.REQUEST_EXAMPLE, refunds.EXAMPLE],
    )
    @may_raise(SignInAgain, asking.NothingToRefund, asking.PaymentDisputed)
    @action(detail=True, methods=["post"], permission_classes=[may(rights.REFUND)])
    @idempotent
    def refund(self, request: Request, pk: str) -> Response:
        """Refund a gift that was paid by card, all of it or a part; several parts are possible.

        The refund is stored first and then sent to Stripe, again and again until Stripe answers, and never made twice.
        Above a limit that the charity sets, it waits in the state `awaiting_approval` for a second person. More than is
        left is refused (400 `more_than_left`) with the amount that is `left`. The receipt follows once Stripe says that
        the refund succeeded: cancelled, or replaced by one for the rest. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)
        wanted = refunds.RefundIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        said = wanted.validated_data
        made = asking.ask(
            self.get_object(),
            amount=said.get("amount", ""),
            payment=said.get("payment"),
            reason=said["reason"],
            note=said["note"],
            by=actor(request),
            at=timezone.now(),
        )
        return Response(self._shown(made), status=201)

    @extend_schema(
        summary="Refund what was paid twice of a donation",
        responses={201: refunds.RefundsOut},
        examples=[refunds.MANY_EXAMPLE],
    )
    @may_raise(SignInAgain, asking.NoSurplus)
    @action(detail=True, methods=["post"], url_path="refund-surplus", permission_classes=[may(rights.REFUND)])
    @idempotent
    @without_body
    def refund_surplus(self, request: Request, pk: str) -> Response:
        """Refund everything that was paid beyond the gift, because the donor paid it more than once.

        The gift and its receipt stay as they are. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)
        made = asking.ask_surplus(self.get_object(), by=actor(request), at=timezone.now())
        return Response({"refunds": [self._shown(refund) for refund in made]}, status=201)

    def _shown(self, refund: Refund) -> object:
        row = refunds.RefundViewSet.queryset.get(pk=refund.pk)
        return refunds.RefundOut(row, context=self.get_serializer_context()).data

    @extend_schema(
        summary="Revoke the secret link of a donation",
        responses={200: DonationOut},
        examples=[DONATION_EXAMPLE],
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="revoke-link",
        permission_classes=[allow(*rights.DONATION.roles("change"))],
    )
    @idempotent
    @without_body
    def revoke_link(self, request: Request, pk: str) -> Response:
        """End every link to the donor's page of this gift that was sent so far, for example because one was forwarded.

        The donor gets a new link by signing in by mail at `/my-gifts/`.
        """
        gifts.revoke_link(self.get_object(), by=actor(request), at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)


def answer_with_gift(kept: Response, made: list[PaymentAttempt]) -> Response:
    """Open the checkout of the attempt created by this request (or by its first run), and show the gift."""
    if "donation" in kept.data:  # to be confirmed by mail
        donation = Donation.objects.select_related("appeal", "donor").get(pk=kept.data["donation"])
        shown = GiftOut(status.status_of(donation, at=timezone.now())).data
        return Response(shown, status=kept.status_code, headers=dict(kept.headers))
    if made:
        attempt = made[0]
    else:
        rows = PaymentAttempt.objects.select_related("donation__donor", "donation__appeal")
        attempt = rows.get(pk=kept.data["attempt"])
    now = timezone.now()
    attempt = payments.open_checkout(attempt, at=now)
    gift = status.status_of(attempt.donation, at=now, attempt=attempt)
    return Response(GiftOut(gift).data, status=kept.status_code, headers=dict(kept.headers))


class CheckoutView(StrictView):
    permission_classes = [Anyone]
    throttle_scope = "give"

    @extend_schema(
        summary="Open a checkout for a donation",
        request=ChallengeIn,
        responses={201: GiftOut},
        examples=[SOLVED_EXAMPLE, PENDING_EXAMPLE],
    )
    @may_raise(PaymentProviderUnavailable, GivingPaused, *CHALLENGED, tokens.LinkEnded)
    def post(self, request: Request, token: str) -> Response:
        """Get a checkout page for a gift that is still pending: the open one, or a new one if it expired.

        After many gifts or declined cards, a challenge is asked for, as when creating a donation.
        """
        donation = tokens.donation_of(token)
        now = timezone.now()
        made: list[PaymentAttempt] = []

        def write_down() -> Response:
            made.clear()  # it may run again, after a transaction that was rolled back
            sent = ChallengeIn(data=request.data)
            sent.is_valid(raise_exception=True)
            address = address_of(request)
            if sent.is_by_mail:
                return Response({"donation": online.pay_by_mail(donation, address=address, at=now).pk}, status=201)
            made.append(online.pay_again(donation, address=address, proof=sent.proof(), at=now))
            return Response({"attempt": made[0].pk}, status=201)

        with challenges.issued(now):
            kept = run_once(request, write_down)
        return answer_with_gift(kept, made)

    post.takes_idempotency_key = True  # type: ignore[attr-defined]


class GiftView(StrictView):
    permission_classes = [Anyone]

    @extend_schema(
        summary="Show the status of a gift", responses={200: GiftOut}, examples=[RECEIVED_EXAMPLE, PENDING_EXAMPLE]
    )
    @may_raise(tokens.LinkEnded)
    def get(self, request: Request, token: str) -> Response:
        """Show the status of a gift to the donor who has its secret token."""
        return Response(GiftOut(status.status_of(tokens.donation_of(token), at=timezone.now())).data)


class GiftReceiptView(StrictView):
    permission_classes = [Anyone]

    @extend_schema(
        summary="Download the receipt of a gift",
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, description="The receipt as issued")},
    )
    @may_raise(DocumentNotReady, receipts.NoReceipt, tokens.LinkEnded)
    def get(self, request: Request, token: str) -> HttpResponse:
        """Download the valid receipt of a gift. 409 `document_not_ready` while it is being printed."""
        return receipt_response(tokens.donation_of(token))


def receipt_response(donation: Donation) -> HttpResponse:
    """Return the PDF of a gift's valid receipt as a download. Raises NoReceipt, DocumentNotReady."""
    receipt = receipts.valid_of(donation)
    response = HttpResponse(receipts.pdf(receipt), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{receipt.document.file_name}"'
    return response
