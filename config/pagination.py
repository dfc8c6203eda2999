"""Cursor pagination: each row once, in both directions, even if many rows share the value they are ordered by."""

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination as DRFCursorPagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from logistics import lists
from logistics.lists import Position
from logistics.rows import fast


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

    def paginate_queryset(  # type: ignore[override]  # always with a view
        self, queryset: QuerySet[Model], request: Request, view: APIView
    ) -> list[Model]:
        self.request = request
        self.address = request.build_absolute_uri()
        size, fields = self.get_page_size(request), self.get_ordering(request, queryset, view)
        try:
            self.found = lists.page_of(fast(queryset), fields, self._position_asked(request, fields), size)
        except (ValidationError, ValueError, DataError) as error:
            # A made-up cursor: its values do not fit these fields.
            raise exceptions.NotFound(self.invalid_cursor_message) from error
        return self.found.rows

    def get_ordering(self, request: Request, queryset: QuerySet[Model], view: APIView) -> tuple[str, ...]:
        """Return the requested ordering, or the list's default; the primary key breaks ties."""
        return lists.ending_with_the_key(super().get_ordering(request, queryset, view))

    def get_page_size(self, request: Request) -> int:
        size = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not (size.isascii() and size.isdigit() and 1 <= int(size[:9]) <= self.max_page_size):
            message = _("Send a whole number from 1 to %(most)s.") % {"most": self.max_page_size}
            raise exceptions.ValidationError({self.page_size_query_param: [message]})
        return int(size)

    def get_next_link(self) -> str | None:
        return self._link(self.found.next)

    def get_previous_link(self) -> str | None:
        return self._link(self.found.previous)

    def _position_asked(self, request: Request, fields: tuple[str, ...]) -> Position | None:
        encoded = request.query_params.get(self.cursor_query_param)
        return None if encoded is None else Position.decoded(encoded, fields)

    def _link(self, position: Position | None) -> str | None:
        if position is None:
            return None
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
