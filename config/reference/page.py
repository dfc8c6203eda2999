"""Turn the OpenAPI schema into the page: sections of operations, then each schema and each error once."""

import json
from collections.abc import Iterator

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.api import PROBLEM_JSON
from config.openapi import Described
from config.reference import markdown

METHODS = ("get", "post", "put", "patch", "delete")
PLACES = {"path": "address", "query": "query", "header": "header"}
LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "like {}",
    "default": "default {}",
}


def render(schema: Described) -> str:
    """Return the body of the page: everything between its header and its footer."""
    components = schema["components"]
    return render_to_string(
        "pages/api_reference.html",
        {
            "introduction": markdown.html(schema["info"]["description"]),
            "sections": list(_sections(schema)),
            "shapes": [_shape(name, shape) for name, shape in sorted(components["schemas"].items())],
            "errors": [_error(name, answer) for name, answer in components["responses"].items()],
        },
    )


def _sections(schema: Described) -> Iterator[dict[str, object]]:
    found: dict[str, list[dict[str, object]]] = {tag["name"]: [] for tag in schema["tags"]}
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                found.setdefault(methods[method]["tags"][0], []).append(_operation(path, method, methods[method]))
    described = {tag["name"]: tag["description"] for tag in schema["tags"]}
    for name, operations in found.items():
        if operations:
            title = name.replace("-", " ").capitalize()
            description = markdown.html(described.get(name, ""))
            yield {"name": name, "title": title, "description": description, "operations": operations}


def _operation(path: str, method: str, operation: Described) -> dict[str, object]:
    answers = [_answer(status, answer) for status, answer in operation["responses"].items()]
    asked = operation.get("requestBody", {}).get("content", {})
    sent = [one for one in operation.get("parameters", []) if one["in"] in PLACES]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": markdown.html(operation["description"], top=4),
        "parameters": [_parameter(one) for one in sent],
        "bodies": [_body(media, content) for media, content in asked.items()],
        "answers": [answer for answer in answers if not answer["error"]],
        "errors": [answer for answer in answers if answer["error"]],
    }


def _parameter(parameter: Described) -> dict[str, object]:
    return {
        "name": parameter["name"],
        "where": PLACES[parameter["in"]],
        "required": parameter.get("required", False),
        "type": _type(parameter["schema"]),
        "description": markdown.html(parameter.get("description", "")),
    }


def _answer(status: str, answer: Described) -> dict[str, object]:
    if "$ref" in answer:
        return {"status": status, "error": _last(answer["$ref"])}
    bodies = [_body(media, content) for media, content in answer.get("content", {}).items()]
    return {"status": status, "error": "", "description": markdown.inline(answer["description"]), "bodies": bodies}


def _body(media: str, content: Described) -> dict[str, object]:
    return {"media": media, "type": _type(content.get("schema", {})), "examples": _examples(content)}


def _examples(content: Described) -> list[dict[str, str]]:
    return [
        {"title": example.get("summary", name), "text": json.dumps(example["value"], indent=2, ensure_ascii=False)}
        for name, example in content.get("examples", {}).items()
    ]


def _error(name: str, answer: Described) -> dict[str, object]:
    content = answer["content"][PROBLEM_JSON]
    return {
        "name": name,
        "codes": [example["value"]["code"] for example in content["examples"].values()],
        "description": markdown.html(answer["description"]),
        "headers": list(answer.get("headers", {})),
        "examples": _examples(content),
    }


def _shape(name: str, shape: Described) -> dict[str, object]:
    required = shape.get("required", [])
    return {
        "name": name,
        "description": markdown.html(shape.get("description", "")),
        "type": "" if "properties" in shape else _type(shape),
        "fields": [
            {
                "name": field,
                "required": field in required,
                "type": _type(schema),
                "description": markdown.html(schema.get("description", "")),
            }
            for field, schema in shape.get("properties", {}).items()
        ],
    }


def _type(schema: Described) -> SafeString:
    """Return a type in words, with a link to the schema that it names: "list of Line, at most 200 of them"."""
    several = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf")
    if "$ref" in schema:
        words = format_html('<a href="#shape-{0}">{0}</a>', _last(schema["$ref"]))
    elif several:
        words = format_html_join(" or ", "{}", [(_type(one),) for one in several])
    elif "enum" in schema:
        words = format_html_join(" | ", "<code>{}</code>", [(json.dumps(one),) for one in schema["enum"]])
    elif "items" in schema:
        words = format_html("list of {}", _type(schema["items"]))
    else:
        words = _plain(schema)
    limits = [text.format(schema[name]) for name, text in LIMITS.items() if schema.get(name) not in (None, "")]
    return format_html("{}{}", words, "".join(f", {limit}" for limit in limits))


def _plain(schema: Described) -> SafeString:
    kinds = schema.get("type", "anything")
    names = " or ".join(kinds) if isinstance(kinds, list) else kinds
    return format_html("{}", f"{names} ({schema['format']})" if "format" in schema else names)


def _last(reference: str) -> str:
    return reference.rsplit("/", 1)[1]
