"""Request parsers: refuse, for all endpoints, what PostgreSQL cannot store or Python cannot walk."""

import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import DataAndFiles
from rest_framework.parsers import JSONParser as DRFJSONParser
from rest_framework.parsers import MultiPartParser as DRFMultiPartParser

# The deepest body that any endpoint describes has five levels; Python's own limit is about a thousand.
DEPTH_MAX = 50


class JSONParser(DRFJSONParser):
    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> Any:
        """Return the body, with or without a byte order mark before it.

        Raises ParseError also for invalid Unicode, for NUL, and for excessive nesting.
        """
        context = dict(parser_context or {})
        if str(context.get("encoding", "utf-8")).lower() in ("utf-8", "utf8"):
            context["encoding"] = "utf-8-sig"
        try:
            body = super().parse(stream, media_type, context)
        except RecursionError as error:
            raise ParseError from error
        check(body)
        return body


class MultiPartParser(DRFMultiPartParser):
    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, object] | None = None
    ) -> "DataAndFiles[Any, Any]":
        """Return fields and files. Raises ParseError also for a NUL in a field, its name or a file's name."""
        parsed = super().parse(stream, media_type, parser_context)
        check({name: parsed.data.getlist(name) for name in parsed.data})
        check({name: [file.name for file in parsed.files.getlist(name)] for name in parsed.files})
        return parsed


def check(body: object) -> None:
    """Raise ParseError unless all texts (keys too) can be stored, all numbers are finite, and it is not too deep."""
    level = [body]
    for _depth in range(DEPTH_MAX):
        if not level:
            return
        if not all(_is_sound(value) for value in level):
            raise ParseError
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise ParseError


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def _is_sound(value: object) -> bool:
    if isinstance(value, str):
        # JSON can write half of a surrogate pair (backslash, ud800), which cannot be encoded.
        return "\0" not in value and (value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value))
    return not isinstance(value, float) or math.isfinite(value)  # 1e999 is read as infinity
