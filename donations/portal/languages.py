import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation

YEAR_S = 365 * 24 * 3600


def in_two_languages(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page whose `?language=fr` chooses the language from now on, kept in a cookie; else the browser's is used."""

    @functools.wraps(page)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
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
    return "fr" if (translation.get_language() or "en").startswith("fr") else "en"
