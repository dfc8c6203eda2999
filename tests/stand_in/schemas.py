"""Stripe's description of its API, as JSON Schema."""

import copy
from functools import cache
from typing import Any

from tests.stand_in.description import document


def as_json_schema(node: Any) -> Any:
    """Convert OpenAPI 3.0's `nullable` to JSON Schema."""
    if isinstance(node, list):
        return [as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    turned = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True:
        return {"anyOf": [turned, {"type": "null"}]}
    # The description never forbids additional members; forbid them, so that a misspelt one is found.
    if "properties" in turned and "additionalProperties" not in turned and turned.get("type") == "object":
        turned["additionalProperties"] = False
    return turned


@cache
def components() -> Any:
    schemas = copy.deepcopy(document()["components"]["schemas"])
    return {name: as_json_schema(schema) for name, schema in schemas.items()}
