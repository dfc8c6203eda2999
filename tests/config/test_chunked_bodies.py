"""A chunked body, which many HTTP clients send when they do not know its length, is read like any other."""

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.processes import Instance

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder: Path = tmp_path_factory.mktemp("chunked")
    with Instance.started(folder, "web") as product:
        yield product


def send(product: Instance, path: str, parts: Iterator[bytes], kind: str, **more: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", product.port, timeout=20)
    headers = {"Content-Type": kind, "Idempotency-Key": "chunked-body-0001", "Accept": "application/json"} | more
    connection.request("POST", path, body=parts, headers=headers, encode_chunked=True)
    answer = connection.getresponse()
    return answer, answer.read()


def test_chunked_json_is_read(product: Instance):
    body: dict[str, Any] = {"amount": "1", "currency": "HKD", "donor": {"name": "A", "emial": "a@example.org"}}
    text = json.dumps(body).encode()

    answer, content = send(product, "/api/v1/donations/", iter([text[:9], text[9:]]), "application/json")

    errors = {error["field"]: error["code"] for error in json.loads(content)["errors"]}
    assert answer.status == 400
    assert errors["donor.emial"] == "unknown_name"


def test_a_body_larger_than_any_endpoint_accepts_is_refused(product: Instance):
    answer, content = send(
        product, "/api/v1/donations/", (b"x" * 100_000 for _ in range(102)), "multipart/form-data; boundary=B"
    )

    assert (answer.status, json.loads(content)["code"]) == (413, "too_large")


def test_the_giving_form_is_read(product: Instance):
    makers = "from tests.makers import appeals, charity; charity.make_charity(); appeals.make_appeal()"
    product.manage("shell", "-v", "0", "-c", makers)
    page = product.get("/give/mali/")
    cookie = "; ".join(one.partition(";")[0] for one in page.headers.get_all("Set-Cookie", []))
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body.decode())
    assert token is not None
    entered = {"csrfmiddlewaretoken": token[1], "currency": "HKD", "amount": "500.50", "name": "Chan Tai Man"}
    form = urlencode(entered).encode()

    parts, kind = iter([form[:50], form[50:]]), "application/x-www-form-urlencoded"
    answer, content = send(product, "/give/mali/", parts, kind, Cookie=cookie, Accept="text/html")

    # The e-mail address is missing; what was entered is in the form again.
    assert answer.status == 422
    assert b"Chan Tai Man" in content
    assert b"500.50" in content
