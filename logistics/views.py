"""Base class of the API's views: what a request says and nobody reads is refused by name, never ignored.

`?statsu=draft` must not list every shipment, nor `{"reasn": ...}` seal one without a reason.
"""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from logistics.inputs import CHARACTERS_SHOWN, NAMES_SHOWN, Input, unknown
from logistics.permissions import READS
from logistics.text import UnusableText, tidied

Method = TypeVar("Method", bound=Callable[..., object])


class NoBody(Input):
    """The body of a request that needs none."""


def without_body(method: Method) -> Method:
    """Mark a view method that reads no body: one with fields is refused, and the description has none."""
    method.takes_no_body = True  # type: ignore[attr-defined]  # read by takes_no_body
    return method


def takes_no_body(view: APIView, method: str) -> bool:
    return method == "DELETE" or bool(getattr(handler_of(view, method), "takes_no_body", False))


def handler_of(view: APIView, method: str) -> object:
    """Return the method of a view that answers this HTTP method, or None."""
    return getattr(view, getattr(view, "action", None) or method.lower(), None)


class StrictView(APIView):
    """A view whose query parameters and body are checked by name, after the caller's rights."""

    query_names: ClassVar[tuple[str, ...]] = ()  # parameters that it reads, besides those of a list

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        method = str(request.method)
        if method == "OPTIONS" or handler_of(self, method) is None:
            return
        if request.query_params:
            self._check_query(request)
        if method not in READS and takes_no_body(self, method):
            NoBody(data=request.data).is_valid(raise_exception=True)

    def _check_query(self, request: Request) -> None:
        """Refuse unknown names; keep the values as texts are stored (logistics.text)."""
        known, wrong = parameters_of(self), dict[str, list[ErrorDetail]]()
        tidy: Any = request.query_params.copy()
        for name, values in request.query_params.lists():
            if name not in known:
                wrong[name[:CHARACTERS_SHOWN]] = [unknown(name[:CHARACTERS_SHOWN], known)]
                continue
            try:
                tidy.setlist(name, [tidied(value) for value in values])
            except UnusableText as unusable:
                wrong[name] = [ErrorDetail(str(unusable), code=unusable.code)]
        if wrong:
            raise ValidationError(dict(list(wrong.items())[:NAMES_SHOWN]))
        request._request.GET = tidy  # what `query_params` returns


def parameters_of(view: APIView) -> set[str]:
    """Return the names of all query parameters that a view reads: of a list, those of its filters and pages."""
    known = set(getattr(view, "query_names", ()))
    if api_settings.URL_FORMAT_OVERRIDE:
        known.add(api_settings.URL_FORMAT_OVERRIDE)
    if getattr(view, "action", None) == "list":
        parts: list[Any] = [backend() for backend in getattr(view, "filter_backends", ())]
        for part in [*parts, getattr(view, "paginator", None)]:
            known |= part.parameters_of(view) if part else set()
    return known
