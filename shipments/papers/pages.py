"""The page opened by the QR code of a package's label."""

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from logistics.charity.models import Charity
from logistics.people.models import User
from logistics.permissions import Anyone
from shipments.packing import vocabulary
from shipments.packing.models import Package
from shipments.papers import common

HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
EXAMPLE = OpenApiExample(
    "A carton with laptops",
    response_only=True,
    value={
        "shipment": "SHP-2026-00001",
        "number": 159,
        "packages": 270,
        "kind": "CT",
        "gross_kg": "14.500",
        "flags": ["fragile", "dangerous"],
        "un_numbers": ["3481"],
        "sscc": "048912340000001590",
        "is_final": True,
    },
)


class LabelOut(serializers.Serializer[object]):
    """What anyone holding a package may see: only what is printed on its label, never its contents."""

    shipment = serializers.CharField(help_text="Its number")
    number = serializers.IntegerField(help_text="Number of the package in its shipment, from 1")
    packages = serializers.IntegerField(help_text="Number of packages in the shipment")
    kind = serializers.CharField(help_text="UN/ECE Rec 21")
    gross_kg = serializers.CharField(help_text="Empty if unknown")
    flags = serializers.ListField(
        child=serializers.CharField(), help_text="heavy, fragile, this_way_up, open_first, dangerous"
    )
    un_numbers = serializers.ListField(child=serializers.CharField(), help_text="Of the dangerous goods in it")
    sscc = serializers.CharField(help_text="Empty if it has none")
    is_final = serializers.BooleanField(
        help_text="false: the shipment is being repacked or was cancelled, and the label is not valid."
    )


class PackageLabelView(APIView):
    permission_classes = (Anyone,)
    # Only to show signed-in staff a link to the admin; everybody sees the same facts.
    authentication_classes = (SessionAuthentication,)
    renderer_classes = (TemplateHTMLRenderer, JSONRenderer)
    # OPTIONS describes an endpoint to programs; there is no page that could show it.
    http_method_names = ["get", "head"]

    @extend_schema(
        tags=["papers"],
        summary="Read the label of a package",
        examples=[EXAMPLE],
        responses={
            200: LabelOut,
            404: OpenApiResponse(description="Unknown code, or the package was removed from its shipment."),
        },
    )
    def get(self, request: Request, token: str) -> Response:
        """Show the package of a scanned label; its QR code leads here.

        A page in English or French; with `Accept: application/json` the same facts as JSON.
        """
        packages = Package.objects.select_related("shipment").prefetch_related("lines")
        package = packages.filter(token=token).first()
        is_page = request.accepted_renderer.format == "html"
        if package is None and not is_page:
            raise Http404
        found = _facts(package) if package else {}
        if is_page:
            found |= {"charity": Charity.objects.first(), "package": package}
            found |= _in_words(package, request.user) if package else {}
        status = 200 if package else 404
        return Response(found, status=status, template_name="shipments/pages/package.html", headers=HEADERS)


def _facts(package: Package) -> dict[str, object]:
    shipment = package.shipment
    return {
        "shipment": shipment.number,
        "number": package.number,
        "packages": shipment.package_count or shipment.packages.count(),
        "kind": package.kind,
        "gross_kg": common.kg(package.gross_kg),
        "flags": list(common.flags_of(package)),
        "un_numbers": package.un_numbers,
        "sscc": package.sscc,
        "is_final": shipment.sealed_at is not None,
    }


def _in_words(package: Package, user: object) -> dict[str, object]:
    words = {
        "heavy": _("heavy, more than 25 kg"),
        "fragile": _("fragile"),
        "this_way_up": _("this way up"),
        "open_first": _("open first"),
        "dangerous": _("dangerous goods"),
    }
    is_staff = isinstance(user, User) and user.is_active and user.is_staff
    return {
        "kind_name": vocabulary.package_kind(package.kind),
        "care": [words[flag] for flag in common.flags_of(package)],
        "in_the_admin": reverse("admin:shipments_package_change", args=[package.pk]) if is_staff else "",
    }
