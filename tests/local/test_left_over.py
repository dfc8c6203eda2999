"""Processes left by a killed supervisor are ended, and no others."""

import json
import subprocess
from pathlib import Path

import psutil
import pytest

from config.local import left_over, processes
from tests.processes import alive, eventually

pytestmark = pytest.mark.processes
STUBBORN = "trap '' TERM; sleep 300 & echo ready; while :; do wait; done"


@pytest.fixture
def stubborn(tmp_path: Path):
    """A program that ignores SIGTERM, with a child process."""
    said = tmp_path / "said"
    with said.open("wb") as output:
        program = processes.start(["sh", "-c", STUBBORN], env={"PATH": "/bin:/usr/bin"}, output=output)
    eventually(lambda: "ready" in said.read_text(), what="the program to ignore signals")
    yield psutil.Process(program.pid)
    processes.stop(program, within=0)


def test_a_program_that_ignores_the_signal_is_killed_with_its_children(
    stubborn: psutil.Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(left_over, "GRACE_SECONDS", 0.2)
    family = [stubborn, *stubborn.children()]
    left_over.note(tmp_path / "noted", [stubborn.pid])

    assert len(family) == 2
    assert left_over.end(tmp_path / "noted") == 1
    eventually(lambda: not any(alive(one) for one in family), what="all of them to end")


def test_an_unrelated_process_with_a_reused_pid_is_left_alone(stubborn: psutil.Process, tmp_path: Path):
    (tmp_path / "noted").write_text(json.dumps({str(stubborn.pid): stubborn.create_time() - 60}))

    assert left_over.end(tmp_path / "noted") == 0
    assert alive(stubborn)


def test_without_recorded_processes_nothing_is_ended(tmp_path: Path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / "noted").write_text(json.dumps({str(ended.pid): 1.0}))

    assert left_over.end(tmp_path / "noted") == 0
    assert left_over.end(tmp_path / "missing") == 0
