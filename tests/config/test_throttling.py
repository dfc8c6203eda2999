"""Limits on requests: each is counted by one call to the cache."""

from types import SimpleNamespace
from typing import Any

import pytest
import redis
from django.test import RequestFactory

from config import throttling
from config.throttling import CallerThrottle
from tests.services import services
from tests.threads import in_threads


def broker() -> Any:
    return redis.Redis.from_url(services().valkey.url)


VIEW = SimpleNamespace(throttle_scope="give")


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=1_000_000.0)
    monkeypatch.setattr(throttling.time, "time", lambda: now.s)
    return now


@pytest.fixture(autouse=True)
def _rates(monkeypatch):
    rates = {"anonymous": "3/min", "caller": "4/min", "give": "2/hour"}
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", rates)


def asked(address: str = "192.0.2.7", *, user: Any = None):
    request: Any = RequestFactory().get("/", REMOTE_ADDR=address)
    request.user = user
    return request


def ask(view: Any = None, **of: Any) -> float | None:
    """Return the seconds to wait, or None if the request passes."""
    throttle = CallerThrottle()
    passes = throttle.allow_request(asked(**of), view)
    assert passes == (throttle.wait() is None)
    return throttle.wait()


def test_a_request_waits_until_the_oldest_is_old_enough(clock):
    assert ask() is None
    clock.s += 10
    assert [ask(), ask()] == [None, None]

    assert ask() == pytest.approx(50)
    clock.s += 49.9
    assert ask() == pytest.approx(0.1)
    clock.s += 0.1
    assert ask() is None
    assert ask() == pytest.approx(10)


def test_a_refused_request_is_not_counted(clock):
    for _ in range(10):
        ask()
    clock.s += 60

    assert [ask(), ask(), ask()] == [None, None, None]


def test_both_limits_hold_and_the_longer_wait_is_told(clock):
    assert [ask(VIEW), ask(VIEW)] == [None, None]

    assert ask(VIEW) == pytest.approx(3600)  # the third of a minute, and one too many of the hour
    assert ask(VIEW) == pytest.approx(3600)
    assert ask() == pytest.approx(60)  # counted, although the other limit refused it
    clock.s += 60
    assert ask() is None
    assert ask(VIEW) == pytest.approx(3540)


def test_callers_are_counted_apart(clock):
    user = SimpleNamespace(pk=1, is_authenticated=True)
    for _ in range(3):
        assert ask() is None

    assert ask() is not None
    assert ask(address="192.0.2.8") is None
    assert [ask(user=user) for _ in range(4)] == [None] * 4
    assert ask(user=user) is not None


def test_the_cache_holds_no_address_and_forgets(clock):
    ask(VIEW)

    keys = broker().keys()
    assert len(keys) == 2
    assert not any(b"192.0.2.7" in key for key in keys)
    assert sorted(broker().ttl(key) for key in keys) == [60, 3600]


def test_one_request_is_one_call():
    ask(VIEW)
    before = broker().info("commandstats")["cmdstat_evalsha"]["calls"]
    ask(VIEW)

    assert broker().info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1


def test_a_cache_that_forgot_the_script_gets_it_again():
    ask()
    broker().script_flush()

    assert ask() is None


def test_threads_that_ask_at_once_do_not_pass_together():
    found = in_threads(lambda _: ask(), times=8)

    assert [one is None for one in found].count(True) == 3


def test_requests_pass_while_the_cache_is_down(monkeypatch):
    dead = redis.Redis.from_url("redis://127.0.0.1:9/0", socket_connect_timeout=1)
    monkeypatch.setattr(throttling, "_script", lambda: dead.register_script(throttling.COUNT))

    assert [ask() for _ in range(5)] == [None] * 5
