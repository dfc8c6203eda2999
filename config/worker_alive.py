"""Is the worker consuming? For a container's health check: `python -m config.worker_alive HOSTNAME`.

A worker can live and yet do nothing: frozen, or reading from a connection whose other end is gone. Docker does not
restart what is unhealthy, so after three silent pings in a row this ends every process of its container, and the
restart policy starts it again. Nothing is lost: each job is a row whose lease runs out.
"""

import os
import signal
import sys
from pathlib import Path

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

ANSWER_SECONDS = 3.0
MISSES_ALLOWED = 2
MISSES = Path("/tmp/worker-misses")  # noqa: S108  a container of its own; the one place it can write to


def answers(app: Celery, hostname: str | None, *, within: float) -> bool | None:
    """Ping a worker (None: any) through the broker; None when the broker is down, which is not the worker's fault.

    A ping passes by a full queue, so a busy worker answers.
    """
    asked = [hostname] if hostname else None
    try:
        return bool(app.control.broadcast("ping", destination=asked, reply=True, timeout=within, limit=1))
    except (OperationalError, RedisError, OSError):
        return None


def client(broker_url: str, *, within: float) -> Celery:
    """A Celery application that only asks, and never waits long for the broker."""
    app = Celery("watchdog", broker=broker_url)
    app.conf.broker_connection_retry = False
    app.conf.broker_transport_options = {"socket_timeout": within, "socket_connect_timeout": within}
    return app


def main() -> int:
    app = client(os.environ["REDIS_URL"], within=ANSWER_SECONDS)
    if answers(app, sys.argv[1], within=ANSWER_SECONDS) is not False:
        MISSES.unlink(missing_ok=True)
        return 0
    misses = int(MISSES.read_text() or 0) + 1 if MISSES.exists() else 1
    if misses > MISSES_ALLOWED:
        MISSES.unlink(missing_ok=True)
        os.kill(-1, signal.SIGKILL)
    MISSES.write_text(str(misses))
    return 1


if __name__ == "__main__":
    sys.exit(main())
