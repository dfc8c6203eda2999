"""Project rules that tests can enforce: permissions, names that must exist, sizes."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.response import Response

from logistics.idempotency.api import idempotent
from logistics.jobs.services import job_models
from logistics.permissions import NobodyUnlessAllowed
from tests.sources import ROOT, SOURCES

# POSTs that accept no Idempotency-Key, and why.
WITHOUT_KEY = {
    "api/v1/sites/<pk>/address/reveal/": "Each reading is an event of its own, and no record may keep what was read.",
    "api/v1/stripe/events/": "Stripe's own event id is the key.",
}


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return every route with its view, except the admin's, which checks permissions itself."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", str(pattern.pattern)).replace("^", "").replace("$", "")
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def view_of(callback: Any) -> Any:
    """The DRF view class behind a route with this route's own settings, or None for a plain page."""
    cls = getattr(callback, "cls", None)
    return cls(**getattr(callback, "initkwargs", {})) if cls else None


def names_its_roles(callback: Any) -> bool:
    view = view_of(callback)
    if view is None:
        return bool(getattr(callback, "open_to_all", False) or getattr(callback, "allowed_roles", None))
    permissions = [permission() for permission in view.permission_classes]
    return bool(permissions) and all(
        not isinstance(permission, NobodyUnlessAllowed)
        and (getattr(permission, "open_to_all", False) or hasattr(permission, "allowed_roles"))
        for permission in permissions
    )


def test_every_route_declares_its_permissions():
    assert [path for path, callback in routes() if not names_its_roles(callback)] == []


def post_handlers() -> Iterator[tuple[str, Any]]:
    for path, callback in routes():
        cls = getattr(callback, "cls", None)
        if cls is None:
            continue
        actions = getattr(callback, "actions", None) or {}
        handler = getattr(cls, actions.get("post", "post"), None) if actions.get("post") or not actions else None
        if handler is not None:
            yield path, handler


def test_every_post_accepts_an_idempotency_key_or_is_listed_as_an_exception():
    without = {path for path, handler in post_handlers() if not getattr(handler, "takes_idempotency_key", False)}

    assert without - set(WITHOUT_KEY) == set()
    assert set(WITHOUT_KEY) - without == set()


def test_the_idempotency_mark_is_set_by_the_decorator():
    marked: Any = idempotent(lambda self, request: Response())

    assert marked.takes_idempotency_key


def test_every_named_task_exists():
    current_app.loader.import_default_modules()
    current_app.finalize()
    periodic = {entry["task"] for entry in current_app.conf.beat_schedule.values()}
    assert {name.partition(".")[0] for name in periodic} == {"donations", "logistics"}
    names = periodic | {model.TASK for model in job_models()}

    assert len(names) >= 5
    assert names - set(current_app.tasks) == set()


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_file_is_longer_than_four_hundred_lines():
    assert {path.relative_to(ROOT).as_posix(): lines for path in SOURCES if (lines := lines_of(path)) > 400} == {}


def test_every_room_is_in_the_layers_contract():
    """Each room is in the import contract by which its models import nothing above them (pyproject.toml)."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = next(contract for contract in contracts if contract["name"].startswith("Inside each room"))
    rooms = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in SOURCES
        if path.stem in floors_named(floors) and len(path.relative_to(ROOT).parts) == 3
    }

    assert rooms == set(floors["containers"])


def floors_named(contract: dict[str, Any]) -> set[str]:
    return {layer.strip("()") for layer in contract["layers"]}


@pytest.mark.parametrize("app", ["donations", "shipments", "logistics"])
def test_the_map_in_the_readme_names_every_room_in_the_order_of_the_contract(app: str):
    row = re.search(rf"^\| `{app}/` \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract.get("containers") == [app])
    packages = {path.parent.name for path in (ROOT / app).glob("*/__init__.py")}
    rooms = packages - {"management", "migrations", "templatetags"}

    named = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row[1] if row else ""))
    places = [next(n for n, layer in enumerate(layers) if re.search(rf"\b{room}\b", layer)) for room in named]

    assert sorted(named) == sorted(rooms)
    assert places == sorted(places)


def test_the_top_level_is_as_agreed():
    kept = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}

    assert kept - {"var"} <= {"config", "logistics", "shipments", "donations", "tests", "docs"}


def strings_of(path: Path) -> Iterator[tuple[int, str]]:
    """Return every string in a file's code, with its line; docstrings and comments may mention anything."""
    tree = ast.parse(path.read_text("utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def named_in_words(apps: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern that finds the names of apps, of one of their rows, and what only their rooms know of."""
    nouns = {"shipments": "shipments?|waybills?", "donations": "donations?"}
    return re.compile(rf"\b({'|'.join(nouns[app] for app in apps)})\b", re.IGNORECASE)


@pytest.mark.parametrize(("lower", "upper"), [("logistics", ("shipments", "donations")), ("shipments", ("donations",))])
def test_no_string_of_a_lower_app_names_an_upper_one(lower: str, upper: tuple[str, ...]):
    """Neither code ("donations.donor": a model, a task) nor words for people; the contract checks imports only."""
    named = named_in_words(upper)
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text[:60]!r}"
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == lower
        for line, text in strings_of(path)
        if named.search(text)
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(("lower", "upper"), [("logistics", ("shipments", "donations")), ("shipments", ("donations",))])
def test_no_template_of_a_lower_app_names_an_upper_one(lower: str, upper: tuple[str, ...]):
    """The upper app passes its rows under a name that the lower one chose, and extends its templates."""
    named = named_in_words(upper)
    pages = [path for path in (ROOT / lower / "templates").rglob("*.*") if path.is_file()]
    found = [
        f"{path.relative_to(ROOT)}: {match[0][:80]}" for path in pages for match in named.finditer(path.read_text())
    ]

    assert len(pages) > 10 and not found, "\n".join(found)


def test_tests_do_not_import_each_other():
    """Code shared by test files belongs in helper modules: tests/makers, tests/clients.py."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in (ROOT / "tests").rglob("*.py")
        for line, module in imports_in(path)
        if module.startswith("tests.") and re.match(r"test_|conftest$", module.rpartition(".")[2])
    ]

    assert not found, "\n".join(found)


def imports_in(path: Path) -> Iterator[tuple[int, str]]:
    """Return every module that a file may import, with its line: `from tests import x` may mean tests.x."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, name) for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names)))


def test_expected_exceptions_are_specific():
    """A test that expects any Exception also passes on its own mistakes."""
    broad = re.compile(r"raises\((Base)?Exception\b")
    paths = (ROOT / "tests").rglob("*.py")
    found = [path.relative_to(ROOT).as_posix() for path in paths if broad.search(path.read_text())]

    assert found == []


# Django finds a management command by this name.
SHARED_NAMES = {"Command"}


def test_a_public_name_means_one_thing():
    """No two modules have a class, or a type of the same name. Type variables stand for anything, so they may."""
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.ClassDef(name=name):
                    pass
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=value)
                    | ast.AnnAssign(target=ast.Name(id=name), value=value)
                ) if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"):
                    pass
                case _:
                    continue
            if re.fullmatch(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*", name):
                homes.setdefault(name, []).append(str(path.relative_to(ROOT)))

    twice = {name: paths for name, paths in homes.items() if len(paths) > 1 and name not in SHARED_NAMES}

    assert len(homes) > 500 and twice == {}


def test_few_lines_give_up_on_types():
    """`Any` is for what libraries do not type; the replay engine works on the inside of one of them."""
    used = {
        (path, token.start[0])
        for path in SOURCES
        if "replay" not in path.parts
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if (token.string == "Any" or (token.type == tokenize.STRING and "[Any" in token.string))
        and "import" not in token.line
    }

    assert len(used) < 60
