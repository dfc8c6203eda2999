"""Real processes can be started, killed and frozen, and are gone afterwards."""

import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from config.local import processes
from tests.processes import Instance, alive, eventually, port_answers

pytestmark = pytest.mark.processes


@pytest.mark.long
def test_an_instance_runs_and_leaves_no_process_behind(tmp_path: Path):
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


def test_the_broker_restarts_at_the_same_port(tmp_path: Path):
    with Instance.started(tmp_path, durable_broker=True) as product:
        product.broker.kill()
        gone = product.broker.valkey.answers()
        product.broker.start()

        assert not gone
        assert eventually(product.broker.valkey.answers)


def test_a_reserved_port_refuses_connections_until_its_program_listens():
    held = processes.HeldPort()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", held.number))
    silent = port_answers(held.number)

    (program,) = processes.listen(held.number)

    assert not silent
    assert port_answers(held.number)
    program.close()
    assert not port_answers(held.number)


def test_an_unrelated_process_with_a_reused_pid_is_not_signalled():
    ended = processes.start(["true"], env={}, output=subprocess.DEVNULL)
    ended.wait()
    stranger = processes.start(["sleep", "60"], env={"PATH": "/bin:/usr/bin"}, output=subprocess.DEVNULL)
    try:
        ended.pid = stranger.pid  # as the system may reuse it

        processes.signal_group(ended, signal.SIGKILL)

        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.3)
    finally:
        processes.stop(stranger)
