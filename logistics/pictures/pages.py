from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from logistics.permissions import public_page
from logistics.pictures.models import Picture

# The address is the fingerprint of the content, which therefore never changes.
KEPT = "public, max-age=31536000, immutable"


@public_page
@require_safe
def picture(request: HttpRequest, sha256: str, size: str) -> HttpResponse:
    """A picture of a public page, in one of two sizes."""
    found = get_object_or_404(Picture.objects.only("media_type", size), sha256=sha256)
    response = HttpResponse(bytes(getattr(found, size)), content_type=found.media_type)
    response["Cache-Control"] = KEPT
    response["Content-Disposition"] = "inline"
    return response
