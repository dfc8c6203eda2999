from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from logistics import examples
from logistics.documents.models import Document, kind_name
from logistics.jobs.models import Job
from logistics.permissions import Anyone


@extend_schema_serializer(examples=examples.VERDICT)
class VerdictOut(serializers.Serializer[dict[str, object]]):
    """What anybody with the paper may know: only what is printed on it, and no names."""

    genuine = serializers.BooleanField(help_text="False: we never issued it; all other fields are missing.")
    valid = serializers.BooleanField(help_text="False: genuine, but replaced or cancelled since.")
    kind = serializers.CharField()
    number = serializers.CharField()
    version = serializers.IntegerField()
    issued_on = serializers.DateField(help_text="The date printed on the paper, in the charity's time zone.")
    no_longer_valid_since = serializers.DateField(allow_null=True)
    valid_version = serializers.IntegerField(allow_null=True, help_text="The version that replaced it, if one did.")
    replaced_by = serializers.CharField(
        allow_null=True, help_text="Number of the valid paper that replaced it, if any."
    )
    content_sha256 = serializers.CharField(help_text="Its first characters are printed on the paper.")
    file_sha256 = serializers.CharField(allow_null=True, help_text="Of the PDF; null while it is being printed.")


class VerifyView(APIView):
    permission_classes = (Anyone,)
    # Signed-in users see what everybody sees.
    authentication_classes = ()
    renderer_classes = (TemplateHTMLRenderer, JSONRenderer)
    # OPTIONS describes an endpoint to programs; there is no page that could show it.
    http_method_names = ["get", "head"]

    @extend_schema(
        summary="Verify a paper",
        responses={
            200: VerdictOut,
            404: OpenApiResponse(description='`{"genuine": false}`: we never issued a paper with this code.'),
        },
    )
    def get(self, request: Request, token: str) -> Response:
        """Show whether a paper is genuine and still valid: the page that its QR code opens.

        A page in English or French; with `Accept: application/json` the same facts for a program.
        """
        document = Document.objects.filter(token=token).defer("context").first()
        found: dict[str, object] = _verdict(document) if document else {"genuine": False}
        status = 200 if document else 404
        if request.accepted_renderer.format == "html":
            found = found | {"kind_name": kind_name(document.kind) if document else ""}
        headers = {"X-Robots-Tag": "noindex, nofollow"}
        return Response(found, status=status, template_name="documents/verify.html", headers=headers)


def _verdict(document: Document) -> dict[str, object]:
    valid_version = None
    if document.superseded_at:
        same = Document.objects.filter(kind=document.kind, number=document.number, superseded_at=None)
        valid_version = same.exclude(state=Job.State.DEAD).order_by("-version").values_list("version", flat=True)
    return {
        "genuine": True,
        "valid": document.superseded_at is None,
        "kind": document.kind,
        "number": document.number,
        "version": document.version,
        "issued_on": document.issued_on,
        "no_longer_valid_since": document.superseded_on,
        "valid_version": valid_version.first() if valid_version else None,
        "replaced_by": _replaced_by(document),
        "content_sha256": document.content_sha256,
        "file_sha256": document.sha256 or None,
    }


def _replaced_by(document: Document) -> str | None:
    """Return the number of the valid paper that replaced this one, following chains of replacements; else None."""
    last = document
    while last.superseded_at and (newer := Document.objects.filter(replaces=last).defer("context").first()):
        last = newer
    return last.number if last != document and last.superseded_at is None else None
