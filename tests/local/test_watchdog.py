"""A worker that is alive but consumes nothing is detected; a broker outage is not blamed on it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.local import programs, watchdog
from config.local.watchdog import Watchdog
from config.worker_alive import answers, client, worker_of
from tests.processes import Instance, Running, eventually

pytestmark = pytest.mark.processes


@pytest.mark.long
def test_a_frozen_worker_is_detected_but_a_dead_broker_is_not_its_fault(tmp_path: Path):
    with Instance.started(tmp_path, "worker") as product:
        app = client(product.broker.valkey.url, within=30.0)

        assert eventually(lambda: answers(app, None, within=1.0))

        product["worker"].freeze()
        assert answers(app, None, within=0.5) is False

        product["worker"].thaw()
        assert eventually(lambda: answers(app, None, within=1.0))

        product.broker.stop()
        assert answers(app, None, within=0.5) is None


def test_a_worker_is_reported_after_three_pings_without_response(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watchdog, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(watchdog, "ANSWER_SECONDS", 1.0)
    with Instance.started(tmp_path) as product:
        dog = Watchdog(product.broker.valkey.url)

        assert [dog.finds_it_silent(running_for=60) for _ in range(3)] == [False, False, True]
        assert not dog.finds_it_silent(running_for=1)  # it has just been started: that takes time
        assert not dog.finds_it_silent(running_for=60)


@pytest.mark.long
def test_the_health_check_ends_only_its_own_worker_after_three_failed_pings(tmp_path: Path):
    pidfile = tmp_path / "worker.pid"
    name = f"worker@{socket.gethostname()}"
    program = programs.worker()
    program.command.append(f"--pidfile={pidfile}")
    with Instance.started(tmp_path) as product, subprocess.Popen(["sleep", "300"]) as bystander:
        worker = product.running["worker"] = Running(program, product.env, tmp_path / "worker.log").start()
        product.wait_for("worker")

        def check() -> int:
            command = [sys.executable, "-m", "config.worker_alive", name, str(pidfile)]
            return subprocess.run(command, env=product.env, cwd=programs.ROOT, check=False).returncode

        healthy = check()
        worker.freeze()
        silent = check()
        survived = worker.running
        (tmp_path / "worker.misses").write_text("2")  # as if it had been pinged once more
        ended = check()

        assert (healthy, silent, ended) == (0, 1, 1)
        assert survived
        assert worker.mine().wait(10) == -9
        assert bystander.poll() is None
        bystander.kill()
        worker.kill()  # its pool, which has no container that would end with it


@pytest.mark.parametrize("number", ["0", "-1", "1", "ours"])
def test_a_pid_that_is_not_the_workers_is_not_ended(tmp_path: Path, number: str):
    pidfile = tmp_path / "worker.pid"
    pidfile.write_text(f"{os.getpid() if number == 'ours' else number}\n")

    assert worker_of(pidfile) is None
