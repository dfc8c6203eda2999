from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from logistics import rights
from logistics.charity import services
from logistics.charity.models import Charity, Jurisdiction
from logistics.errors import may_raise
from logistics.inputs import Input
from logistics.permissions import actor, may
from logistics.versions import expected_version, needs_version, with_etag
from logistics.views import StrictView


class CharityIn(Input):
    """The charity's details, which are printed on every receipt and paper."""

    name = serializers.CharField(max_length=200)
    name_local = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    address = serializers.CharField(max_length=1000, help_text="One address line per line")
    country = serializers.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")
    registration = serializers.CharField(max_length=60, help_text="The tax authority's file number")
    jurisdiction = serializers.ChoiceField(choices=Jurisdiction.choices, help_text="Whose rules receipts follow")
    time_zone = serializers.CharField(
        max_length=40,
        help_text="Such as Asia/Hong_Kong: determines the dates on papers and pages and the years in numbers",
    )
    email = serializers.EmailField(max_length=254)
    phone = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    website = serializers.URLField(max_length=200, required=False, allow_blank=True, default="")
    signatory = serializers.CharField(max_length=100, help_text="Who signs receipts")
    signatory_title = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    currencies = serializers.ListField(
        child=serializers.CharField(max_length=3, min_length=3), min_length=1, max_length=40, help_text="ISO 4217"
    )
    colour = serializers.CharField(
        max_length=7, required=False, help_text="Of public pages, such as #0b5c6b; left out: as it was"
    )
    accent = serializers.CharField(max_length=7, required=False, help_text="Of buttons; left out: as it was")


class CharityOut(CharityIn):
    version = serializers.IntegerField()


EXAMPLE = {
    "name": "Harbour Relief Hong Kong (fictional)",
    "name_local": "海港救援會",
    "address": "Unit 5, 12/F, Example Centre\nTuen Mun, New Territories\nHong Kong",
    "country": "HK",
    "registration": "91/00000",
    "jurisdiction": "HK",
    "time_zone": "Asia/Hong_Kong",
    "email": "giving@example.org",
    "phone": "+852 2345 6789",
    "website": "https://example.org",
    "signatory": "Chan Tai Man",
    "signatory_title": "Honorary Treasurer",
    "currencies": ["HKD", "XOF", "USD", "EUR"],
    "colour": "#0b5c6b",
    "accent": "#e07a2f",
}
IN_EXAMPLE = OpenApiExample("Hong Kong", value=EXAMPLE, request_only=True)
OUT_EXAMPLE = OpenApiExample("Hong Kong", value={**EXAMPLE, "version": 1}, response_only=True)


class CharityView(StrictView):
    """The charity's details: read by all staff, written by finance."""

    permission_classes = [may(rights.CHARITY)]

    @extend_schema(responses={200: CharityOut}, examples=[OUT_EXAMPLE])
    @may_raise(services.CharityNotSetUp)
    def get(self, request: Request) -> Response:
        """Show the charity. 409 `charity_not_set_up` before finance has entered it."""
        return self._answer(services.the_charity())

    @extend_schema(request=CharityIn, responses={200: CharityOut}, examples=[IN_EXAMPLE, OUT_EXAMPLE])
    @needs_version
    def put(self, request: Request) -> Response:
        """Set up the charity (the first time without a version) or replace its details.

        Receipts that were already issued do not change.
        """
        wanted = CharityIn(data=request.data)
        wanted.is_valid(raise_exception=True)
        version = expected_version(request) if Charity.objects.exists() else None
        charity = services.set_up(values=wanted.validated_data, version=version, by=actor(request), at=timezone.now())
        return self._answer(charity)

    def _answer(self, charity: Charity) -> Response:
        return with_etag(Response(CharityOut(charity).data), charity)
