"""The description of the API, for programs and for people."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView
from rest_framework.request import Request
from rest_framework.views import APIView

from config import description
from logistics.people.permissions import Anyone


class SchemaView(APIView):
    """OpenAPI 3.1: YAML, or JSON with `?format=json`. The bytes of this release's file, gzip where it is taken."""

    authentication_classes = ()
    permission_classes = (Anyone,)
    renderer_classes = (OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        renderer = request.accepted_renderer
        found = description.current(renderer.format)
        takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
        body = found.gzipped if takes_gzip else found.plain
        full = HttpResponse(body.content, content_type=f"{renderer.media_type}; charset=utf-8")
        full["ETag"] = body.etag
        full["Cache-Control"] = "public, no-cache"  # kept by whoever likes, and asked about each time
        full["Content-Language"] = "en"
        full["Content-Disposition"] = f'inline; filename="relief-api.{renderer.format}"'
        if takes_gzip:
            full["Content-Encoding"] = "gzip"
        patch_vary_headers(full, ["Accept-Encoding"])
        return get_conditional_response(request._request, etag=body.etag, response=full) or full


# Redoc makes <style> elements as it goes, and searches the page in a worker made of a blob.
@method_decorator(csp_replace({"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"]}), name="dispatch")
class DocsView(SpectacularRedocView):
    url_name = "schema"
    template_name = "pages/api_docs.html"
