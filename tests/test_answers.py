"""API responses match the OpenAPI description: the same fields, of the same types, and no others."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from jsonschema import Draft202012Validator

from config import description
from tests.lists import CASES, INSIDE, Measured, World

pytestmark = pytest.mark.openapi

Schema = dict[str, Any]


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker: Any) -> Iterator[Measured]:
    with django_db_blocker.unblock(), transaction.atomic():
        world = World()
        world.grow(2, 3)
        yield world.measured()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def described() -> Schema:
    """Return the description with additionalProperties forbidden everywhere."""
    found: Schema = json.loads(description.current("json").plain.content)
    for shape in found["components"]["schemas"].values():
        if "properties" in shape:
            shape["additionalProperties"] = False
    return found


def template_of(described: Schema, url: str) -> str:
    """Return the path template of a URL: `/shipments/{shipment}/lines/`."""
    fitting = [path for path in described["paths"] if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), url)]
    return min(fitting, key=lambda path: path.count("{"))


def complaints(described: Schema, template: str, answer: Any) -> list[str]:
    """Return where a GET response differs from the description."""
    content = described["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
    validator = Draft202012Validator({**content["schema"], "components": described["components"]})
    return [f"{template} {error.json_path}: {error.message}" for error in validator.iter_errors(answer)]


@pytest.mark.parametrize(("who", "name"), CASES)
def test_a_list_and_its_first_row_match_the_description(measured: Measured, described: Schema, who: str, name: str):
    client = measured.clients[who]
    url = reverse(name, kwargs={INSIDE[name]: measured.inside[INSIDE[name]]} if name in INSIDE else {})
    template = template_of(described, url)
    answer = client.get(url).json()
    rows = answer if isinstance(answer, list) else answer["results"]
    detail = next((path for path in described["paths"] if re.fullmatch(re.escape(template) + r"\{(\w+)\}/", path)), "")

    found = complaints(described, template, answer)
    if "get" in described["paths"].get(detail, {}):
        key = detail.rstrip("/").rpartition("{")[2].rstrip("}")
        one = client.get(f"{url}{rows[0][key if key in rows[0] else 'id']}/")
        assert one.status_code == 200, one.content
        found += complaints(described, detail, one.json())

    assert rows
    assert found == []
