"""Webhooks are signed, retried until accepted, and misbehave as configured."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.stand_in import StandIn
from tests.stand_in.receiver import Receiver
from tests.stand_in_tests.caller import Caller

SECRET = "whsec_of_this_test"
PAYMENT = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
    "charge.updated",
]


@pytest.fixture
def caller(receiver: Receiver) -> Iterator[Caller]:
    """A client of a stand-in that delivers to the receiver."""
    with StandIn(webhook_url=receiver.url, webhook_secret=SECRET) as running:
        yield Caller(running)


def pay_and_settle(caller: Caller) -> None:
    caller.stand_in.control.pay(caller.open_session()["id"])
    assert caller.stand_in.webhooks.settle()


def kinds(receiver: Receiver) -> list[str]:
    return [json.loads(one.body)["type"] for one in receiver.received]


def test_stripes_own_library_accepts_the_signature(caller: Caller, receiver: Receiver) -> None:
    pay_and_settle(caller)

    for one in receiver.received:
        event = stripe.Webhook.construct_event(one.body, one.signature, SECRET)
        assert (event.api_version, event.livemode, event.object) == ("2026-08-26.dahlia", False, "event")
    assert kinds(receiver) == PAYMENT
    assert receiver.received[0].headers["content-type"] == "application/json; charset=utf-8"


def test_two_secrets_make_two_signatures(receiver: Receiver) -> None:
    with StandIn(webhook_url=receiver.url, webhook_secret=["whsec_old", "whsec_new"]) as running:
        pay_and_settle(Caller(running))

    one = receiver.received[0]
    for secret in ("whsec_old", "whsec_new"):
        assert stripe.WebhookSignature.verify_header(one.body, one.signature, secret, tolerance=300)


def test_a_rejected_delivery_is_retried_with_a_new_signature(caller: Caller, receiver: Receiver) -> None:
    receiver.answers.extend([500, 302])
    pay_and_settle(caller)
    first = caller.stand_in.control.deliveries()[0]

    assert Counter(kinds(receiver)) == Counter([*PAYMENT, PAYMENT[0], PAYMENT[1]])
    assert (first["status"], first["answers"]) == ("taken", [500, 200])
    assert caller.stand_in.world.store.get("event", first["event"])["pending_webhooks"] == 0


def test_deliveries_can_be_doubled_and_reversed(caller: Caller, receiver: Receiver) -> None:
    caller.stand_in.control.switch(times=2, order="reversed")
    pay_and_settle(caller)

    assert kinds(receiver) == [kind for kind in PAYMENT[::-1] for _ in range(2)]


def test_the_same_seed_gives_the_same_shuffle(caller: Caller, receiver: Receiver) -> None:
    for _ in range(2):
        caller.stand_in.control.switch(order="shuffled", seed=7)
        pay_and_settle(caller)

    assert kinds(receiver)[:5] == kinds(receiver)[5:]
    assert sorted(kinds(receiver)[:5]) == sorted(PAYMENT)


def test_dropped_deliveries_are_not_sent_but_listed(caller: Caller, receiver: Receiver) -> None:
    caller.stand_in.control.switch(drop=1.0)
    pay_and_settle(caller)

    assert receiver.received == []
    assert [row["type"] for row in caller.api("GET", "/v1/events").json["data"]] == PAYMENT[::-1]


def test_held_deliveries_wait_to_be_released(caller: Caller, receiver: Receiver) -> None:
    caller.stand_in.control.switch(hold=True)
    pay_and_settle(caller)
    before = list(receiver.received)
    released = caller.stand_in.control.release(kinds=("checkout.session.completed",), times=20)
    caller.stand_in.webhooks.settle()

    assert before == []
    assert released == {"released": 20}
    assert kinds(receiver) == ["checkout.session.completed"] * 20


def test_twenty_copies_are_sent_by_eight_threads(caller: Caller, receiver: Receiver) -> None:
    caller.stand_in.control.switch(hold=True, parallel=8)
    pay_and_settle(caller)
    receiver.gather(4)  # impossible with a single thread
    caller.stand_in.control.release(times=20)
    caller.stand_in.webhooks.settle()

    assert Counter(kinds(receiver)) == dict.fromkeys(PAYMENT, 20)


def test_a_past_event_can_be_sent_again(caller: Caller, receiver: Receiver) -> None:
    pay_and_settle(caller)
    event = caller.api("GET", "/v1/events").json["data"][0]
    caller.stand_in.control.send(event["id"], times=3)
    caller.stand_in.webhooks.settle()

    assert kinds(receiver) == PAYMENT + [event["type"]] * 3


def test_signatures_can_be_wrong_missing_or_of_another_time(caller: Caller, receiver: Receiver) -> None:
    caller.stand_in.control.switch(signature="wrong")
    pay_and_settle(caller)
    caller.stand_in.control.switch(signature="missing")
    pay_and_settle(caller)
    caller.stand_in.control.switch(signature="", skew_s=3600)
    pay_and_settle(caller)
    wrong, missing, late = receiver.received[0], receiver.received[5], receiver.received[10]

    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(wrong.body, wrong.signature, SECRET, tolerance=300)
    assert missing.signature is None
    assert late.signature is not None
    assert int(late.signature[2:].split(",")[0]) > time.time() + 3500


def test_unaccepted_deliveries_survive_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with StandIn(webhook_url=receiver.url, webhook_secret=SECRET, state=state) as first:
        first.control.switch(hold=True)
        pay_and_settle(Caller(first))
    with StandIn(webhook_url=receiver.url, webhook_secret=SECRET, state=state) as second:
        second.control.release()
        second.webhooks.settle()

    assert kinds(receiver) == PAYMENT


def test_deliveries_can_be_controlled_over_http(caller: Caller, receiver: Receiver) -> None:
    json_type = {"Content-Type": "application/json"}
    session = caller.open_session()
    paid = caller.send("POST", "/_control/pay", json.dumps({"session": session["id"]}), json_type)
    settled = caller.send("POST", "/_control/settle", '{"timeout_s": 10}', json_type)
    shown = caller.send("GET", "/_control/").json
    heard = caller.send("GET", "/_control/requests").json
    misspelt = caller.send("POST", "/_control/pay", '{"sesion": "x"}', json_type)

    assert (paid.status, settled.json) == (200, {"settled": True})
    assert (shown["counts"]["event"], shown["undelivered"]) == (5, 0)
    assert heard[0]["params"]["client_reference_id"] == "D-1"
    assert misspelt.status == 400
