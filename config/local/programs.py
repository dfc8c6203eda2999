"""The processes of the product, as commands: what `make run` supervises and what the tests start and kill."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from logistics.jobs.lanes import WORKERS

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
GRACE_SECONDS = 6


@dataclass(frozen=True)
class Program:
    """A name for logs, a command, and its environment variables beside the common ones."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)


def web(port: int, *, listeners: Sequence[int] = (), workers: int = 2) -> Program:
    """The web server, on a port of the loopback interface, or on inherited sockets."""
    places = [f"fd://{number}" for number in listeners] or [f"127.0.0.1:{port}"]
    heartbeat_folder = ["--worker-tmp-dir", "/dev/shm"] if Path("/dev/shm").is_dir() else []
    return Program(
        "web",
        [
            str(BIN / "gunicorn"),
            "config.wsgi:application",
            "--config=python:config.web_server",
            *(f"--bind={place}" for place in places),
            # Each process listens by itself. Otherwise one of them takes nearly all connections that are kept alive.
            *([] if listeners else ["--reuse-port"]),
            "--worker-class=gthread",
            f"--workers={workers}",
            "--threads=6",
            "--timeout=30",
            f"--graceful-timeout={GRACE_SECONDS}",
            "--log-level=warning",
            *heartbeat_folder,
        ],
    )


# On one machine the worker for all lanes does the upkeep as well; another process is reserved for the lane "now".
TAKEN = {
    "worker": (*WORKERS["worker"], *WORKERS["worker-upkeep"]),
    "worker-now": WORKERS["worker-now"],
}


def worker(name: str = "worker", *, processes: int = 2, hostname: str = "") -> Program:
    """A Celery worker. Its reads of the broker block, so it needs a longer socket timeout than a web process."""
    return Program(
        name,
        [
            str(BIN / "celery"),
            "--app=config.celery",
            "worker",
            "--pool=prefork",
            f"--concurrency={processes}",
            f"--queues={','.join(TAKEN[name])}",
            f"--hostname={hostname or f'{name}@%h'}",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=INFO",
        ],
        env={"BROKER_SOCKET_TIMEOUT": "5"},
    )


def beat(schedule: Path) -> Program:
    """The scheduler of the periodic tasks; `schedule` is the file that records when each last ran."""
    command = [str(BIN / "celery"), "--app=config.celery", "beat", f"--schedule={schedule}", "--pidfile="]
    return Program("beat", [*command, "--loglevel=WARNING"])


def relay(*, every_seconds: float = 2.0) -> Program:
    """The sweeper of jobs."""
    return Program("relay", [*MANAGE, "relay", f"--every={every_seconds:g}"])


def stand_in(
    port: int,
    *,
    webhook_url: str,
    webhook_secrets: Sequence[str],
    api_key: str = "",
    state: Path | None = None,
    listener: int | None = None,
) -> Program:
    """The local stand-in for Stripe, on a port, or on an inherited socket."""
    place = f"--port={port}" if listener is None else f"--fd={listener}"
    return Program(
        "stripe",
        [
            *(sys.executable, "-m", "tests.stand_in", "--host=127.0.0.1", place),
            f"--webhook-url={webhook_url}",
            *(f"--webhook-secret={secret}" for secret in webhook_secrets),
            *([f"--api-key={api_key}"] if api_key else []),
            *([f"--state={state}"] if state else []),
        ],
    )
