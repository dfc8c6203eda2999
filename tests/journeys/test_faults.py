"""Faults: whatever is killed, frozen or repeated, after one lease and one sweep each receipt and paper exists once.

Processes and signals are real. Tests share one product; each starts with all of it running.
"""

import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from tests.journeys.faults import Givers
from tests.processes import eventually

pytestmark = pytest.mark.processes
PRINTED = "NEW.kind = 'receipt' AND NEW.state = 'done'"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Givers]:
    """One product for all tests. After the last one, every invariant holds."""
    with Givers.started(tmp_path_factory.mktemp("faults")) as givers:
        yield givers

        printed = givers.product.manage("verify")
        assert "broken" not in printed, printed


@pytest.fixture
def givers(shared: Givers) -> Givers:
    shared.make_whole()
    return shared


@pytest.mark.long
def test_a_worker_killed_while_printing_loses_no_paper(givers: Givers):
    """kill -9 at the worst moments: half-way through a long paper, and with a receipt printed but not yet recorded."""
    half_way = "NEW.kind = 'labels' AND NEW.progress BETWEEN 50 AND 99"
    with givers.held_at("logistics_document", f"{PRINTED} OR {half_way}") as barrier:
        long_paper = givers.owe_long_paper()
        barrier.reached()
        gift = givers.give()
        gift.pay()
        barrier.reached(by=2)
        givers.product["worker"].kill()
    assert givers.document(long_paper) == ("leased", 1)
    givers.start("worker")

    assert givers.settled(gift) == 2
    eventually(lambda: givers.document(long_paper) == ("done", 2), within=120, what="the long paper to be printed")


@pytest.mark.long
def test_the_broker_is_stopped_during_a_payment(givers: Givers):
    gift = givers.give()
    givers.product.broker.kill()  # the workers are alive but get no messages: only the relay works now

    gift.pay()
    late = [givers.give() for _ in range(3)]

    givers.settled(gift)
    givers.product.broker.start()
    eventually(lambda: givers.consumers() > 0, what="the worker to come back to the broker by itself")
    late[0].pay()
    givers.settled(late[0])


@pytest.mark.long
def test_no_request_hangs_on_a_frozen_broker(givers: Givers):
    """Half-open: the broker accepts data and never responds. All requests are answered before it thaws."""
    _, events = givers.paid_unheard()
    givers.product.broker.freeze()
    try:
        with ThreadPoolExecutor(4) as pool:
            pages = [pool.submit(givers.product.get, path) for path in ("/health/", "/give/")]
            told = [pool.submit(givers.deliver, event) for event in events]
        gift = givers.give()
    finally:
        givers.product.broker.thaw()

    assert all(answer.result().status < 600 for answer in pages)
    assert [answer.result().status for answer in told] == [200] * len(events)
    for paid in givers.gifts[-2:]:
        if paid is gift:
            givers.place.control("switches", hold=False)
            gift.pay()
        givers.settled(paid)


def test_a_webhook_received_twenty_times_counts_once(givers: Givers):
    gift, events = givers.paid_unheard()
    copies = events * 20
    random.Random(20).shuffle(copies)

    with ThreadPoolExecutor(8) as pool:
        answers = [json_of(answer) for answer in pool.map(givers.deliver, copies)]

    assert sum(answer["is_new"] for answer in answers) == len(events)
    givers.settled(gift)
    eventually(lambda: givers.stored_events(events) == {event["id"]: 1 for event in events})
    givers.settled(gift)
    # Then Stripe's own deliveries, late.
    givers.place.control("release", order="reversed", times=2)
    givers.place.control("settle")
    givers.settled(gift)


def json_of(answer: Any) -> Any:
    assert answer.status == 200, answer.body
    return answer.json()


def test_no_gift_is_lost_with_relay_worker_and_the_brokers_messages(givers: Givers):
    gifts = [givers.give() for _ in range(3)]
    givers.product["relay"].kill()
    givers.product["worker"].kill()
    for gift in gifts:
        gift.pay()
    givers.place.control("settle")
    with redis.Redis.from_url(givers.product.broker.valkey.url) as broker:
        assert broker.llen("1-now") > 0
        broker.flushall()
    givers.product["relay"].start()
    givers.start("worker")

    for gift in gifts:
        givers.settled(gift)


@pytest.mark.long
def test_a_worker_is_replaced_while_printing(givers: Givers):
    """As in a deployment: on SIGTERM the worker finishes what it has begun."""
    with givers.held_at("logistics_document", PRINTED) as barrier:
        gift = givers.give()
        gift.pay()
        barrier.reached()
        worker = givers.product["worker"].process
        assert worker is not None
        worker.send_signal(signal.SIGTERM)
        barrier.open()
        assert worker.wait(120) == 0
    givers.start("worker")

    assert givers.settled(gift) == 1


@pytest.mark.long
def test_an_event_survives_the_web_killed_between_commit_and_enqueue(givers: Givers):
    """The event is committed, and the web process is killed while it waits for a broker that does not respond."""
    gift, events = givers.paid_unheard()
    success = next(event for event in events if event["type"] == "checkout.session.completed")
    givers.product["worker"].kill()
    givers.product["relay"].kill()
    givers.product.broker.freeze()
    heard = threading.Thread(target=lambda: refused(givers, success))
    heard.start()

    def is_stored() -> bool:
        return bool(givers.product.rows("SELECT 1 FROM donations_stripeevent WHERE stripe_id = %s", success["id"]))

    eventually(is_stored, what="the event to be committed")
    givers.product["web"].kill()
    heard.join()
    givers.product.broker.kill()  # with everything it had accepted but not read
    givers.product["relay"].start()

    givers.settled(gift)
    assert [name for name in ("web", "worker") if givers.product[name].running] == []


def refused(givers: Givers, event: dict[str, Any]) -> None:
    with pytest.raises(OSError, match=r"refused|reset|closed connection"):
        givers.deliver(event)
