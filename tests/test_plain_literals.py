"""No text that people see is a plain literal: it goes through gettext, so that a French reader gets it in French."""

import ast
import re
from collections.abc import Iterator

from django.contrib import admin
from rest_framework.exceptions import APIException

from logistics.errors import DomainError
from tests.sources import ROOT, SOURCES

LETTERS = re.compile(r"[A-Za-z]{2}")
# The printer's own words are kept as the last error of a job, for operators; staff read `documents.why`.
FOR_OPERATORS = re.compile(r"logistics/documents/(printer|replay|rendering)|/management/|config/local/")
# Modules of pages and forms, where these name what people read. Elsewhere they describe the API, in English.
PAGES = re.compile(r"/(admin|admin_parts|dashboard|forms|models|pages)\.py")
NAMES = {"description", "label", "short_description", "subtitle", "title", "verbose_name", "verbose_name_plural"}
MESSAGES = {"add_error", "error", "info", "message_user", "success", "warning"}
SAME_IN_FRENCH = {"PDF"}


def literal(node: ast.AST) -> bool:
    """Return whether an expression may be a text that nobody translates."""
    match node:
        case ast.Constant(value=str(text)):
            return bool(LETTERS.search(text)) and text not in SAME_IN_FRENCH
        case ast.JoinedStr(values=parts):
            return any(literal(part) for part in parts)
        case ast.BinOp(left=left, right=right):
            return literal(left) or literal(right)
        case ast.IfExp(body=body, orelse=other):
            return literal(body) or literal(other)
    return False


def refusals() -> set[str]:
    """Return the names of all errors whose first argument answers a request."""
    assert admin.site._registry  # all modules are loaded, so all errors are known
    found, known = {DomainError, APIException}, set[type]()
    while found - known:
        known |= found
        found |= {child for error in known for child in error.__subclasses__()}
    return {error.__name__ for error in known} | {"ValidationError"}


def texts(tree: ast.AST, *, errors: set[str], of_pages: bool) -> Iterator[ast.expr]:
    """Yield the expressions that people read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in errors:
                yield from node.args[:1]
            if name in MESSAGES:
                yield from node.args[1:2]
            if of_pages and name != "OpenApiResponse":
                yield from (keyword.value for keyword in node.keywords if keyword.arg in NAMES)
        if isinstance(node, ast.FunctionDef) and node.name == "__str__":
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value)


def test_what_people_read_is_translatable():
    errors = refusals()

    plain = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in SOURCES
        if not FOR_OPERATORS.search(str(path))
        for node in texts(ast.parse(path.read_text()), errors=errors, of_pages=bool(PAGES.search(str(path))))
        if literal(node)
    ]

    assert plain == []


def test_a_plain_literal_would_be_found():
    source = """
raise Forbidden(f"Only {who} may do this.")
messages.error(request, "Not today.")
label = CharField(label="Your name")
"""

    found = [ast.unparse(node) for node in texts(ast.parse(source), errors={"Forbidden"}, of_pages=True)]

    assert len(found) == 3 and all(literal(ast.parse(text, mode="eval").body) for text in found)
