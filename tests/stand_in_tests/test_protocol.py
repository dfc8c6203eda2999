"""The stand-in speaks Stripe's protocol: keys, versions, forms, errors, idempotency, lists, expansions."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stand_in import StandIn
from tests.stand_in_tests.caller import GIFT, Caller

SESSIONS = "/v1/checkout/sessions"


class TestKeys:
    def test_without_a_key_it_answers_401(self, caller: Caller) -> None:
        reply = caller.send("GET", "/v1/refunds")

        assert reply.status == 401
        assert reply.error["type"] == "invalid_request_error"

    @pytest.mark.parametrize("key", ["sk_test_other", "sk_live_stand_in", "pk_test_stand_in", "nonsense"])
    def test_a_wrong_key_is_refused_and_not_echoed(self, caller: Caller, key: str) -> None:
        reply = caller.api("GET", "/v1/refunds", Authorization=f"Bearer {key}")

        assert reply.status == 401
        assert reply.error["code"] == "api_key_invalid"
        assert key not in reply.text

    def test_the_key_may_be_a_user_name(self, caller: Caller) -> None:
        assert caller.basic("/v1/refunds").status == 200

    def test_another_version_is_refused(self, caller: Caller) -> None:
        reply = caller.api("GET", "/v1/refunds", Stripe_Version="2019-02-19")

        assert reply.status == 400
        assert "2026-08-26.dahlia" in reply.error["message"]

    def test_every_response_has_a_request_id(self, caller: Caller) -> None:
        ids = [caller.api("GET", path).headers["Request-Id"] for path in ("/v1/refunds", "/v1/refunds/re_no")]

        assert len(set(ids)) == 2
        assert all(one.startswith("req_") for one in ids)


class TestParameters:
    @pytest.mark.parametrize(
        ("changes", "param", "code"),
        [
            ({"colour": "red"}, "colour", "parameter_unknown"),
            ({"line_items[0][price_data][tip]": "1"}, "line_items[0][price_data][tip]", "parameter_unknown"),
            ({"line_items[0][quantity]": "one"}, "line_items[0][quantity]", "parameter_invalid_integer"),
            ({"line_items[0][quantity]": "1.5"}, "line_items[0][quantity]", "parameter_invalid_integer"),
            ({"mode": "gift"}, "mode", None),
            ({"mode": "subscription"}, "mode", None),
            ({"adaptive_pricing[enabled]": "yes"}, "adaptive_pricing[enabled]", None),
            ({"metadata": "D-1"}, "metadata", None),
            ({"customer_email": "not an address"}, "customer_email", "email_invalid"),
            ({"success_url": "charity.test/thanks"}, "success_url", "url_invalid"),
            ({"expires_at": "1"}, "expires_at", None),
            ({"line_items[0][price_data][currency]": "xyz"}, "line_items[0][price_data][currency]", None),
        ],
    )
    def test_an_invalid_parameter_is_named(
        self, caller: Caller, changes: dict[str, str], param: str, code: str | None
    ) -> None:
        without = {
            name: value for name, value in GIFT.items() if not name.startswith(tuple(f"{key}[" for key in changes))
        }
        reply = caller.api("POST", SESSIONS, without | changes)

        assert reply.status == 400
        assert reply.error["type"] == "invalid_request_error"
        assert reply.error["param"] == param
        assert reply.error.get("code") == code

    @pytest.mark.parametrize("name", ["success_url", "line_items[0][price_data][currency]"])
    def test_a_missing_parameter_is_named(self, caller: Caller, name: str) -> None:
        reply = caller.api("POST", SESSIONS, {key: value for key, value in GIFT.items() if key != name})

        assert (reply.status, reply.error["code"], reply.error["param"]) == (400, "parameter_missing", name)

    def test_an_unknown_query_parameter_is_refused(self, caller: Caller) -> None:
        reply = caller.api("GET", SESSIONS, {"colour": "red"})

        assert (reply.status, reply.error["param"]) == (400, "colour")

    def test_brackets_that_contradict_each_other_are_refused(self, caller: Caller) -> None:
        reply = caller.send(
            "POST", SESSIONS, "metadata=a&metadata[b]=c", {"Authorization": f"Bearer {caller.stand_in.api_key}"}
        )

        assert reply.status == 400

    @pytest.mark.parametrize(
        ("currency", "amount", "code"),
        [
            ("hkd", 399, "amount_too_small"),
            ("hkd", 100_000_000, "amount_too_large"),
            ("kwd", 5124, "amount_invalid"),
            ("isk", 550, "invalid_charge_amount_no_decimal_compatible"),
        ],
    )
    def test_an_amount_that_cannot_be_charged_is_refused(
        self, caller: Caller, currency: str, amount: int, code: str
    ) -> None:
        price = {"line_items[0][price_data][currency]": currency, "line_items[0][price_data][unit_amount]": str(amount)}
        reply = caller.api("POST", SESSIONS, GIFT | price)

        assert (reply.status, reply.error["code"]) == (400, code)

    def test_operations_unknown_to_stripe_are_404_and_unsupported_ones_501(self, caller: Caller) -> None:
        assert caller.api("GET", "/v1/nothing").status == 404
        assert caller.api("GET", "/v1/payouts").status == 501
        assert caller.api("GET", "/v1/refunds/re_no").error["code"] == "resource_missing"


class TestIdempotency:
    def test_the_same_key_gives_the_same_response(self, caller: Caller) -> None:
        first = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")
        caller.stand_in.control.pay(first.json["id"])
        second = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")

        assert second.text == first.text
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert second.headers["Original-Request"] == first.headers["Request-Id"]
        assert len(caller.api("GET", SESSIONS).json["data"]) == 1

    def test_another_body_is_refused(self, caller: Caller) -> None:
        caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")
        reply = caller.api("POST", SESSIONS, GIFT | {"client_reference_id": "D-2"}, Idempotency_Key="k1")

        assert (reply.status, reply.error["type"]) == (400, "idempotency_error")

    def test_a_refused_parameter_does_not_use_up_the_key(self, caller: Caller) -> None:
        caller.api("POST", SESSIONS, GIFT | {"colour": "red"}, Idempotency_Key="k1")
        reply = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")

        assert reply.status == 200

    def test_a_key_expires_after_a_day(self, caller: Caller) -> None:
        first = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")
        caller.stand_in.control.advance(25 * 3600)
        second = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")

        assert second.json["id"] != first.json["id"]

    def test_eight_concurrent_requests_open_one_session(self, caller: Caller) -> None:
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda _: caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1"), range(8)))

        assert len({reply.json["id"] for reply in replies}) == 1


class TestLists:
    def test_pages_hold_every_row_once(self, caller: Caller) -> None:
        opened = [caller.open_session()["id"] for _ in range(7)]
        seen: list[str] = []
        params = {"limit": "3"}
        while True:
            page = caller.api("GET", SESSIONS, params).json
            seen += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                break
            params["starting_after"] = seen[-1]

        assert seen == opened[::-1]

    def test_a_filter_returns_only_matching_rows(self, caller: Caller) -> None:
        sessions = [caller.open_session() for _ in range(2)]
        intent = caller.stand_in.control.pay(sessions[0]["id"])
        found = caller.api("GET", SESSIONS, {"payment_intent": intent["id"]}).json["data"]
        later = caller.api("GET", SESSIONS, {"created[gt]": str(caller.stand_in.world.store.now() + 10)}).json["data"]
        kinds = caller.api("GET", "/v1/events", {"types[0]": "charge.succeeded", "types[1]": "charge.updated"}).json

        assert [row["id"] for row in found] == [sessions[0]["id"]]
        assert later == []
        assert [row["type"] for row in kinds["data"]] == ["charge.updated", "charge.succeeded"]


class TestExpansion:
    def test_nested_fields_can_be_expanded(self, caller: Caller) -> None:
        intent: Any = caller.stand_in.control.pay(caller.open_session()["id"])
        params = {"expand[]": "latest_charge.balance_transaction"}
        reply = caller.api("GET", f"/v1/payment_intents/{intent['id']}", params).json

        assert reply["latest_charge"]["balance_transaction"]["fee"] == 1702 + 235

    def test_lists_can_be_expanded_and_only_expandable_fields(self, caller: Caller) -> None:
        caller.stand_in.control.pay(caller.open_session()["id"])
        rows = caller.api("GET", SESSIONS, {"expand[0]": "data.payment_intent", "expand[1]": "data.line_items"}).json
        refused = caller.api("GET", SESSIONS, {"expand[]": "data.currency"})

        assert rows["data"][0]["payment_intent"]["object"] == "payment_intent"
        assert rows["data"][0]["line_items"]["data"][0]["amount_total"] == 50050
        assert refused.status == 400


class TestFaults:
    @pytest.mark.parametrize(("fault", "when", "opened"), [("500", "before", 0), ("500", "after", 1)])
    def test_a_request_repeated_after_a_500_has_one_effect(
        self, caller: Caller, fault: str, when: str, opened: int
    ) -> None:
        caller.stand_in.control.switch(fault=fault, fault_when=when, faults=1)
        reply = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")
        made = len(caller.api("GET", SESSIONS).json["data"])
        again = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")

        assert (reply.status, reply.error["type"]) == (500, "api_error")
        assert made == opened
        assert again.status == 200
        assert len(caller.api("GET", SESSIONS).json["data"]) == 1

    def test_an_unknown_switch_is_refused(self, caller: Caller) -> None:
        reply = caller.send("POST", "/_control/switches", '{"colour": 1}', {"Content-Type": "application/json"})

        assert reply.status == 400
        assert "There is no switch colour" in reply.error["message"]

    def test_control_accepts_only_json(self, caller: Caller) -> None:
        assert caller.send("POST", "/_control/reset", "{}", {"Content-Type": "text/plain"}).status == 415


def test_its_state_survives_a_restart(tmp_path: Any) -> None:
    state = tmp_path / "state.json"
    with StandIn(state=state) as first:
        caller = Caller(first)
        session = caller.open_session()
        intent = first.control.pay(session["id"])
        caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")
        first.control.advance(600)
    with state.open("a") as out:
        out.write('["checkout.session", "cs_torn", {"id')  # killed while writing
    with StandIn(state=state) as second:
        caller = Caller(second)
        again = caller.api("GET", f"{SESSIONS}/{session['id']}").json
        replay = caller.api("POST", SESSIONS, GIFT, Idempotency_Key="k1")

        assert (again["status"], again["payment_intent"]) == ("complete", intent["id"])
        assert replay.headers["Idempotent-Replayed"] == "true"
        assert "4242424242424242" not in state.read_text()
