"""`make run`: it starts, recovers, stops, keeps its data, and leaves no process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from config.local import processes
from config.local.environment import read_env
from config.local.programs import ROOT
from tests.processes import alive, command_of, eventually
from tests.services import services

pytestmark = pytest.mark.processes

PARTS = {"postgres", "valkey", "stripe", "web", "worker", "worker-now", "beat", "relay"}


@dataclass
class Run:
    """One `make run` with its own data folder."""

    var: Path
    process: subprocess.Popen[bytes]
    screen: Path

    def says(self, text: str) -> bool:
        return text in self.screen.read_text()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def part(self, word: str) -> psutil.Process | None:
        """Return the main process of one part, by a word of its command; None if it is not running."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if any(word in argument for argument in command_of(child))), None)

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        sockets = self.var / "postgres"
        return psycopg.connect(f"host={sockets} user=postgres dbname=relief", autocommit=True)


@contextmanager
def running(var: Path) -> Iterator[Run]:
    """Start it as from a bare shell, and wait until it reports that it is running."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    held = processes.HeldPort()
    screen = var.parent / "screen"
    with screen.open("wb") as output:
        process = processes.start(
            [sys.executable, "-m", "config.local.run"],
            env={**env, "VAR_DIR": str(var), "PORT": str(held.number), "DEMO": "false"},
            output=output,
            death_signal=signal.SIGINT,
            cwd=ROOT,
        )
    run = Run(var, process, screen)
    try:
        eventually(
            lambda: run.says("The product is running") or process.poll() is not None, within=600, what="make run"
        )
        assert process.poll() is None, screen.read_text()
        yield run
    finally:
        if process.poll() is None:
            processes.stop(process, within=40)


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_it_starts_recovers_and_stops(var: Path):
    with running(var) as run:
        family = run.family()
        worker = run.part("celery")
        assert worker
        worker.kill()
        eventually(lambda: run.says("worker: ended by itself"), what="the worker's death to be noticed")
        eventually(lambda: run.part("celery") not in (None, worker), what="another worker")
        family += run.family()
        run.process.send_signal(signal.SIGINT)

        assert run.process.wait(120) == 0
        assert [one for one in family if alive(one)] == []
        assert {path.stem for path in (var / "log").glob("*.log")} >= PARTS
        assert not (var / "run" / "environment").exists()


@pytest.mark.long
def test_it_restarts_with_its_data_and_killed_it_leaves_no_process(var: Path):
    with running(var) as run, run.database() as connection:
        connection.execute("CREATE TABLE kept (word text)")

    with running(var) as run, run.database() as connection:
        family = run.family()

        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)

        worker = run.part("celery")
        assert worker
        worker.suspend()  # it ignores SIGTERM
        run.process.kill()
        run.process.wait()
        survivors: list[str] = []

        def all_have_ended() -> bool:
            survivors[:] = [f"{one.pid} {command_of(one)}" for one in family if alive(one)]
            return not survivors

        try:
            eventually(all_have_ended, within=90)
        except processes.NotInTime:
            pytest.fail(f"These outlived `make run`: {survivors}")


@pytest.mark.long
def test_a_part_that_does_not_start_is_reported_and_ends_the_command(var: Path):
    for suffix in ("", ".db", ".dat", ".dir", ".bak"):  # beat wants to write files there, each Python its own ones
        (var / "run" / f"beat-schedule{suffix}").mkdir(parents=True)
    served = services().environment()
    env = {name: served[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL")}

    done = subprocess.run(
        [sys.executable, "-m", "config.local.run"],
        env={**env, "HOME": str(var), "VAR_DIR": str(var)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 1
    assert "beat did not start (exit code 1); the end of its log" in done.stdout
    assert "Is a directory" in done.stdout
    assert "The product is running" not in done.stdout
    assert "Stopped in" in done.stdout
    assert "Traceback" not in done.stderr


def test_secrets_are_created_once_and_readable_only_by_the_owner(var: Path):
    from config.local.environment import kept_secrets

    path = var / "secrets.env"
    first = kept_secrets(path)

    assert kept_secrets(path) == first == read_env(path)
    assert path.stat().st_mode & 0o077 == 0


def test_reset_deletes_data_keeps_secrets_and_is_refused_while_running(var: Path):
    import fcntl

    (var / "postgres").mkdir(parents=True)
    (var / "run").mkdir()
    for name in ("secrets.env", "stripe.json", "demonstration-key", "run/beat-schedule.db"):
        (var / name).touch()
    command = [sys.executable, "-m", "config.local.reset"]
    env = {**os.environ, "VAR_DIR": str(var)}

    with (var / "run" / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, check=False)
    kept = (var / "postgres").exists()
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, check=False)

    assert refused.returncode == 1
    assert kept
    assert done.returncode == 0
    assert sorted(path.name for path in var.iterdir()) == ["run", "secrets.env"]
    assert [path.name for path in (var / "run").iterdir()] == ["lock"]
