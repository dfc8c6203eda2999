"""The description of the API is valid, whole, and says who may call what."""

from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from openapi_spec_validator import OpenAPIV31SpecValidator

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def description():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def test_it_is_valid(description):
    assert description["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(description).validate()


def test_every_operation_says_who_may_call_it(description):
    silent = [
        name
        for name, operation in operations(description)
        if "*Roles: " not in operation["description"] and "*Open to everybody.*" not in operation["description"]
    ]

    assert silent == []


def test_every_operation_has_a_summary_and_no_two_the_same_id(description):
    found = list(operations(description))

    assert [name for name, operation in found if not operation.get("summary")] == []
    assert len({operation["operationId"] for _, operation in found}) == len(found)


def test_every_error_is_a_problem(description):
    for name, operation in operations(description):
        for status, answer in operation["responses"].items():
            if status in ("400", "401", "403", "409", "412", "422", "428", "429"):
                assert list(answer["content"]) == ["application/problem+json"], (name, status)


def test_edits_say_which_version_they_read(description):
    for name, operation in operations(description):
        if name.startswith("PATCH"):
            assert "If-Match" in [parameter["name"] for parameter in operation["parameters"]], name


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/schema/", "/api/v1/docs/"])
def test_it_is_served_to_everybody(path):
    assert Client().get(path).status_code == 200
