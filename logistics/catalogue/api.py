from collections.abc import Callable
from decimal import Decimal
from typing import ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from logistics import examples, rights
from logistics.catalogue import services
from logistics.catalogue.models import Category, Item
from logistics.codes import codes
from logistics.idempotency.api import idempotent
from logistics.inputs import Filters, KnownFields
from logistics.permissions import actor, allow, may
from logistics.roles import STAFF_ROLES, Role
from logistics.versions import expected_version, with_etag
from logistics.views import StrictView

READERS = (Role.FINANCE, Role.PARTNER)
CODES_MAX = 50


@extend_schema_serializer(examples=examples.CATEGORY)
class CategorySerializer(KnownFields, serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ("id", "name_en", "name_fr", "version")
        read_only_fields = ("id", "version")
        extra_kwargs: ClassVar[dict[str, dict[str, object]]] = {
            "name_en": {"validators": []}
        }  # checked by the database


@extend_schema_serializer(examples=examples.ITEM)
class ItemSerializer(KnownFields, serializers.ModelSerializer[Item]):
    unit_weight_kg = serializers.DecimalField(
        max_digits=9, decimal_places=3, min_value=0, allow_null=True, required=False, help_text="Null if unknown."
    )

    class Meta:
        model = Item
        fields = (
            "id", "code", "name_en", "name_fr", "category", "unit", "hs6", "origin", "unit_weight_kg", "is_dangerous",
            "un_number", "is_active", "version",
        )  # fmt: skip
        read_only_fields = ("id", "version")
        extra_kwargs = {"code": {"validators": Item._meta.get_field("code").validators}}

    def validate_unit_weight_kg(self, value: Decimal | None) -> Decimal | None:
        if value == 0:
            raise serializers.ValidationError(_("Send null, not 0, for an unknown weight."))
        return value


@extend_schema_serializer(examples=examples.CODE)
class CodeOut(serializers.Serializer[dict[str, str]]):
    code = serializers.CharField()
    name = serializers.CharField()


@extend_schema_view(
    list=extend_schema(summary="List categories"),
    retrieve=extend_schema(summary="Show a category"),
)
class CategoryViewSet(StrictView, ReadOnlyModelViewSet[Category]):
    queryset = Category.objects.all()
    serializer_class = CategorySerializer
    permission_classes = (may(rights.CATEGORY),)
    search_fields = ("name_en", "name_fr")
    ordering_fields = ("id", "name_en")

    def retrieve(self, request: Request, pk: str) -> Response:
        category = self.get_object()
        return with_etag(Response(self.get_serializer(category).data), category)

    @extend_schema(summary="Add a category", responses={201: CategorySerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Add a kind of goods."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        category = services.create_category(fields=body.validated_data, by=actor(request), at=timezone.now())
        return with_etag(Response(self.get_serializer(category).data, status=201), category)

    @extend_schema(summary="Rename a category")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename a kind of goods."""
        category = self.get_object()
        body = self.get_serializer(category, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        category = services.update_category(
            category, body.validated_data, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return with_etag(Response(self.get_serializer(category).data), category)


class ItemFilter(Filters):
    class Meta:
        model = Item
        fields = ("code", "category", "hs6", "origin", "unit", "is_active", "is_dangerous", "un_number")


@extend_schema_view(
    list=extend_schema(summary="List items", description="What we send, each described once."),
    retrieve=extend_schema(summary="Show an item"),
)
class ItemViewSet(StrictView, ReadOnlyModelViewSet[Item]):
    queryset = Item.objects.all()
    serializer_class = ItemSerializer
    permission_classes = (may(rights.ITEM),)
    filterset_class = ItemFilter
    search_fields = ("code", "name_en", "name_fr")
    ordering_fields = ("id", "code", "name_en")

    def retrieve(self, request: Request, pk: str) -> Response:
        item = self.get_object()
        return with_etag(Response(self.get_serializer(item).data), item)

    @extend_schema(summary="Add an item", responses={201: ItemSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Add an item to the catalogue. `hs6`, `unit` and `origin` must be codes of the published lists.

        Dangerous goods have a UN number; giving one is enough to declare them. Manifest lines take HS code, origin
        and UN number from here if they have none of their own.
        """
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        item = services.create_item(fields=body.validated_data, by=actor(request), at=timezone.now())
        return with_etag(Response(self.get_serializer(item).data, status=201), item)

    @extend_schema(summary="Change an item")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change an item. Its code is printed on labels and never changes.

        Existing manifest lines and issued papers keep what they copied from it.
        """
        item = self.get_object()
        body = self.get_serializer(item, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        item = services.update_item(
            item, body.validated_data, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return with_etag(Response(self.get_serializer(item).data), item)


@extend_schema_view(
    get=extend_schema(
        parameters=[OpenApiParameter("search", str, description="Each word must occur in the name or begin the code.")],
        responses=CodeOut(many=True),
    )
)
class CodesView(StrictView):
    """A published code list: at most 50 matches, best first, so without pagination."""

    permission_classes = (allow(read=(*sorted(STAFF_ROLES), Role.PARTNER)),)
    filter_backends = ()
    pagination_class = None
    query_names = ("search",)

    names: ClassVar[Callable[[], dict[str, str]]]

    def get(self, request: Request) -> Response:
        words = request.query_params.get("search", "").casefold().split()
        found = [
            {"code": code, "name": name}
            for code, name in type(self).names().items()
            if all(code.casefold().startswith(word) or word in name.casefold() for word in words)
        ]
        # Exact codes first, then names that begin with the word.
        wanted, first = " ".join(words), "".join(words[:1])
        found.sort(key=lambda row: (row["code"].casefold() != wanted, not row["name"].casefold().startswith(first)))
        return Response(found[:CODES_MAX])


@extend_schema_view(get=extend_schema(summary="Find HS codes"))
class HsCodesView(CodesView):
    """Subheadings (six digits) of the Harmonized System 2022 with their descriptions; at most 50."""

    names = staticmethod(codes.hs6)


@extend_schema_view(get=extend_schema(summary="Find units"))
class UnitsView(CodesView):
    """Units of measure of UN/ECE Recommendation 20; at most 50."""

    names = staticmethod(codes.units)


@extend_schema_view(get=extend_schema(summary="Find package kinds"))
class PackageKindsView(CodesView):
    """Kinds of packages of UN/ECE Recommendation 21: CT carton, PX pallet, BL bale; at most 50."""

    names = staticmethod(codes.package_kinds)


@extend_schema_view(get=extend_schema(summary="Find ports and places"))
class PortsView(CodesView):
    """UN/LOCODEs without their space: HKHKG Hong Kong, SNDKR Dakar; at most 50."""

    names = staticmethod(codes.ports)
