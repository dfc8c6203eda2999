"""The short form of `make fuzz`: a few generated requests to each operation, by a caller that changes with the seed."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks
from urllib3.response import HTTPResponse

from config import description
from logistics.roles import Role
from tests.clients import client_of
from tests.lists import World
from tests.makers.partners import make_partner_user
from tests.makers.people import make_user

pytestmark = pytest.mark.openapi

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
]
DESCRIBED = schemathesis.openapi.from_dict(json.loads(description.current("json").plain.content))
OPERATIONS = [found.ok() for found in DESCRIBED.get_all_operations() if isinstance(found, Ok)]
FEW = settings(
    max_examples=2, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def callers(django_db_setup: None, django_db_blocker: Any) -> Iterator[list[Client]]:
    load_all_checks()
    with django_db_blocker.unblock(), transaction.atomic():
        world = World()
        staff = [client_of(make_user(role)) for role in Role if role != Role.PARTNER]
        yield [client_of(), client_of(make_partner_user(world.goods.partner)), *staff]
        transaction.set_rollback(True)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda found: found.label)
def test_answers_to_generated_requests_are_described(operation: Any, callers: list[Client]) -> None:
    client = random.choice(callers)

    @FEW
    @given(case=operation.as_strategy())
    def answers_as_described(case: Any) -> None:
        with transaction.atomic():
            answer = sent(client, case)
            transaction.set_rollback(True)
        case.validate_response(answer, checks=CHECKS)

    answers_as_described()


def sent(client: Client, case: Any) -> requests.Response:
    """Send the request in this process, and return the answer as `requests` would."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    headers = {name: str(value) for name, value in prepared.headers.items() if name.lower() != "content-type"}
    kind = str(prepared.headers.get("Content-Type", ""))
    number = random.randrange(2**24)
    where = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"  # limits are by address
    answered = client.generic(
        str(prepared.method), prepared.path_url, body, content_type=kind, headers=headers, REMOTE_ADDR=where
    )
    content = b"".join(answered.streaming_content) if answered.streaming else answered.content  # type: ignore[attr-defined]
    answer = requests.Response()
    answer.status_code, answer.request, answer.url = answered.status_code, prepared, str(prepared.url)
    answer.headers.update(answered.items())
    answer._content = content
    answer.raw = HTTPResponse(status=answered.status_code, headers=dict(answered.items()), body=b"")
    return answer
