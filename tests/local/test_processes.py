"""Real processes can be started, hurt, and are gone afterwards."""

from pathlib import Path

import psutil
import pytest

from tests.processes import Instance, alive, eventually

pytestmark = pytest.mark.processes


def test_an_instance_lives_and_leaves_nobody_behind(tmp_path: Path):
    with Instance.started(tmp_path, "web", "worker", "relay", "stripe") as product:
        pids = [running.process.pid for running in product.running.values() if running.process]
        answer = product.get("/health/")
        family = [child for pid in pids for child in psutil.Process(pid).children(recursive=True)]
        product["worker"].kill()

        assert answer.status in {200, 503}
        assert not product["worker"].running
        product["worker"].start()
        product.wait_for("worker")

    assert [pid for pid in pids if psutil.pid_exists(pid)] == []
    eventually(lambda: not any(alive(child) for child in family), what="their children to be gone")


def test_the_broker_comes_back_where_it_was(tmp_path: Path):
    with Instance.started(tmp_path, durable_broker=True) as product:
        product.broker.kill()
        gone = product.broker.valkey.answers()
        product.broker.start()

        assert not gone
        assert eventually(product.broker.valkey.answers)
