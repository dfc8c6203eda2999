import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeAlias

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from logistics import wording

P = ParamSpec("P")
Page: TypeAlias = Callable[Concatenate[HttpRequest, P], HttpResponse]
YEAR_S = 365 * 24 * 3600


def in_two_languages(page: Page[P]) -> Page[P]:
    """Let `?language=fr` choose the page's language, kept in a cookie; by default the browser's is used."""

    @functools.wraps(page)
    def shown(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        chosen = request.GET.get("language")
        if chosen in dict(settings.LANGUAGES) and request.method == "GET":
            response = HttpResponseRedirect(request.path)
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                chosen,
                max_age=YEAR_S,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
            return response
        return page(request, *args, **kwargs)

    return shown


def current() -> str:
    """Return "en" or "fr"."""
    return "fr" if wording.page_language() == "fr" else "en"
