"""A worker that lives but consumes nothing is found out; a broker that is down is not blamed on it."""

from pathlib import Path

import pytest

from config.local import watchdog
from config.local.watchdog import Watchdog
from config.worker_alive import answers, client
from tests.processes import Instance, eventually

pytestmark = pytest.mark.processes


def test_a_frozen_worker_is_silent_and_a_dead_broker_is_no_fault_of_its(tmp_path: Path):
    with Instance.started(tmp_path, "worker") as product:
        app = client(product.broker.valkey.url, within=30.0)

        assert eventually(lambda: answers(app, None, within=1.0))

        product["worker"].freeze()
        assert answers(app, None, within=0.5) is False

        product["worker"].thaw()
        assert eventually(lambda: answers(app, None, within=1.0))

        product.broker.stop()
        assert answers(app, None, within=0.5) is None


def test_silence_is_reported_after_three_pings_without_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watchdog, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(watchdog, "ANSWER_SECONDS", 1.0)
    with Instance.started(tmp_path) as product:
        dog = Watchdog(product.broker.valkey.url)

        assert [dog.finds_it_silent(running_for=60) for _ in range(3)] == [False, False, True]
        assert not dog.finds_it_silent(running_for=1)  # it has just been started: that takes time
        assert not dog.finds_it_silent(running_for=60)
