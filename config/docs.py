"""The API description, for programs and for people: generated files, sent as they are."""

import gzip
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.http import require_safe
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from config import description
from config.description import Description
from logistics.permissions import Anyone, public_page
from logistics.views import StrictView


class SchemaView(StrictView):
    """OpenAPI 3.1: YAML, or JSON with `?format=json`."""

    authentication_classes = ()
    permission_classes = (Anyone,)
    renderer_classes = (OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        renderer = request.accepted_renderer
        answer = _send(request._request, description.current(renderer.format), renderer.media_type)
        answer["Content-Disposition"] = f'inline; filename="relief-api.{renderer.format}"'
        return answer


@public_page
@require_safe
def docs(request: HttpRequest) -> HttpResponseBase:
    """Answer with the description for people: one HTML page without JavaScript."""
    return _send(request, _page(description.current("html")), "text/html")


@cache
def _page(reference: Description) -> Description:
    # The page around the generated body is rendered here, because stylesheet URLs depend on this server.
    page = render_to_string("pages/api_docs.html", {"reference": reference.plain.content.decode()})
    return Description.of(gzip.compress(page.encode(), compresslevel=6, mtime=0))


def _send(request: HttpRequest, found: Description, media_type: str) -> HttpResponseBase:
    """Return the bytes, or 304 if the client has them; they are the same for everybody, so any cache may keep them."""
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    body = found.gzipped if takes_gzip else found.plain
    full = HttpResponse(body.content, content_type=f"{media_type}; charset=utf-8")
    full["ETag"] = body.etag
    full["Cache-Control"] = "public, no-cache"  # any cache may keep it, but must revalidate each time
    full["Content-Language"] = "en"
    if takes_gzip:
        full["Content-Encoding"] = "gzip"
    patch_vary_headers(full, ["Accept-Encoding"])
    return get_conditional_response(request, etag=body.etag, response=full) or full
