"""Every response and event of the stand-in matches Stripe's OpenAPI description."""

import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.stand_in.api import HANDLERS
from tests.stand_in.description import VERSION, document, find
from tests.stand_in.schemas import as_json_schema, components
from tests.stand_in_tests.caller import GIFT, Caller

# The page pays with these; together they reach every state that the stand-in knows.
CARDS = ["4242424242424242", "4000000000000002", "4000000000009995", "4000000000000259", "4000000000001976"]


def check(value: Any, schema: Any) -> None:
    """Fail with the path and reason of each difference."""
    root = {**as_json_schema(copy.deepcopy(schema)), "components": {"schemas": components()}}
    found = [f"{error.json_path}: {error.message[:200]}" for error in Draft202012Validator(root).iter_errors(value)]
    assert found == []


def check_answer(caller: Caller, method: str, path: str, params: dict[str, str] | None = None) -> Any:
    reply = caller.api(method, path, params)
    assert reply.status == 200, reply.text
    check(reply.json, find(method.lower(), path).answer)
    return reply.json


def test_the_description_is_of_our_api_version() -> None:
    assert document()["info"]["version"] == VERSION


def test_the_stand_in_has_only_operations_of_stripe() -> None:
    assert all(method in document()["paths"][path] for method, path in HANDLERS)


def test_a_wrong_response_is_detected() -> None:
    with pytest.raises(AssertionError, match="amount"):
        check({"object": "refund", "amount": "1"}, {"$ref": "#/components/schemas/refund"})
    with pytest.raises(AssertionError, match="colour"):
        check({"colour": "red"}, {"$ref": "#/components/schemas/address"})


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("currency", ["hkd", "xof"])
def test_responses_about_a_payment_match(caller: Caller, card: str, currency: str) -> None:
    session = check_answer(
        caller, "POST", "/v1/checkout/sessions", GIFT | {"line_items[0][price_data][currency]": currency}
    )
    caller.submit(session, card)
    intent_id = check_answer(caller, "GET", f"/v1/checkout/sessions/{session['id']}")["payment_intent"]
    intent = check_answer(caller, "GET", f"/v1/payment_intents/{intent_id}")
    expanded = {"expand[0]": "latest_charge.balance_transaction", "expand[1]": "payment_method"}
    check_answer(caller, "GET", f"/v1/payment_intents/{intent_id}", expanded)
    check_answer(caller, "GET", f"/v1/charges/{intent['latest_charge']}", {"expand[]": "refunds"})
    check_answer(caller, "GET", f"/v1/checkout/sessions/{session['id']}/line_items")
    check_answer(caller, "GET", f"/v1/checkout/sessions/{session['id']}", {"expand[]": "line_items"})
    for path in ("checkout/sessions", "payment_intents", "charges", "balance_transactions", "disputes", "events"):
        check_answer(caller, "GET", f"/v1/{path}", {"limit": "100"})


def test_responses_about_fraud_warnings_match(caller: Caller) -> None:
    control = caller.stand_in.control
    intent = control.pay(caller.open_session()["id"], "4000000000005423")["id"]
    [warning] = check_answer(caller, "GET", "/v1/radar/early_fraud_warnings", {"payment_intent": intent})["data"]
    assert warning["actionable"] is True
    check_answer(caller, "POST", "/v1/refunds", {"payment_intent": intent})
    path = f"/v1/radar/early_fraud_warnings/{warning['id']}"
    ended = check_answer(caller, "GET", path, {"expand[]": "charge"})
    assert ended["actionable"] is False
    told = [event["type"] for event in caller.stand_in.world.store.newest_first("event")]
    assert {"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"} <= set(told)


def test_responses_about_refunds_and_disputes_match(caller: Caller) -> None:
    control = caller.stand_in.control
    intents = [control.pay(caller.open_session()["id"])["id"] for _ in range(3)]
    refund = check_answer(caller, "POST", "/v1/refunds", {"payment_intent": intents[0], "amount": "50"})
    control.fail_refund(refund["id"])
    check_answer(caller, "GET", f"/v1/refunds/{refund['id']}", {"expand[]": "charge"})
    won, lost = control.dispute(intents[1]), control.dispute(intents[2], amount=100)
    control.submit_evidence(won["id"])
    control.close_dispute(won["id"], status="won")
    check_answer(caller, "GET", f"/v1/disputes/{won['id']}")
    check_answer(caller, "POST", f"/v1/disputes/{lost['id']}/close")
    expired = check_answer(caller, "POST", f"/v1/checkout/sessions/{caller.open_session()['id']}/expire")
    check_answer(caller, "GET", f"/v1/checkout/sessions/{expired['id']}")
    customer = check_answer(caller, "POST", "/v1/customers", {"email": "ada@example.org", "name": "Ada"})
    check_answer(caller, "GET", f"/v1/customers/{customer['id']}")
    check_answer(caller, "POST", f"/v1/payment_intents/{intents[0]}", {"metadata[donation]": "D-9"})
    rows = check_answer(caller, "GET", "/v1/events", {"limit": "100"})["data"]
    for event in rows:
        about = event["data"]["object"]
        check(about, {"$ref": f"#/components/schemas/{about['object']}"})


def test_error_responses_match_stripes_schema(caller: Caller) -> None:
    error = {"$ref": "#/components/schemas/error"}
    for method, path, params in [
        ("GET", "/v1/refunds/re_no", {}),
        ("GET", "/v1/nothing", {}),
        ("POST", "/v1/checkout/sessions", {"mode": "gift"}),
        ("POST", "/v1/refunds", {}),
    ]:
        reply = caller.api(method, path, params)
        assert reply.status in (400, 404)
        check(reply.json, error)
