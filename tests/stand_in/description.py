"""Stripe's own OpenAPI description: its operations, their parameters, and the shapes of objects.

Requests are validated against it, so that a parameter unknown to Stripe is refused here too;
objects are completed from it, so that fields that we do not use are present and null, as at Stripe.
"""

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.stand_in.errors import Json, StripeRefusal

FILE = Path(__file__).with_name("openapi-2026-08-26.dahlia.json.gz")
VERSION = "2026-08-26.dahlia"

# Nullable in the description, but absent from responses unless requested by `expand`.
ONLY_WHEN_EXPANDED = {("charge", "refunds"), ("checkout.session", "line_items")}


@cache
def document() -> Json:
    """Return the whole description."""
    with gzip.open(FILE) as file:
        loaded: Json = json.load(file)
    return loaded


def schema(name: str) -> Json:
    """Return the description of one kind of object, such as "checkout.session"."""
    found: Json = document()["components"]["schemas"][name]
    return found


def resolve(node: Json) -> Json:
    """Follow a $ref."""
    while "$ref" in node:
        node = schema(node["$ref"].rsplit("/", 1)[1])
    return node


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str  # get, post, delete
    path: str  # /v1/refunds/{refund}
    arguments: tuple[str, ...]  # the values in the path
    parameters: Json  # schema of the query string or of the form

    @property
    def answer(self) -> Json:
        """Return the schema of a successful response."""
        operation = document()["paths"][self.path][self.method]
        found: Json = operation["responses"]["200"]["content"]["application/json"]["schema"]
        return found


@cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    paths = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile("^" + re.sub(r"\{[^}]+\}", r"([^/]+)", path) + "$"), path) for path in paths]


def find(method: str, url_path: str) -> Operation:
    """Return the operation of a request; refuse operations that Stripe does not have."""
    for pattern, path in _routes():
        match = pattern.match(url_path)
        if match and method in document()["paths"][path]:
            return Operation(method, path, match.groups(), _parameters(path, method))
    raise StripeRefusal(
        f"Unrecognized request URL ({method.upper()}: {url_path}). Please see https://docs.stripe.com or we can help "
        "at https://support.stripe.com/.",
        status=404,
        saved=False,
    )


def _parameters(path: str, method: str) -> Json:
    operation = document()["paths"][path][method]
    if method == "get":
        inputs = [one for one in operation.get("parameters", []) if one["in"] == "query"]
        return {
            "type": "object",
            "properties": {one["name"]: one["schema"] for one in inputs},
            "required": [one["name"] for one in inputs if one.get("required")],
        }
    content = operation.get("requestBody", {}).get("content", {})
    body: Json = next(iter(content.values()), {"schema": {"type": "object", "properties": {}}})["schema"]
    return body


def complete(name: str, given: Json) -> Json:
    """Return an object with every field that Stripe always sends, null or empty where we set nothing."""
    return _completed(schema(name), given, name)


def _completed(node: Json, given: Json, name: str) -> Json:
    properties: Json = node.get("properties", {})
    unknown = set(given) - set(properties)
    if unknown and "additionalProperties" not in node:
        raise KeyError(f"Stripe's {name} has no {sorted(unknown)}")
    result = dict(given)
    for key, child in properties.items():
        if key in given:
            inner = _only_object(child)
            if isinstance(given[key], dict) and inner is not None:
                result[key] = _completed(inner, given[key], f"{name}.{key}")
        elif (name, key) in ONLY_WHEN_EXPANDED:
            continue
        elif child.get("nullable"):
            result[key] = None
        elif key in node.get("required", ()):
            result[key] = _empty(resolve(child), f"{name}.{key}")
    return result


def _only_object(node: Json) -> Json | None:
    """Return the one object schema that a field may hold, if there is just one."""
    choices = [resolve(one) for one in node.get("anyOf", [node])]
    objects = [one for one in choices if one.get("type") == "object" and "properties" in one]
    return objects[0] if len(objects) == 1 else None


def _empty(node: Json, name: str) -> Any:
    if node.get("type") == "object":
        return _completed(node, {}, name)
    if node.get("type") == "array":
        return []
    if node.get("type") == "boolean":
        return False
    raise KeyError(f"{name} needs a value")


def may_expand(kind: str, field: str) -> bool:
    """Return whether a field of an object can be expanded."""
    return field in schema(kind).get("x-expandableFields", ()) or (kind, field) in ONLY_WHEN_EXPANDED
