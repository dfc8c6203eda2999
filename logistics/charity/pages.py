from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from logistics.charity import look as looks
from logistics.permissions import public_page

DAY_S: Final = 24 * 3600


@public_page
@require_safe
def look(request: HttpRequest) -> HttpResponse:
    """The charity's colours, as the style sheet of public pages. Pages name its version in its address."""
    shown = looks.current()
    css = f":root{{--sea:{shown.colour};--sea-deep:{shown.deep};--sun:{shown.accent};--on-sun:{shown.on_accent}}}"
    response = HttpResponse(css, content_type="text/css; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={DAY_S}"
    return response
