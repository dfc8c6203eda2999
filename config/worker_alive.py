"""Health check of a worker's container: `python -m config.worker_alive HOSTNAME PIDFILE`.

A worker can be alive and do nothing: frozen, or reading from a connection whose other end is gone. Docker does not
restart unhealthy containers, so after three unanswered pings in a row this kills the worker that wrote PIDFILE
(`celery worker --pidfile`) and no other process. The container then exits, and its restart policy starts it again.
Nothing is lost: each job is a row whose lease expires.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

ANSWER_SECONDS = 3.0
MISSES_ALLOWED = 2
PROCESSES = Path("/proc")


def answers(app: Celery, hostname: str | None, *, within: float) -> bool | None:
    """Ping a worker (None: any) through the broker; return None if the broker is down: not the worker's fault.

    Pings bypass the queue, so a busy worker answers too.
    """
    asked = [hostname] if hostname else None
    try:
        return bool(app.control.broadcast("ping", destination=asked, reply=True, timeout=within, limit=1))
    except (OperationalError, RedisError, OSError):
        return None


def client(broker_url: str, *, within: float) -> Celery:
    """Return a Celery app that only sends pings, and never waits long for the broker."""
    app = Celery("watchdog", broker=broker_url, set_as_current=False)
    app.conf.broker_connection_retry = False
    app.conf.broker_transport_options = {"socket_timeout": within, "socket_connect_timeout": within}
    return app


def worker_of(pidfile: Path) -> int | None:
    """Return the pid of the worker that wrote this file; None if it is gone, even if its pid was reused.

    The worker is recognised by its command line, which names the file.
    """
    try:
        pid = int(pidfile.read_text())
        command = (PROCESSES / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and f"--pidfile={pidfile}".encode() in command else None


def main() -> int:
    """Ping once; the exit code is 1 if the worker does not answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("hostname")
    parser.add_argument("pidfile", type=Path)
    asked = parser.parse_args()
    noted = asked.pidfile.with_suffix(".misses")
    app = client(os.environ["REDIS_URL"], within=ANSWER_SECONDS)
    if answers(app, asked.hostname, within=ANSWER_SECONDS) is not False:
        noted.unlink(missing_ok=True)
        return 0
    misses = int(noted.read_text() or 0) + 1 if noted.exists() else 1
    noted.write_text(str(misses))
    if misses > MISSES_ALLOWED and (pid := worker_of(asked.pidfile)):
        noted.unlink()
        os.kill(pid, signal.SIGKILL)
    return 1


if __name__ == "__main__":
    sys.exit(main())
