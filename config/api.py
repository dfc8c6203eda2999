"""Shared by every endpoint: the error shape, and the ordering and search of lists."""

import logging
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework import exceptions
from rest_framework.filters import OrderingFilter as DRFOrderingFilter
from rest_framework.filters import SearchFilter as DRFSearchFilter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_exception_handler

from config.pagination import CursorPagination
from logistics.errors import DomainError, busy, waited_too_long
from logistics.inputs import Filters
from logistics.lists import within
from logistics.matrix import is_hidden
from logistics.search import find, words_of

Record = TypeVar("Record", bound=Model)
Row = TypeVar("Row")  # what a queryset yields: instances, or values()
log = logging.getLogger(__name__)
PROBLEM_JSON = "application/problem+json"

# Details that say what to do, for DRF errors whose own text says too little.
ADVICE = {
    "not_authenticated": _("Send an API key: `Authorization: Bearer <key>`, or sign in."),
    "not_found": _("There is nothing here, or you may not see it. Check the address."),
    "parse_error": _("The body is not valid JSON. Check its syntax and encoding (UTF-8)."),
}


class FilterBackend(DjangoFilterBackend):
    """Apply a list's filters. Most requests send none, and save a tenth of their time: the form of the filters."""

    filterset_base = Filters  # also of those that a list makes from `filterset_fields`
    made: ClassVar[dict[type, type[FilterSet] | None]] = {}

    def get_filterset_class(
        self, view: APIView, queryset: QuerySet[Record, Row] | None = None
    ) -> type[FilterSet] | None:
        """Return the view's filters. Those of `filterset_fields` are made once, not for each request."""
        kind = type(view)
        if kind not in self.made:
            self.made[kind] = super().get_filterset_class(view, queryset)
        return self.made[kind]

    def parameters_of(self, view: Any) -> set[str]:
        """Return the names of a list's filters, without those that read fields hidden from this user.

        Whether rows are found would tell what such a field holds.
        """
        filters, model = self.get_filterset_class(view, view.queryset), view.queryset.model
        offered = filters.base_filters.items() if filters else ()
        return {name for name, one in offered if not is_hidden(view.request.user, model, one.field_name or name)}

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Record, Row], view: APIView
    ) -> QuerySet[Record, Row]:
        filters = self.get_filterset_class(view, queryset)
        if filters is None or not filters.base_filters.keys() & request.query_params.keys():
            return queryset
        filtered: QuerySet[Record, Row] = super().filter_queryset(request, queryset, view)
        return filtered


class OrderingFilter(DRFOrderingFilter):
    """`?ordering=name` or `-name`, by the fields in the view's `ordering_fields`; ties: by id, in the same direction.

    These fields are never null, because the cursor compares with them. A list that is narrowed to a range, such as
    `?issued_from=`, is in the order of its column unless another one is asked for (`ordering_of_ranges`): the rows then
    stand beside each other in an index. Newest first, those before some day come after all newer rows.
    """

    def parameters_of(self, view: APIView) -> set[str]:
        return {self.ordering_param} if getattr(view, "ordering_fields", ()) else set()

    def get_valid_fields(self, queryset: object, view: object, context: object = None) -> list[tuple[str, str]]:
        return [(name, name) for name in getattr(view, "ordering_fields", ())]

    def get_ordering(self, request: Request, queryset: QuerySet[Record, Row], view: APIView) -> tuple[str, ...] | None:
        asked = request.query_params.get(self.ordering_param, "")
        if not asked:
            of_range = ordering_of_range(view, request)
            return (of_range,) if of_range else tuple(self.get_default_ordering(view) or ()) or None
        allowed = [name for name, _label in self.get_valid_fields(queryset, view)]
        if asked.removeprefix("-") not in allowed:
            message = _("Order by one of: %(allowed)s.") % {"allowed": ", ".join(allowed)}
            raise exceptions.ValidationError({self.ordering_param: [message]})
        return tuple(within([asked], getattr(view, "sorted_within", {})))

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, object]]:
        names = getattr(view, "ordering_fields", ())
        if not names:
            return []
        values = [value for name in names for value in (name, f"-{name}")]
        return [
            {
                "name": self.ordering_param,
                "in": "query",
                "required": False,
                "description": f"{_default_order(view)}{_order_of_ranges(view)} With `-`: descending.{_within(view)}",
                "schema": {"type": "string", "enum": values},
            }
        ]


class SearchFilter(DRFSearchFilter):
    """`?search=words`: each word must occur in one of the view's `search_fields`; a view without them has no search.

    Fields that the user may not see are not searched.
    """

    def parameters_of(self, view: APIView) -> set[str]:
        return {self.search_param} if getattr(view, "search_fields", ()) else set()

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Record, Row], view: APIView
    ) -> QuerySet[Record, Row]:
        fields = self.get_search_fields(view, request)
        words = words_of(request.query_params.get(self.search_param, "")) if fields else []
        return find(queryset, fields, words, also=getattr(view, "found_by", None)) if words else queryset

    def get_search_fields(self, view: APIView, request: Request) -> list[str]:
        model = getattr(getattr(view, "queryset", None), "model", None)
        fields = super().get_search_fields(view, request) or ()
        return [name for name in fields if model is None or not is_hidden(request.user, model, name)]

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, object]]:
        fields = getattr(view, "search_fields", ())
        if not fields:
            return []
        parts = [name for name in fields if "exact" not in name]
        wholes = [name.removesuffix("__iexact").removesuffix("__exact") for name in fields if "exact" in name]
        said = (
            f"Each word must occur in one of: {', '.join(parts)}" if parts else "Each word must be the whole of one of"
        )
        said += f"; or be the whole of: {', '.join(wholes)}" if parts and wholes else ""
        said += f": {', '.join(wholes)}" if not parts else ""
        return [
            {
                "name": self.search_param,
                "in": "query",
                "required": False,
                "description": f"{said}.",
                "schema": {"type": "string"},
            }
        ]


def _default_order(view: APIView) -> str:
    default = getattr(view, "ordering", None) or CursorPagination.ordering
    first = default if isinstance(default, str) else default[0]
    return "Default: newest first." if first == "-id" else f"Default: by {first}."


def _within(view: APIView) -> str:
    pairs: dict[str, str] = getattr(view, "sorted_within", {})
    return "".join(f" By {column}: within each {outer}." for column, outer in pairs.items())


def ordering_of_range(view: APIView, request: Request) -> str | None:
    """Return the ordering of a list that this request narrows to a range of a column; None otherwise."""
    ranges: dict[str, str] = getattr(view, "ordering_of_ranges", {})
    return next((ordering for name, ordering in ranges.items() if request.query_params.get(name)), None)


def _order_of_ranges(view: APIView) -> str:
    ranges: dict[str, str] = getattr(view, "ordering_of_ranges", {})
    return "".join(
        f" With {' or '.join(f'`{name}`' for name, one in ranges.items() if one == ordering)}: by {ordering}."
        for ordering in dict.fromkeys(ranges.values())
    )


def problem(status: int, code: str, detail: str, *, title: str | None = None, **extra: object) -> dict[str, object]:
    """Return an error body (RFC 9457), with `code` for programs and `detail` for people."""
    return {
        "type": f"urn:relief:problem:{code}",
        "title": title or code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }


def exception_handler(exc: Exception, context: dict[str, object]) -> Response | None:
    """Return errors that a client can act on as problem+json; anything else is a bug and a logged 500."""
    request: Any = context.get("request")
    if getattr(getattr(request, "accepted_renderer", None), "format", "") in ("yaml", "openapi"):
        request.accepted_renderer = JSONRenderer()  # the API's description has no renderer for errors
    if waited_too_long(exc):
        log.error("waited too long", exc_info=exc)
        exc = busy()
    if isinstance(exc, DomainError):
        body = problem(exc.status, exc.code, str(exc)) | exc.details
        headers = exc.headers
        return Response(body, status=exc.status, headers=headers, content_type=PROBLEM_JSON)
    response = drf_exception_handler(exc, context)
    if response is None:
        return None
    response.data = _body_of(exc, response)
    response.content_type = PROBLEM_JSON
    # HTML views answer errors with a page, like config.errors.
    response.template_name = "pages/error.html"
    if getattr(getattr(context.get("request"), "accepted_renderer", None), "format", "") == "html":
        response.content_type = "text/html; charset=utf-8"
    return response


def _body_of(exc: Exception, response: Response) -> dict[str, object]:
    if isinstance(exc, exceptions.ValidationError):
        return problem(
            400,
            "invalid_input",
            str(_("Some fields are missing or wrong; nothing was changed. Correct them and send again.")),
            errors=list(field_errors(exc.get_full_details())),
        )
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    assert isinstance(exc, exceptions.APIException)
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) else exc.default_code
    detail = str(ADVICE.get(code) or exc.detail)
    body = problem(response.status_code, code, detail)
    wait_s = getattr(exc, "wait", None)  # set on throttled requests
    return body | {"retry_after_s": int(wait_s)} if wait_s else body


def field_errors(details: object, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten DRF's nested details into `{"field": "lines[2].quantity", "code", "detail"}` rows."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        yield {"field": path, "code": str(details["code"]), "detail": str(details["message"])}
    elif isinstance(details, dict):
        for key, value in details.items():
            if isinstance(key, int):  # index of an item in a list
                yield from field_errors(value, f"{path}[{key}]")
                continue
            name = "" if key == "non_field_errors" else str(key)
            yield from field_errors(value, f"{path}.{name}".strip("."))
    elif isinstance(details, list):
        errors_of_items = any(isinstance(d, dict) and set(d) != {"message", "code"} for d in details)
        for index, value in enumerate(details):
            yield from field_errors(value, f"{path}[{index}]" if errors_of_items else path)
