"""Cursor pagination: each row once, in both directions, even if many rows share the value they are ordered by."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DataError
from django.db.models import Field, Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination as DRFCursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from logistics.rows import fast

# Names of the primary key: an ordering that holds one has no ties.
PRIMARY = {"id", "pk"}


class Position(NamedTuple):
    """A place in a list, just after or before a row, given by the row's values of the ordering's fields."""

    ordering: tuple[str, ...]
    values: tuple[str, ...]
    backwards: bool

    def encoded(self) -> str:
        text = json.dumps([",".join(self.ordering), *self.values, int(self.backwards)], ensure_ascii=False)
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decoded(cls, text: str, ordering: tuple[str, ...]) -> "Position":
        """Decode a cursor. Raises ValueError if it is not ours or belongs to another ordering."""
        padded = text + "=" * (-len(text) % 4)
        try:
            found = json.loads(urlsafe_b64decode(padded.encode("ascii")))
        except (UnicodeError, binascii.Error, RecursionError) as error:
            raise ValueError("not a cursor") from error
        if not isinstance(found, list) or len(found) != len(ordering) + 2 or found[0] != ",".join(ordering):
            raise ValueError("a cursor of another list or ordering")
        values = found[1:-1]
        if not all(isinstance(value, str) and "\0" not in value for value in values):
            raise ValueError("not a cursor")
        return cls(ordering, tuple(values), found[-1] == 1)


class CursorPagination(DRFCursorPagination):
    """Newest first by default (ids are time-ordered). A page costs the same at any depth; rows are not counted.

    A cursor holds the values of all fields of the ordering, which always ends with the primary key. DRF's own cursor
    holds only the first field's value and counts the rows that share it: over a thousand equal values it loses rows.
    """

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    template = None

    def parameters_of(self, view: object) -> set[str]:
        return {self.cursor_query_param, self.page_size_query_param}

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        self.address = request.build_absolute_uri()
        self.size = self.get_page_size(request)
        self.fields = self.get_ordering(request, queryset, view)
        self.position = self._position_asked(request)
        backwards = self.position is not None and self.position.backwards
        try:
            order = _reversed(self.fields) if backwards else self.fields
            rows = queryset.order_by(*order)
            if self.position is not None:
                rows = rows.filter(_beyond(queryset.model, order, self.position.values))
            found = list(fast(rows)[: self.size + 1])
        except (ValidationError, ValueError, DataError) as error:
            # A made-up cursor: its values do not fit these fields.
            raise exceptions.NotFound(self.invalid_cursor_message) from error
        page = found[: self.size][::-1] if backwards else found[: self.size]
        self.rows: Sequence[object] = page
        has_more = len(found) > self.size
        self.has_next = has_more or backwards
        self.has_previous = has_more if backwards else self.position is not None
        return page

    def get_ordering(self, request: Request, queryset: QuerySet[Model], view: APIView) -> tuple[str, ...]:
        """Return the requested ordering, or the list's default; the primary key breaks ties."""
        ordering = tuple(super().get_ordering(request, queryset, view))
        return ordering if PRIMARY & {name.lstrip("-") for name in ordering} else (*ordering, "-id")

    def get_page_size(self, request: Request) -> int:
        size = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not (size.isascii() and size.isdigit() and 1 <= int(size[:9]) <= self.max_page_size):
            message = _("Send a whole number from 1 to %(most)s.") % {"most": self.max_page_size}
            raise exceptions.ValidationError({self.page_size_query_param: [message]})
        return int(size)

    def get_next_link(self) -> str | None:
        return self._link(self.rows[-1:], backwards=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        return self._link(self.rows[:1], backwards=True) if self.has_previous else None

    def _position_asked(self, request: Request) -> Position | None:
        encoded = request.query_params.get(self.cursor_query_param)
        if encoded is None:
            return None
        try:
            return Position.decoded(encoded, self.fields)
        except ValueError as error:
            raise exceptions.NotFound(self.invalid_cursor_message) from error

    def _link(self, edge: Sequence[object], *, backwards: bool) -> str | None:
        if edge:
            values = tuple(str(_value(edge[0], name.lstrip("-"))) for name in self.fields)
        elif self.position is not None:
            values = self.position.values  # an empty page: its rows were removed meanwhile
        else:
            return None
        position = Position(self.fields, values, backwards)
        return replace_query_param(self.address, self.cursor_query_param, position.encoded())

    def get_paginated_response_schema(self, schema: dict[str, object]) -> dict[str, object]:
        """Describe a page. OpenAPI 3.1 writes "or null" as a type, where DRF uses the keyword of 3.0."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link
                | {
                    "description": "The page after this one; null on the last.",
                    "example": "https://relief.example.org/api/v1/shipments/?cursor=WyItaWQiXQ",
                },
                "previous": link | {"description": "The page before this one; null on the first.", "example": None},
                "results": schema,
            },
        }


def _value(row: object, name: str) -> object:
    return row[name] if isinstance(row, dict) else getattr(row, name)


def _reversed(ordering: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in ordering)


def _beyond(model: type[Model], ordering: Sequence[str], values: Sequence[str]) -> Q:
    """Return the condition for rows after these values: (a, b) > (x, y), each in its own direction.

    The fields are never null. The bound of the first field is repeated by itself, so that its index is used.
    """
    condition, equal = Q(), Q()
    for name, value in zip(ordering, values, strict=True):
        field = name.lstrip("-")
        compare = "lt" if name.startswith("-") else "gt"
        wanted = _python_value(model, field, value)
        condition |= equal & Q(**{f"{field}__{compare}": wanted})
        if not equal:
            bound = Q(**{f"{field}__{compare}e": wanted})
        equal &= Q(**{field: wanted})
    return bound & condition


def _python_value(model: type[Model], field: str, text: str) -> object:
    """Return the field's value for this text, or the text itself for an annotation."""
    try:
        found = model._meta.get_field(field)
    except FieldDoesNotExist:
        return text
    return found.to_python(text) if isinstance(found, Field) else text
