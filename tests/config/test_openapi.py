"""The OpenAPI description is valid and complete, and says who may call what."""

import inspect
import json
from copy import deepcopy
from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from drf_spectacular.generators import EndpointEnumerator
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from logistics.demonstration import world
from logistics.partners import guard
from tests.makers.moments import NOON

pytestmark = pytest.mark.openapi

METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def description():
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


@pytest.fixture(scope="module")
def described(description):
    return dict(operations(description))


def operations(description):
    """Return each operation by name, with references to shared responses resolved."""
    shared = {
        f"#/components/responses/{name}": answer for name, answer in description["components"]["responses"].items()
    }
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                told = {status: shared.get(one.get("$ref"), one) for status, one in operation["responses"].items()}
                yield f"{method.upper()} {path}", operation | {"responses": told}


def test_the_description_is_valid_openapi_3_1(description):
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
            if status in ("400", "401", "403", "409", "412", "413", "422", "428", "429", "503"):
                pages = [] if " /api/" in name else ["text/html"]  # for people, who see a page instead
                assert list(answer["content"]) == ["application/problem+json", *pages], (name, status)


def test_edits_require_the_version_that_was_read(description):
    for name, operation in operations(description):
        if name.startswith("PATCH"):
            assert "If-Match" in [parameter["name"] for parameter in operation["parameters"]], name


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("GET /api/v1/shipments/{shipment}/packing-list/", {"409"}),
        ("GET /api/v1/shipments/{shipment}/papers/{id}/pdf/", {"409"}),
        ("GET /api/v1/shipments/{shipment}/deliveries/{id}/goods-received-note/", {"409"}),
        ("GET /api/v1/receipts/{id}/pdf/", {"409"}),
        ("GET /api/v1/gifts/{token}/receipt/", {"409"}),
        ("PUT /api/v1/charity/", {"412", "428"}),
        ("PUT /api/v1/appeals/{slug}/", {"412", "428"}),
        ("PUT /api/v1/sites/{id}/address/", {"412", "428"}),
        ("POST /api/v1/discrepancies/{id}/decide/", {"412", "428"}),
        ("POST /api/v1/discrepancies/{id}/close/", {"412", "428"}),
        ("POST /api/v1/donations/", {"503"}),
        ("POST /api/v1/donations/{token}/checkout/", {"503"}),
        ("POST /api/v1/shipments/{shipment}/imports/", {"413"}),
        ("POST /api/v1/shipments/{shipment}/seal/", {"409"}),
    ],
)
def test_an_operations_own_refusals_are_described(described, operation, statuses):
    assert statuses <= set(described[operation]["responses"])


def test_responses_that_ask_to_wait_describe_retry_after(described):
    not_ready = described["GET /api/v1/shipments/{shipment}/packing-list/"]["responses"]["409"]
    problem = not_ready["content"]["application/problem+json"]["examples"]

    assert "document_not_ready" in {example["value"]["code"] for example in problem.values()}
    assert "Retry-After" in not_ready["headers"]
    assert "Retry-After" in described["POST /api/v1/donations/"]["responses"]["503"]["headers"]
    sealing = described["POST /api/v1/shipments/{shipment}/seal/"]["responses"]["409"]
    examples = sealing["content"]["application/problem+json"]["examples"]
    assert "import_running" in {example["value"]["code"] for example in examples.values()}
    assert "Retry-After" in sealing["headers"]


def test_operations_that_read_parameters_describe_the_refusal_of_wrong_ones(described):
    reading = {
        name: operation["responses"]
        for name, operation in described.items()
        if any(one["in"] == "query" and one["name"] != "format" for one in operation.get("parameters", ()))
    }

    assert [name for name, responses in reading.items() if "400" not in responses] == []
    assert "GET /api/v1/shipments/import-template/" in reading


def test_a_shared_error_is_described_once(description):
    texts = [json.dumps(answer, sort_keys=True) for answer in description["components"]["responses"].values()]
    inline = [
        f"{method} {path} {status}"
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if "application/problem+json" in answer.get("content", {})
    ]

    assert len(set(texts)) == len(texts) > 10
    assert inline == []


def test_every_operation_that_needs_a_version_says_so(described):
    """Read from the views' code: every caller of `expected_version` is marked, or is a PATCH."""
    asking = {
        f"{method.upper()} {path.replace('{pk}', '{id}')}"
        for path, _regex, method, callback in EndpointEnumerator().get_api_endpoints()
        if "expected_version(" in inspect.getsource(handler_of(callback, method))
    }

    assert len(asking) > 10
    for name in asking:
        assert {"412", "428"} <= set(described[name]["responses"]), name
        assert "If-Match" in [parameter["name"] for parameter in described[name]["parameters"]], name


def test_search_is_described_only_where_it_works(described):
    def description_of(path):
        parameters = described[f"GET {path}"]["parameters"]
        return [parameter["description"] for parameter in parameters if parameter["name"] == "search"]

    assert description_of("/api/v1/partners/") == ["Each word must occur in one of: code, name."]
    words = "Each word must occur in one of: number, reference, title, container_number, bill_of_lading."
    assert description_of("/api/v1/shipments/") == [words]
    assert description_of("/api/v1/shipments/{shipment}/trail/") == []


def handler_of(callback, method):
    actions = getattr(callback, "actions", None) or {}
    return inspect.unwrap(getattr(callback.cls, actions.get(method.lower(), method.lower())))


def bodies(described):
    """Return every JSON request body, and every JSON body of a successful response."""
    for name, operation in described.items():
        answers = {
            f"{name} {status}": operation["responses"][status]
            for status in ("200", "201", "202")
            if status in operation["responses"]
        }
        for title, body in ({name: operation.get("requestBody", {})} | answers).items():
            if "application/json" in body.get("content", {}):
                yield title, body["content"]["application/json"]


def test_every_body_has_an_example(described):
    assert [name for name, body in bodies(described) if not body.get("examples")] == []


def test_every_example_fits_its_shape(description, described):
    shapes = {"components": deepcopy(description["components"])}
    for shape in shapes["components"]["schemas"].values():
        if "properties" in shape:
            # A field that is only in the example. Any edit may have a version in its body (logistics.inputs).
            shape |= {"additionalProperties": False, "properties": {"version": {}, **shape["properties"]}}
    unfit = [
        f"{name}, {title}: {error.json_path}: {error.message}"
        for name, body in bodies(described)
        for title, example in body["examples"].items()
        for error in Draft202012Validator(shapes | body["schema"]).iter_errors(example["value"])
    ]

    assert unfit == []


def told(value, key=""):
    """Yield each text of a JSON value with its key."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else ((key, part) for part in value):
            yield from told(part, name)
    elif isinstance(value, str):
        yield key, value


def examples(value):
    """Yield the examples in a part of the description."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from [part] if name in ("example", "examples") else examples(part)
    elif isinstance(value, list):
        for part in value:
            yield from examples(part)


@pytest.mark.django_db
def test_no_example_shows_a_sealed_address_of_the_demonstration(description, files):
    partner = world.demonstrate(NOON).partner
    place = guard.of_partner(partner.pk)
    texts = {pair for each in examples(description) for pair in told(each)}

    found = [text for key, text in texts if place.hits(text, strict=key.startswith("hand_over"))]

    assert found == []
    assert {"+223 20 00 00 10", "Awa Diarra", "AMAR-ML"} <= {text for _key, text in texts}
