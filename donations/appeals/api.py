from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from donations import rights
from donations.appeals import services
from donations.appeals.models import Appeal
from donations.appeals.services import Received
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters, Input
from logistics.money.fields import AmountField, MoneyField
from logistics.outputs import Output
from logistics.permissions import actor, may
from logistics.roles import STAFF_ROLES
from logistics.rows import reads
from logistics.versions import expected_version, needs_version, with_etag
from logistics.views import StrictView


class AppealIn(Input):
    slug = serializers.SlugField(max_length=80, help_text="Its address: /give/<slug>/")
    title_en = serializers.CharField(max_length=120)
    title_fr = serializers.CharField(max_length=120)
    story_en = serializers.CharField(max_length=20_000)
    story_fr = serializers.CharField(max_length=20_000)
    target_amount = AmountField(help_text="A decimal string in `currency`")
    currency = serializers.CharField(max_length=3, min_length=3, help_text="ISO 4217")
    country = serializers.CharField(max_length=2, required=False, allow_blank=True, help_text="ISO 3166-1 alpha-2")
    opens_on = serializers.DateField()
    closes_on = serializers.DateField(required=False, allow_null=True, help_text="The last day")
    picture_alt_en = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Describes the picture, which the admin uploads"
    )
    picture_alt_fr = serializers.CharField(max_length=200, required=False, allow_blank=True)


class ReceivedOut(Output[Received]):
    currency = serializers.CharField()
    amount = MoneyField("amount_minor")
    gifts = serializers.IntegerField()


class AppealOut(Output[Appeal]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    title_en = serializers.CharField()
    title_fr = serializers.CharField()
    story_en = serializers.CharField()
    story_fr = serializers.CharField()
    target_amount = MoneyField("target_minor")
    currency = serializers.CharField()
    country = serializers.CharField()
    opens_on = serializers.DateField()
    closes_on = serializers.DateField(allow_null=True)
    picture = serializers.CharField(allow_null=True, help_text="The path of the picture, if there is one")
    picture_alt_en = serializers.CharField()
    picture_alt_fr = serializers.CharField()
    received = ReceivedOut(many=True, help_text="Amounts received and not given back, by currency")
    version = serializers.IntegerField()

    def received_of(self, appeal: Appeal) -> Sequence[Received]:
        found: Sequence[Received] = self.context["received"][appeal.pk]
        return found

    @reads("picture__sha256")
    def picture_of(self, appeal: Appeal) -> str | None:
        return appeal.picture.path if appeal.picture else None


class AppealFilter(Filters):
    class Meta:
        model = Appeal
        fields = ["country", "currency"]


EXAMPLE = {
    "slug": "mali",
    "title_en": "Mali: rescue and rehabilitation for survivors of trafficking",
    "title_fr": "Mali : secours et réinsertion pour les survivants de la traite",
    "story_en": "Beds, stoves, sewing machines and school books for five homes.",
    "story_fr": "Des lits, des cuisinières, des machines à coudre et des livres pour cinq foyers.",
    "target_amount": "1500000.00",
    "currency": "HKD",
    "country": "ML",
    "opens_on": "2026-01-01",
    "closes_on": None,
    "picture_alt_en": "A girl carries a chair into a dormitory.",
    "picture_alt_fr": "Une fille porte une chaise dans un dortoir.",
}
IN_EXAMPLE = OpenApiExample("Mali", value=EXAMPLE, request_only=True)
OUT_EXAMPLE = OpenApiExample(
    "Mali",
    response_only=True,
    value={
        "id": "01976f4e-8c5b-7c11-9d7e-0d4b8a1c2e3f",
        **EXAMPLE,
        "picture": "/pictures/7a0c1f43e1c4f7f0ab0c7b6c0c1f5a3bd6b36c2b21c7c9a0f8b7b3e0f0a1c2d3/",
        "received": [{"currency": "HKD", "amount": "500.50", "gifts": 1}],
        "version": 1,
    },
)


class AppealViewSet(StrictView, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Appeal]):
    """Appeals: the public sees those open today, staff see all."""

    queryset = Appeal.objects.all()
    serializer_class = AppealOut
    filterset_class = AppealFilter
    search_fields = ("slug", "title_en", "title_fr")
    ordering_fields = ["id", "opens_on"]
    ordering = ["-id"]
    lookup_field = "slug"
    permission_classes = [may(rights.APPEAL)]

    def get_queryset(self) -> QuerySet[Appeal]:
        user = self.request.user
        if user.is_authenticated and user.has_role(*STAFF_ROLES):
            return Appeal.objects.with_picture()
        charity = Charity.objects.first()
        if charity is None:
            return Appeal.objects.none()
        return Appeal.objects.open_on(charities.day_of(timezone.now(), charity)).with_picture()

    def _shown(self, appeals: Sequence[Appeal]) -> list[object]:
        context = {**self.get_serializer_context(), "received": services.received(appeals)}
        return [*map(AppealOut(context=context).to_representation, appeals)]

    def _answer(self, appeal: Appeal, status: int = 200) -> Response:
        return with_etag(Response(self._shown([appeal])[0], status=status), appeal)

    @extend_schema(summary="List appeals", responses={200: AppealOut}, examples=[OUT_EXAMPLE])
    def list(self, request: Request) -> Response:
        """List appeals, newest first."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self._shown(page))

    @extend_schema(summary="Show an appeal", responses={200: AppealOut}, examples=[OUT_EXAMPLE])
    def retrieve(self, request: Request, slug: str) -> Response:
        """Show an appeal and the amounts it received."""
        return self._answer(self.get_object())

    @extend_schema(
        summary="Publish an appeal", request=AppealIn, responses={201: AppealOut}, examples=[IN_EXAMPLE, OUT_EXAMPLE]
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Publish an appeal."""
        wanted = AppealIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        appeal = services.publish(services.AppealFields(**wanted.validated_data), by=actor(request), at=timezone.now())
        return self._answer(appeal, status=201)

    @extend_schema(
        summary="Replace an appeal", request=AppealIn, responses={200: AppealOut}, examples=[IN_EXAMPLE, OUT_EXAMPLE]
    )
    @needs_version
    def update(self, request: Request, slug: str) -> Response:
        """Replace all fields of an appeal; `If-Match` names the version that you read."""
        return self._change(request, partial=False)

    @extend_schema(
        summary="Change an appeal", request=AppealIn, responses={200: AppealOut}, examples=[IN_EXAMPLE, OUT_EXAMPLE]
    )
    def partial_update(self, request: Request, slug: str) -> Response:
        """Change some fields of an appeal; `If-Match` names the version that you read."""
        return self._change(request, partial=True)

    def _change(self, request: Request, *, partial: bool) -> Response:
        wanted = AppealIn(data=request.data, partial=partial)
        wanted.is_valid(raise_exception=True)
        appeal = services.change(
            self.get_object(),
            changes=wanted.validated_data,
            version=expected_version(request),
            by=actor(request),
            at=timezone.now(),
        )
        return self._answer(appeal)

    @extend_schema(summary="Remove an appeal", responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Remove an appeal that has no gifts."""
        services.remove(self.get_object(), by=actor(request), at=timezone.now())
        return Response(status=204)
