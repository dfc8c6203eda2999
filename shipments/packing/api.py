"""Packages and lines of a shipment's manifest: `/shipments/{shipment}/packages/`, `/shipments/{shipment}/lines/`."""

from typing import Any, cast
from uuid import UUID

import django_filters
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from logistics.catalogue.models import Item
from logistics.errors import Invalid
from logistics.idempotency.api import idempotent
from logistics.inputs import BooleanFilter, Filters, IntegerFilter
from logistics.money import amounts as money
from logistics.permissions import actor, may
from logistics.versions import expected_version, needs_version, with_etag
from shipments import rights
from shipments.packing import services
from shipments.packing.goods import UNIT_VALUE_MAX, LineFields
from shipments.packing.models import HEAVY_KG, ManifestLine, Package, goes_to
from shipments.packing.serializers import LineIn, LineOut, PackageChangesIn, PackageIn, PackageOut
from shipments.shipments.models import Shipment
from shipments.shipments.of_shipment import OfShipment


def _shipment_of(filters: Filters) -> Shipment:
    """Return the shipment whose rows are filtered."""
    return cast("OfShipment[Package]", filters.request.parser_context["view"]).shipment()


class PackageFilter(Filters):
    kind = django_filters.CharFilter(label="UN/ECE Rec 21")
    destination = django_filters.CharFilter("destination__site__code", label="Code of the site")
    number_from = IntegerFilter("number", "gte")
    number_to = IntegerFilter("number", "lte")
    item = django_filters.CharFilter("lines__item__code", label="Code of an item in it", method="with_item")
    is_heavy = BooleanFilter(label="More than 25 kg", method="heavier")

    class Meta:
        model = Package
        fields: list[str] = []

    def with_item(self, packages: "QuerySet[Package]", name: str, code: str) -> "QuerySet[Package]":
        # The shipment's lines, read together; joined, the lines of each package would be looked for.
        lines = ManifestLine.objects.filter(shipment=_shipment_of(self), item=Item.objects.filter(code=code).first())
        return packages.filter(pk__in=lines.values("package"))

    def heavier(self, packages: "QuerySet[Package]", name: str, wanted: bool) -> "QuerySet[Package]":
        return packages.filter(gross_kg__gt=HEAVY_KG) if wanted else packages.exclude(gross_kg__gt=HEAVY_KG)


PACKAGE = OpenApiExample(
    "Two desks",
    value={
        "kind": "CT",
        "length_cm": "120.0",
        "width_cm": "60.0",
        "height_cm": "75.0",
        "gross_kg": "31.500",
        "gross_measured": True,
        "destination": "K7RXW",
        "flags": ["fragile"],
        "copies": 2,
        "lines": [{"item": "CR-DESK", "quantity": 1, "unit_value": "450.00", "origin": "CN"}],
    },
    request_only=True,
)


PACKAGE_CHANGE = OpenApiExample(
    "Weighed on a scale", value={"version": 1, "gross_kg": "31.640", "gross_measured": True}, request_only=True
)
# A line's own columns, and of its package and item only what LineOut shows.
LINE = OpenApiExample(
    "Three more chairs",
    value={"package": 12, "item": "CR-CHAIR", "quantity": 3, "unit_value": "150.00", "origin": "CN"},
    request_only=True,
)
LINE_CHANGE = OpenApiExample("Two, not three", value={"version": 1, "quantity": 2}, request_only=True)


@extend_schema_view(
    list=extend_schema(summary="List a shipment's packages with their lines"),
    retrieve=extend_schema(summary="Read one package"),
)
@extend_schema(tags=["manifests"])
class PackageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[Package]):
    """Packages, identified by number. They can change only while the shipment is a draft or being packed."""

    queryset = Package.objects.none()
    serializer_class = PackageOut
    permission_classes = [may(rights.PACKAGE)]
    filterset_class = PackageFilter
    search_fields = ["marks", "sscc", "remark", "lines__item__code", "lines__description_en", "lines__description_fr"]
    ordering = "number"
    ordering_fields = ["id", "number"]
    lookup_field = "number"
    lookup_value_converter = "int"

    def rows(self) -> "QuerySet[Package]":
        packages = Package.objects.filter(shipment=self.shipment()).order_by("number")
        lines = Prefetch("lines", ManifestLine.objects.order_by("position"))  # their usual order joins two tables
        return packages.select_related("destination__site").prefetch_related(lines, "lines__item")

    def goes_to(self, site_id: UUID, /) -> Q:
        return goes_to(site_id)

    def _to_fields(self, data: dict[str, object]) -> services.PackageFields:
        code = data.pop("destination", "")
        if code is None:
            data["destination"] = None
        elif code:
            site = self.shipment().sites.filter(site__code=code).first()
            if site is None:
                raise Invalid(_("That is not a site of this shipment."), field="destination", code="foreign_site")
            data["destination"] = site
        return cast(services.PackageFields, data)

    def _answer(self, package: Package, status: int = 200) -> Response:
        fresh = self.get_queryset().get(pk=package.pk)
        return with_etag(Response(self.get_serializer(fresh).data, status=status), fresh)

    @extend_schema(
        summary="Add one package, or several identical ones",
        request=PackageIn,
        responses={201: PackageOut(many=True)},
        examples=[PACKAGE],
        filters=False,
    )
    @idempotent
    def create(self, request: Request, shipment: str) -> Response:
        """Add packages and return them. The first package moves the shipment from draft to packing."""
        body = PackageIn(data=request.data)
        body.is_valid(raise_exception=True)
        data = dict(body.validated_data)
        lines = [to_line_fields(line, self.shipment()) for line in data.pop("lines")]
        copies = data.pop("copies")
        made = services.add_package(
            self.shipment(), lines, copies=copies, by=actor(request), at=timezone.now(), **self._to_fields(data)
        )
        packages = self.get_queryset().filter(pk__in=[package.pk for package in made])
        return Response(self.get_serializer(packages, many=True).data, status=201)

    @extend_schema(
        summary="Change a package", request=PackageChangesIn, responses=PackageOut, examples=[PACKAGE_CHANGE]
    )
    def partial_update(self, request: Request, shipment: str, number: int) -> Response:
        body = PackageChangesIn(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        package = services.edit_package(
            self.get_object(),
            self._to_fields(dict(body.validated_data)),
            version=expected_version(request),
            by=actor(request),
            at=timezone.now(),
        )
        return self._answer(package)

    @extend_schema(summary="Remove a package and its lines from the manifest", responses={204: None})
    @needs_version
    def destroy(self, request: Request, shipment: str, number: int) -> Response:
        services.remove_package(
            self.get_object(), version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class LineFilter(Filters):
    package = IntegerFilter("package__number", method="of_package")
    item = django_filters.CharFilter("item__code")
    hs6 = django_filters.CharFilter()
    origin = django_filters.CharFilter()
    condition = django_filters.CharFilter()

    class Meta:
        model = ManifestLine
        fields: list[str] = []

    def of_package(self, lines: "QuerySet[ManifestLine]", name: str, number: int) -> "QuerySet[ManifestLine]":
        # The id first: joined, the package of each line would be looked for.
        package = Package.objects.filter(shipment=_shipment_of(self), number=number).first()
        return lines.filter(package=package) if package else lines.none()


class NewLineIn(LineIn):
    package = serializers.IntegerField(min_value=1, help_text="Number of the package")


@extend_schema_view(
    list=extend_schema(summary="List a shipment's manifest lines"),
    retrieve=extend_schema(summary="Read one line"),
)
@extend_schema(tags=["manifests"])
class LineViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OfShipment[ManifestLine]):
    """The contents of the packages, as printed on the papers."""

    queryset = ManifestLine.objects.none()
    serializer_class = LineOut
    permission_classes = [may(rights.LINE)]
    filterset_class = LineFilter
    search_fields = ["item__code", "description_en", "description_fr"]
    ordering = "id"
    ordering_fields = ["id"]
    lookup_value_converter = "uuid"

    def rows(self) -> "QuerySet[ManifestLine]":
        lines = ManifestLine.objects.filter(shipment=self.shipment())
        return (LineOut.reading(lines) if self.action == "list" else lines.select_related("package", "item")).order_by(
            "id"
        )

    def goes_to(self, site_id: UUID, /) -> Q:
        return goes_to(site_id, "package__")

    def _answer(self, line: ManifestLine, status: int = 200) -> Response:
        fresh = self.get_queryset().get(pk=line.pk)
        return with_etag(Response(self.get_serializer(fresh).data, status=status), fresh)

    @extend_schema(
        summary="Add goods to a package",
        request=NewLineIn,
        responses={201: LineOut},
        examples=[LINE],
        filters=False,
    )
    @idempotent
    def create(self, request: Request, shipment: str) -> Response:
        """Add a line. Description, unit, weight, HS code, origin and UN number default to those of the item."""
        body = NewLineIn(data=request.data)
        body.is_valid(raise_exception=True)
        data = dict(body.validated_data)
        package = Package.objects.filter(shipment=self.shipment(), number=data.pop("package")).first()
        if package is None:
            raise Invalid(_("There is no such package in this shipment."), field="package", code="does_not_exist")
        package.shipment = self.shipment()  # the row whose currency to_line_fields uses
        line = services.add_line(package, by=actor(request), at=timezone.now(), **to_line_fields(data, self.shipment()))
        return self._answer(line, status=201)

    @extend_schema(summary="Change a line", request=LineIn, responses=LineOut, examples=[LINE_CHANGE])
    def partial_update(self, request: Request, shipment: str, pk: str) -> Response:
        """Change a line. With another item, omitted fields are taken from the new item.

        HS code, origin and UN number sent empty are taken from the catalogue again.
        """
        body = LineIn(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changes = to_line_fields(dict(body.validated_data), self.shipment())
        line = services.edit_line(
            self.get_object(), changes, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return self._answer(line)

    @extend_schema(summary="Remove goods from a package", responses={204: None})
    @needs_version
    def destroy(self, request: Request, shipment: str, pk: str) -> Response:
        services.remove_line(self.get_object(), version=expected_version(request), by=actor(request), at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def to_line_fields(data: dict[str, Any], shipment: Shipment) -> LineFields:
    """Return a line's fields for the service, with the amount in minor units of the customs currency."""
    if "unit_value" in data:
        data["unit_value_minor"] = money.parse(
            data.pop("unit_value"), shipment.customs_currency, field="unit_value", most=UNIT_VALUE_MAX
        )
    return cast(LineFields, data)
