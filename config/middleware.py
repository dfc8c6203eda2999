import logging
from collections.abc import Callable
from typing import ClassVar
from uuid import uuid4

import structlog
from csp.constants import NONCE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_structlog.middlewares import RequestMiddleware

from config import admin_theme, errors
from logistics.charity import services as charities
from logistics.errors import waited_too_long
from logistics.partners import traces

log = logging.getLogger(__name__)
# The largest request body: an upload and the multipart data around it.
BODY_MAX_BYTES = settings.UPLOAD_MAX_BYTES + 100_000

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestLogMiddleware(RequestMiddleware):
    """Log one line per request, with its route pattern: paths hold ids and tokens, which must not be logged."""

    def prepare(self, request: HttpRequest) -> None:
        """Name the request. Its user is not known yet, and the line about its start would not be written."""
        told = request.headers.get("X-Request-ID", "") if settings.DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID else ""
        structlog.contextvars.bind_contextvars(request_id=told or str(uuid4()))

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        match = request.resolver_match
        return f"{request.method} {match.route if match else '(no route)'}"


class RefuseEarlyMiddleware:
    """Refuse requests that must not reach the views.

    A body over 1 MB, or 10 MB for an upload: Django's own limit does not cover what the API's parsers read.
    An address with a NUL character, which PostgreSQL cannot compare with anything.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return errors.answer(request, 400)
        is_upload = request.META.get("CONTENT_TYPE", "").startswith("multipart/form-data")
        most = BODY_MAX_BYTES if is_upload else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) > most:
            response = errors.answer(request, 413)
            response["Connection"] = "close"
            return response
        return self.get_response(request)


class BusyMiddleware:
    """Answer 503 with Retry-After where a page waited too long for others, instead of "a bug". The API does the same.

    Nothing was changed, and what was typed is still in the form, behind the browser's Back button.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not waited_too_long(exception):
            return None
        log.error("waited too long", exc_info=exception)
        return errors.busy(request)


class AdminPolicyMiddleware:
    """Loosen the content security policy in the admin: Alpine evaluates strings, and elements have style attributes.

    Of style elements, only those of the theme apply, known by their hashes, and ours, which have a nonce. An injected
    one could otherwise read fields by selectors. The rest stays: no external resources, no framing, no forms to other
    sites.
    """

    LOOSENED: ClassVar = {
        "script-src": [SELF, NONCE, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],  # for browsers that do not know the next two
        "style-src-elem": [SELF, NONCE, *admin_theme.STYLE_HASHES],
        "style-src-attr": [UNSAFE_INLINE],
    }

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_replace = self.LOOSENED  # type: ignore[attr-defined]  # where django-csp looks
        return response


class SealedTextMiddleware:
    """Record texts that were refused because they name a sealed place, once their transaction has rolled back."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            traces.settle()


class LocalTimeMiddleware:
    """Use the charity's time zone in the admin.

    The API uses UTC. The pages of donors and of papers show dates only, which are in the charity's time zone already.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        with timezone.override(charities.zone()):
            return self.get_response(request)


class PrivateByDefaultMiddleware:
    """Forbid caching unless the view sets Cache-Control, and add X-Request-ID.

    Authenticated and per-donor answers must never come out of a shared cache; most
    of Django's caching advisories of 2026 start with a view that forgot to say so.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "POST" and getattr(response, "is_for_back_button", False):
            response["Cache-Control"] = "private, no-cache"
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
            patch_vary_headers(response, ["Cookie", "Authorization"])
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            response["X-Request-ID"] = str(request_id)
        return response
