"""The token of the giving page: one for all tabs of a browser, until a gift is paid."""

import secrets
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from donations.gifts.repeats import TOKEN

COOKIE: Final = "giving"
PATH: Final = "/give/"
LASTS: Final = timedelta(hours=6)


def token_of(request: HttpRequest) -> str:
    """Return the token that the form was sent with, else that of this browser, else a new one."""
    for found in (request.POST.get("form", ""), request.COOKIES.get(COOKIE, "")):
        if TOKEN.fullmatch(found):
            return found
    return secrets.token_urlsafe(16)


def keep(response: HttpResponse, token: str) -> None:
    """Let the browser's other tabs have the same token."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=LASTS,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponse) -> None:
    """Let the next form make another gift: this one is paid."""
    response.delete_cookie(COOKIE, path=PATH, samesite="Lax")
