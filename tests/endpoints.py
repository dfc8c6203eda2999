"""Every operation of the API, found from the routes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver

FILLED = {"uuid": str(uuid4()), "int": "1", "str": "SHP-2026-00001"}


def endpoints(rows: Mapping[str, str] | None = None) -> Iterator[tuple[str, str, Any]]:
    """Yield each method and path of the API with its view class.

    The arguments in a path are those of `rows`, by their own name or that of the list before them; else they are made
    up, and lead to no row.
    """
    for pattern, path in _patterns(get_resolver().url_patterns, "/"):
        view = getattr(pattern.callback, "cls", None)
        if view is None or not path.startswith("/api/"):
            continue
        methods = getattr(pattern.callback, "actions", None) or [
            name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)
        ]
        plain = re.sub(r"\(\?P<(\w+)>.*?\)(?=[/$])", r"<uuid:\1>", path).replace("^", "").replace("$", "")
        filled = re.sub(r"([\w-]+)/<(?:(\w+):)?(\w+)>", lambda found: _filled(found, rows or {}), plain)
        yield from ((method, filled, view) for method in methods if method != "head")


def _filled(argument: re.Match[str], rows: Mapping[str, str]) -> str:
    before, converter, name = argument.groups()
    return f"{before}/{rows.get(name) or rows.get(before) or FILLED[converter or 'str']}"


def _patterns(patterns: Any, before: str) -> Iterator[tuple[URLPattern, str]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield pattern, path
