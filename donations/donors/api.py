from collections.abc import Collection

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from donations import rights
from donations.donors import services
from donations.donors.models import Donor
from logistics.errors import may_raise
from logistics.inputs import Filters, Input
from logistics.matrix import hidden_from
from logistics.outputs import Output
from logistics.people.recent import SignInAgain, require_recent_sign_in
from logistics.permissions import actor, may
from logistics.search import occurs
from logistics.versions import expected_version, with_etag
from logistics.views import StrictView


class DonorChangesIn(Input):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    organisation = serializers.CharField(max_length=120, required=False, allow_blank=True)
    email = serializers.EmailField(max_length=254, required=False)
    address = serializers.CharField(max_length=500, required=False, allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True, help_text="ISO 3166-1 alpha-2")
    language = serializers.ChoiceField(choices=["en", "fr"], required=False)


class DonorOut(Output[Donor]):
    """A donor as finance sees it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    organisation = serializers.CharField()
    email = serializers.EmailField(required=False, help_text="For finance only")
    address = serializers.CharField(required=False, help_text="For finance only")
    country = serializers.CharField()
    language = serializers.CharField()
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()

    def left_out(self) -> Collection[str]:
        """Return the contact details, unless the user may see them."""
        return hidden_from(self.context["request"].user, Donor)


class DonorFilter(Filters):
    email = django_filters.CharFilter(method="filter_email", label="The whole address, in any letter case")
    name = django_filters.CharFilter(method="filter_name", label="Part of the name, whatever its accents")

    class Meta:
        model = Donor
        fields = ["country", "language"]

    def filter_email(self, donors: QuerySet[Donor], name: str, value: str) -> QuerySet[Donor]:
        return donors.filter(email=value.strip().lower())  # as they are stored

    def filter_name(self, donors: QuerySet[Donor], name: str, value: str) -> QuerySet[Donor]:
        return donors.filter(occurs(Donor, ["name"], value))


DONOR_IN_EXAMPLE = OpenApiExample("Name for the receipt", request_only=True, value={"name": "Chan Tai Man"})
DONOR_EXAMPLE = OpenApiExample(
    "A person",
    response_only=True,
    value={
        "id": "01976f4e-9c5b-7c11-9d7e-0d4b8a1c2e3f",
        "name": "Chan Tai Man",
        "organisation": "",
        "email": "taiman@example.org",
        "address": "",
        "country": "HK",
        "language": "en",
        "created_at": "2026-03-01T07:58:00Z",
        "version": 1,
    },
)


class DonorViewSet(StrictView, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Donor]):
    """Donors, for finance; auditors see gifts, not addresses."""

    queryset = Donor.objects.all()
    serializer_class = DonorOut
    filterset_class = DonorFilter
    search_fields = ["name", "organisation", "email"]
    ordering_fields = ["id"]
    ordering = ["-id"]
    lookup_value_converter = "uuid"
    permission_classes = [may(rights.DONOR)]

    @extend_schema(summary="List donors", responses={200: DonorOut}, examples=[DONOR_EXAMPLE])
    def list(self, request: Request) -> Response:
        """List donors, newest first."""
        return super().list(request)

    @extend_schema(summary="Show a donor", responses={200: DonorOut}, examples=[DONOR_EXAMPLE])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Show a donor."""
        donor = self.get_object()
        return with_etag(Response(self.get_serializer(donor).data), donor)

    @extend_schema(
        summary="Correct a donor",
        request=DonorChangesIn,
        responses={200: DonorOut},
        examples=[DONOR_IN_EXAMPLE, DONOR_EXAMPLE],
    )
    @may_raise(SignInAgain)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Correct a donor; receipts already issued stay as they are.

        Receipts that now have a wrong name or address, or went to another email address, are listed at
        `donors/{id}/outdated-receipts/` and replaced by `receipts/{id}/replace/`. Links to this donor's gifts that were
        sent to another email address stop working. A session needs a recent sign-in.
        """
        require_recent_sign_in(request)
        wanted = DonorChangesIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        donor = services.correct(
            self.get_object(),
            version=expected_version(request),
            changes=wanted.validated_data,
            by=actor(request),
            at=timezone.now(),
        )
        return with_etag(Response(self.get_serializer(donor).data), donor)
