"""The endpoints of offline gifts, a part of `donations/`: record, correct, void."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from donations import rights
from donations.gifts import corrections, offline
from donations.gifts.duplicates import PossibleDuplicate
from donations.gifts.examples import (
    CORRECTION_EXAMPLE,
    DONATION_EXAMPLE,
    KNOWN_DONOR_EXAMPLE,
    OFFLINE_EXAMPLE,
    VOID_EXAMPLE,
    VOIDED_EXAMPLE,
)
from donations.gifts.models import Donation
from donations.gifts.serializers import CorrectionIn, DonationOut, OfflineGiftIn, OfflineReasonIn
from logistics.errors import may_raise
from logistics.idempotency.api import idempotent, run_once
from logistics.people.recent import SignInAgain, require_recent_sign_in
from logistics.permissions import actor, allow
from logistics.transactions import NoFreeCode

FINANCE = allow(*rights.DONATION.roles("change"))


class OfflineActions(viewsets.GenericViewSet[Donation]):
    @extend_schema(
        summary="Record an offline donation",
        request=OfflineGiftIn,
        responses={201: DonationOut},
        examples=[OFFLINE_EXAMPLE, KNOWN_DONOR_EXAMPLE, DONATION_EXAMPLE],
    )
    @may_raise(NoFreeCode, PossibleDuplicate, SignInAgain)
    @action(detail=False, methods=["post"], permission_classes=[FINANCE])
    def offline(self, request: Request) -> Response:
        """Record a gift by bank transfer, cash or cheque; its receipt is issued at once.

        If a gift like it is recorded already (same donor and amount on a day within a week, or same payment reference),
        the answer is 409 `possible_duplicate` with the references of such gifts. If it is another gift, send the
        request again with these in `another_than`. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)

        def write_down() -> Response:
            wanted = OfflineGiftIn(data=request.data)
            wanted.is_valid(raise_exception=True)
            donation = offline.record(wanted.offline_gift(), by=actor(request), at=timezone.now())
            # The idempotency record keeps the id only: it may outlive the donor's personal data.
            return Response({"donation": donation.pk}, status=201)

        kept = run_once(request, write_down)
        donation = self.get_queryset().get(pk=kept.data["donation"])
        return Response(self.get_serializer(donation).data, status=kept.status_code, headers=dict(kept.headers))

    offline.takes_idempotency_key = True  # type: ignore[attr-defined]  # read by config.openapi

    @extend_schema(
        summary="Correct an offline donation",
        request=CorrectionIn,
        responses={200: DonationOut},
        examples=[CORRECTION_EXAMPLE, DONATION_EXAMPLE],
    )
    @may_raise(SignInAgain)
    @action(detail=True, methods=["post"], permission_classes=[FINANCE])
    @idempotent
    def correct(self, request: Request, pk: str) -> Response:
        """Correct the amount, date or another detail of a gift by bank transfer, cash or cheque; the rest stays.

        A receipt that shows what was wrong is replaced by one that names its number. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)
        wanted = CorrectionIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        donation, changes, reason = self.get_object(), wanted.changes(), wanted.validated_data["reason"]
        corrections.correct(donation, changes=changes, reason=reason, by=actor(request), at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        summary="Void an offline donation",
        request=OfflineReasonIn,
        responses={200: DonationOut},
        examples=[VOID_EXAMPLE, VOIDED_EXAMPLE],
    )
    @may_raise(SignInAgain)
    @action(detail=True, methods=["post"], permission_classes=[FINANCE])
    @idempotent
    def void(self, request: Request, pk: str) -> Response:
        """Void a gift by bank transfer, cash or cheque that was recorded by mistake. This cannot be undone.

        It no longer counts; its receipt is cancelled, and keeps its number. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)
        wanted = OfflineReasonIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        reason = wanted.validated_data["reason"]
        corrections.void(self.get_object(), reason=reason, by=actor(request), at=timezone.now())
        return Response(self.get_serializer(self.get_object()).data)
