"""Loaded by schemathesis: half of the requests name rows that exist; most others would end at "not found".

FUZZ_VALUES is a JSON file of the known values of path parameters.
"""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

import schemathesis

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
QUERY_MAX = 3_000  # gunicorn refuses request lines of more than 4,094 bytes
KNOWN: dict[str, list[str]] = json.loads(Path(os.environ["FUZZ_VALUES"]).read_text(encoding="utf-8"))


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Replace generated values by those of existing rows, by `path parameter` or by the parameter alone.

    Which ones follows from the generated values, not from chance, so that a seed repeats a run.
    """
    drawn = crc32(repr(path_parameters).encode())
    if not path_parameters or drawn % 2:
        return path_parameters
    path = context.operation.path
    known = {name: KNOWN.get(f"{path} {name}") or KNOWN.get(name) or [value] for name, value in path_parameters.items()}
    return {name: values[drawn // 2 % len(values)] for name, values in known.items()}


@schemathesis.hook
def filter_query(context: Any, query: dict[str, Any] | None) -> bool:
    """Leave out empty parameters, which count as not given although no choice of the description is empty.

    And queries so long that the web server refuses the request before the API sees it.
    """
    return len(urlencode(query or {}, doseq=True)) < QUERY_MAX and not any(
        value == "" for value in (query or {}).values()
    )


@schemathesis.hook
def filter_headers(context: Any, headers: dict[str, Any] | None) -> bool:
    """Leave out what RFC 9110 does not allow: the web server refuses it before the API sees the request."""
    return all(TOKEN.fullmatch(name) and not CONTROL.search(str(value)) for name, value in (headers or {}).items())


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Send each request from an address of its own."""
    number = crc32(case.id.encode())
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
