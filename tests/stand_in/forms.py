"""Parse form-encoded requests with nested keys by Stripe's description."""

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.stand_in.description import resolve
from tests.stand_in.errors import Json, StripeRefusal

INTEGER = re.compile(r"-?[0-9]{1,18}")
DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def read(encoded: str, parameters: Json) -> Json:
    """Return the parameters of a request as typed values; refuse unknown, missing and malformed ones.

    `a[b][0][c]=1` becomes {"a": {"b": [{"c": 1}]}}.
    """
    read_value = _object(_nest(encoded), parameters, "")
    assert isinstance(read_value, dict)
    return read_value


def _refuse(message: str, param: str, code: str | None = None) -> StripeRefusal:
    return StripeRefusal(message, code=code, param=param, saved=False)


def _nest(encoded: str) -> Json:
    """Return nested dicts of strings; the items of an array have their numbers as keys."""
    nested: Json = {}
    for key, value in parse_qsl(encoded, keep_blank_values=True):
        steps = re.findall(r"^[^\[]+|\[[^\]]*\]", key)
        names = [steps[0]] + [step[1:-1] for step in steps[1:]] if steps else [key]
        place = nested
        for name in names[:-1]:
            place = place.setdefault(name or str(len(place)), {})
            if not isinstance(place, dict):
                raise _refuse(f"Invalid parameter encoding: {key}", names[0])
        place[names[-1] or str(len(place))] = value
    return nested


def _typed(value: Any, node: Json, param: str) -> Any:
    node = resolve(node)
    if "anyOf" in node:
        return _any_of(value, node["anyOf"], param)
    kind = node.get("type")
    if kind == "object":
        return _object(value, node, param)
    if kind == "array":
        return _array(value, node, param)
    if isinstance(value, dict):
        raise _refuse(f"Invalid {kind}: {param} takes a single value", param)
    return _scalar(value, node, param)


def _any_of(value: Any, choices: list[Json], param: str) -> Any:
    refusal: StripeRefusal | None = None
    for choice in choices:
        try:
            return _typed(value, choice, param)
        except StripeRefusal as error:
            # Prefer the object or array of an `anyOf` to its alternative, the empty string.
            if refusal is None or isinstance(value, dict) == (resolve(choice).get("type") in ("object", "array")):
                refusal = error
    assert refusal is not None
    raise refusal


def _scalar(value: str, node: Json, param: str) -> Any:
    kind = node.get("type")
    if kind == "integer":
        if not INTEGER.fullmatch(value):
            raise _refuse(f"Invalid integer: {value}", param, "parameter_invalid_integer")
        return int(value)
    if kind == "number":
        if not DECIMAL.fullmatch(value):
            raise _refuse(f"Invalid decimal: {value}", param)
        return float(value)
    if kind == "boolean":
        if value not in ("true", "false"):
            raise _refuse(f"Invalid boolean: {value}", param)
        return value == "true"
    if "enum" in node and value not in node["enum"]:
        raise _refuse(f"Invalid {param}: must be one of {', '.join(node['enum'])}", param)
    if len(value) > node.get("maxLength", 5000):
        raise _refuse(f"Invalid string: longer than {node.get('maxLength', 5000)} characters", param)
    return value


def _array(value: Any, node: Json, param: str) -> list[Any]:
    if not isinstance(value, dict):
        raise _refuse("Invalid array", param)
    if not all(key.isdecimal() for key in value):
        raise _refuse("Invalid array", param)
    items = sorted(value.items(), key=lambda item: int(item[0]))
    return [_typed(item, node.get("items", {"type": "string"}), f"{param}[{index}]") for index, item in items]


def _object(value: Any, node: Json, param: str) -> Json:
    if not isinstance(value, dict):
        raise _refuse("Invalid object", param)
    properties: Json = node.get("properties", {})
    others = node.get("additionalProperties") or None
    result: Json = {}
    for key, inner in value.items():
        path = f"{param}[{key}]" if param else key
        if key in properties:
            result[key] = _typed(inner, properties[key], path)
        elif isinstance(others, dict):
            result[key] = _typed(inner, others, path)
        else:
            raise _refuse(f"Received unknown parameter: {path}", path, "parameter_unknown")
    for key in node.get("required", ()):
        if key not in value:
            path = f"{param}[{key}]" if param else key
            raise _refuse(f"Missing required param: {path}.", path, "parameter_missing")
    return result
