"""After a payment: refunds, disputes, expiry, and balance transactions."""

from typing import Any

import pytest

from tests.stand_in.errors import StripeRefusal
from tests.stand_in_tests.caller import Caller


def paid(caller: Caller, card: str = "4242424242424242", **changes: str) -> Any:
    intent = caller.stand_in.control.pay(caller.open_session(**changes)["id"], card)
    assert intent["status"] == "succeeded"
    return intent


def refund(caller: Caller, intent: Any, amount: int | None = None) -> Any:
    params = {"payment_intent": intent["id"]} | ({} if amount is None else {"amount": str(amount)})
    return caller.api("POST", "/v1/refunds", params)


def charge(caller: Caller, intent: Any) -> Any:
    return caller.api("GET", f"/v1/charges/{intent['latest_charge']}").json


class TestRefunds:
    def test_three_partial_refunds_add_up_to_the_whole(self, caller: Caller) -> None:
        intent = paid(caller)
        states = [refund(caller, intent, amount).json["status"] for amount in (10000, 40000, 50)]
        after = charge(caller, intent)

        assert states == ["succeeded"] * 3
        assert (after["amount_refunded"], after["refunded"]) == (50050, True)

    def test_more_than_is_left_is_refused(self, caller: Caller) -> None:
        intent = paid(caller)
        refund(caller, intent, 50000)
        over, rest, nothing = refund(caller, intent, 51), refund(caller, intent), refund(caller, intent)

        assert (over.status, over.error["param"]) == (400, "amount")
        assert rest.json["amount"] == 50
        assert nothing.error["code"] == "charge_already_refunded"
        assert charge(caller, intent)["amount_refunded"] == 50050

    @pytest.mark.parametrize("amount", [0, -5])
    def test_zero_and_negative_amounts_are_refused(self, caller: Caller, amount: int) -> None:
        assert refund(caller, paid(caller), amount).status == 400

    def test_an_unpaid_payment_cannot_be_refunded(self, caller: Caller) -> None:
        intent = caller.stand_in.control.pay(caller.open_session()["id"], "4000000000000002")

        assert refund(caller, intent).status == 400

    def test_a_refund_may_fail_after_it_succeeded(self, caller: Caller) -> None:
        intent = paid(caller)
        made = refund(caller, intent, 50).json
        failed = caller.stand_in.control.fail_refund(made["id"])

        assert (made["status"], failed["status"]) == ("succeeded", "failed")
        assert charge(caller, intent)["amount_refunded"] == 0
        assert caller.events()[-5:] == [
            "refund.created",
            "charge.refunded",
            "refund.failed",
            "refund.updated",
            "charge.refund.updated",
        ]

    def test_some_cards_keep_a_refund_pending(self, caller: Caller) -> None:
        made = refund(caller, paid(caller, "4000000000007726")).json
        settled = caller.stand_in.control.settle_refund(made["id"])

        assert (made["status"], settled["status"]) == ("pending", "succeeded")


class TestDisputes:
    def test_a_lost_dispute_keeps_the_money_and_a_won_one_returns_it(self, caller: Caller) -> None:
        control = caller.stand_in.control
        lost = control.close_dispute(control.dispute(paid(caller)["id"])["id"])
        won = control.close_dispute(control.dispute(paid(caller)["id"])["id"], status="won")

        assert [row["net"] for row in lost["balance_transactions"]] == [-50050 - 8500]
        assert sum(row["net"] for row in won["balance_transactions"]) == 0

    def test_a_disputed_charge_cannot_be_refunded(self, caller: Caller) -> None:
        intent = paid(caller)
        caller.stand_in.control.dispute(intent["id"])

        assert refund(caller, intent).error["code"] == "charge_disputed"

    def test_an_inquiry_takes_no_money(self, caller: Caller) -> None:
        intent = paid(caller, "4000000000001976")
        dispute = caller.api("GET", "/v1/disputes", {"payment_intent": intent["id"]}).json["data"][0]

        assert (dispute["status"], dispute["balance_transactions"]) == ("warning_needs_response", [])
        assert charge(caller, intent)["disputed"] is False

    def test_a_closed_dispute_stays_closed(self, caller: Caller) -> None:
        control = caller.stand_in.control
        dispute = control.close_dispute(control.dispute(paid(caller)["id"])["id"])

        with pytest.raises(StripeRefusal):
            control.close_dispute(dispute["id"], status="won")


class TestExpiry:
    def test_sessions_expire_with_time(self, caller: Caller) -> None:
        session = caller.open_session()
        caller.stand_in.control.advance(24 * 3600 + 1)
        after = caller.api("GET", f"/v1/checkout/sessions/{session['id']}").json

        assert (after["status"], after["url"]) == ("expired", None)

    def test_a_session_can_be_expired_once(self, caller: Caller) -> None:
        path = f"/v1/checkout/sessions/{caller.open_session()['id']}/expire"

        assert [caller.api("POST", path).status for _ in range(2)] == [200, 400]

    def test_a_late_payment_still_succeeds(self, caller: Caller) -> None:
        session = caller.open_session()
        caller.stand_in.control.advance(25 * 3600)
        with pytest.raises(StripeRefusal):
            caller.stand_in.control.pay(session["id"])
        intent = caller.stand_in.control.pay(session["id"], late=True)

        assert intent["status"] == "succeeded"
        assert caller.events()[0] == "checkout.session.expired"
        assert caller.events()[-2] == "checkout.session.completed"


class TestBalanceTransactions:
    def test_the_fee_is_that_of_a_hong_kong_account(self, caller: Caller) -> None:
        booked = caller.api("GET", f"/v1/balance_transactions/{charge(caller, paid(caller))['balance_transaction']}")

        # 3.4 % of HK$500.50, half up, and HK$2.35
        assert (booked.json["amount"], booked.json["fee"], booked.json["net"]) == (50050, 1937, 48113)

    def test_other_currencies_are_converted(self, caller: Caller) -> None:
        francs = {"line_items[0][price_data][currency]": "xof", "line_items[0][price_data][unit_amount]": "65500"}
        intent = paid(caller, **francs)
        booked = caller.api("GET", f"/v1/balance_transactions/{charge(caller, intent)['balance_transaction']}").json

        assert intent["amount_received"] == 65500
        assert (booked["currency"], booked["exchange_rate"], booked["amount"]) == ("hkd", 0.0135, 88425)
