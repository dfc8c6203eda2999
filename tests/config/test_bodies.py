"""Malformed bodies and cursors are client errors, not server errors."""

import json
from base64 import b64encode

import pytest

from logistics.roles import Role
from tests.clients import client_of, is_a_problem, once
from tests.makers.partners import make_partner
from tests.makers.people import make_user
from tests.makers.shipments import make_shipment

pytestmark = pytest.mark.django_db
UNREADABLE = {
    "half of a surrogate pair": r'{"code": "A", "name": "\ud800"}',
    "the other half": r'{"code": "A", "name": "\udc00\ud800"}',
    "half of a pair in a key": r'{"\ud83d": 1}',
    "half of a pair far inside": r'{"name": [{"x": ["\ud83d"]}]}',
    "NUL": r'{"code": "A\u0000", "name": "B"}',
    "NUL in a key": r'{"\u0000": "B"}',
    "NUL far inside": r'{"name": [{"x": ["\u0000"]}]}',
    "endless nesting": "[" * 100_000,
    "deep nesting": "[" * 60 + "]" * 60,
    "deep nesting of objects": '{"a":' * 900 + "1" + "}" * 900,
    "infinity": '{"name": 1e999}',
    "not a number": '{"name": NaN}',
    "a number of 5,000 digits": '{"name": ' + "1" * 5000 + "}",
}


@pytest.fixture
def coordinator():
    return client_of(make_user(Role.COORDINATOR))


class TestJSON:
    @pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
    def test_an_unreadable_body_is_refused(self, coordinator, body):
        answer = coordinator.post("/api/v1/partners/", body, content_type="application/json", headers=once())

        assert is_a_problem(answer, 400, "parse_error")

    @pytest.mark.parametrize("path", ["/api/v1/donations/", "/api/v1/shipments/", "/api/v1/items/"])
    def test_is_refused_by_every_endpoint(self, path):
        client = client_of(make_user(Role.COORDINATOR, Role.FINANCE))

        answer = client.post(path, UNREADABLE["NUL in a key"], content_type="application/json", headers=once())

        assert is_a_problem(answer, 400, "parse_error")

    def test_a_byte_order_mark_is_ignored(self, coordinator):
        body = b"\xef\xbb\xbf" + json.dumps({"name_en": "Beds", "name_fr": "Lits"}).encode()

        answer = coordinator.post("/api/v1/categories/", body, content_type="application/json", headers=once())

        assert (answer.status_code, answer.json()["name_en"]) == (201, "Beds")

    def test_a_surrogate_pair_is_one_character(self, coordinator):
        body = json.dumps({"email": "🎁", "code": ""})

        answer = coordinator.post("/api/v1/partners/", body, content_type="application/json", headers=once())

        assert r"\ud83c" in body
        assert is_a_problem(answer, 400, "invalid_input")  # read, and looked at field by field


class TestForms:
    def upload(self, body: str):
        return client_of(make_user(Role.WAREHOUSE)).post(
            f"/api/v1/shipments/{make_shipment().number}/imports/",
            body.replace("\n", "\r\n"),
            content_type="multipart/form-data; boundary=B",
            headers=once(),
        )

    @pytest.mark.parametrize(
        "part",
        [
            'Content-Disposition: form-data; name="dry_run"\n\ntr\0ue\n',
            'Content-Disposition: form-data; name="dry\0run"\n\ntrue\n',
        ],
    )
    def test_nul_is_refused(self, part):
        assert is_a_problem(self.upload(f"--B\n{part}--B--\n"), 400, "parse_error")


@pytest.mark.parametrize("position", ["\0", "A\0", "\ud800", "9" * 5000, "", 7, None, ["A"]])
@pytest.mark.parametrize("ordering", ["code", "id", "-name"])
def test_a_forged_cursor_is_a_client_error(coordinator, position, ordering):
    make_partner()
    names = [ordering] if ordering == "id" else [ordering, "-id"]
    cursor = b64encode(json.dumps([",".join(names), *(position for _ in names), 0]).encode()).decode()

    answer = coordinator.get("/api/v1/partners/", {"ordering": ordering, "cursor": cursor})

    assert answer.status_code in (200, 404)


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "W10", b64encode(b"[" * 50_000).decode(), b64encode(b"\xff").decode()]
)
def test_an_invalid_cursor_is_a_client_error(coordinator, cursor):
    answer = coordinator.get("/api/v1/partners/", {"cursor": cursor})

    assert is_a_problem(answer, 404, "not_found")
