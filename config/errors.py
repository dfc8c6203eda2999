"""Errors outside the API's views: problem+json for programs, a page for people, both saying what to do."""

import sys
from typing import NamedTuple

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from config.api import ADVICE, PROBLEM_JSON, problem
from config.postgresql.away import is_away


class ErrorText(NamedTuple):
    code: str
    heading: str | Promise
    advice: str | Promise


ERRORS = {
    400: ErrorText("bad_request", _("This request cannot be read"), _("Go back, reload the page and try again.")),
    403: ErrorText("permission_denied", _("You may not see this"), _("Sign in with an account that may see it.")),
    404: ErrorText("not_found", _("There is nothing here"), _("Check the address, or start from the home page.")),
    413: ErrorText("too_large", _("This is too large"), _("Send less at once.")),
    500: ErrorText(
        "bug",
        _("Something is wrong on our side"),
        _("The error was logged. Try again later. Repeating the same request is safe."),
    ),
}
AWAY = ErrorText(
    "database_unavailable",
    _("We will be back in a moment"),
    _("Wait a few seconds and try again. Repeating the same request is safe."),
)
LOCKED_OUT = ErrorText(
    "locked_out",
    _("Too many failed sign-in attempts"),
    _("Wait 15 minutes, then try again. If it was not you, tell your administrator."),
)
TOO_MANY = ErrorText("throttled", _("Too many requests"), _("Wait a minute, then try again."))
CSRF = ErrorText(
    "csrf_failed",
    _("This form has expired"),
    _("Go back, reload the page and send it again. Cookies must be allowed."),
)


def answer(request: HttpRequest, status: int, text: ErrorText | None = None) -> HttpResponse:
    """Return the error as JSON under /api/ or if the client wants no HTML, otherwise as a page."""
    text = text or ERRORS[status]
    request_id = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    is_api = request.path.startswith("/api/") or not request.accepts("text/html")
    detail = str(ADVICE.get(text.code, text.advice) if is_api else text.advice)
    extra = {"request_id": request_id} if status == 500 and request_id else {}
    body = problem(status, text.code, detail, title=str(text.heading), **extra)
    if is_api:
        return JsonResponse(body, status=status, content_type=PROBLEM_JSON)
    return HttpResponse(render_to_string("pages/error.html", body), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after an exception that nothing else has handled, which Django is handling now."""
    if is_away(sys.exception()):
        response = answer(request, 503, AWAY)
        response["Retry-After"] = "5"
        return response
    return answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, 403, CSRF)


def locked_out(request: HttpRequest, credentials: object = None, *args: object, **kwargs: object) -> HttpResponse:
    """Answer 429 after too many failed sign-ins; called by django-axes."""
    return answer(request, 429, LOCKED_OUT)


@csrf_exempt
def no_such_endpoint(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer 404 for any address without an endpoint, for every method and caller: the API's last route."""
    return answer(request, 404)
