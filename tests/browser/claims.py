"""The forms that the browser tests claim to submit."""

from functools import cache
from importlib import import_module
from pathlib import Path

import pytest


def submits(*forms: str) -> pytest.MarkDecorator:
    """Mark a test with the forms that it submits in a browser; the fixture `visit` checks this."""
    return pytest.mark.submits(*forms)


@cache
def claimed() -> frozenset[str]:
    """Return all forms that any browser test submits."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for thing in vars(import_module(f"tests.browser.{path.stem}")).values():
            for mark in getattr(thing, "pytestmark", []):
                found.update(_forms_of(mark))
    return frozenset(found)


def _forms_of(mark: pytest.Mark) -> set[str]:
    if mark.name == "submits":
        return set(mark.args)
    if mark.name == "parametrize":
        return {form for given in mark.args[1] for one in getattr(given, "marks", ()) for form in _forms_of(one)}
    return set()
