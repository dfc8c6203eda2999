"""Notices a worker that lives but consumes nothing: frozen, or waiting on a connection that is dead."""

import time

from celery import Celery
from kombu.exceptions import OperationalError

EVERY_SECONDS = 15.0
MISSES_ALLOWED = 3  # together with EVERY_SECONDS: found within 60 s
ANSWER_SECONDS = 2.0
START_SECONDS = 20.0


class Watchdog:
    """Pings the worker through the broker. A ping passes by a full queue, so a busy worker is not a dead one."""

    def __init__(self, broker_url: str) -> None:
        options = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        self._celery = Celery("watchdog", broker=broker_url)
        self._celery.conf.update(broker_transport_options=options, broker_connection_retry=False)
        self._next_at = 0.0
        self._misses = 0

    def finds_it_silent(self, *, running_for: float) -> bool:
        """Ping if it is time to, and say whether the worker has been silent for too long now."""
        if running_for < START_SECONDS:
            self._misses = 0
            return False
        if time.monotonic() < self._next_at:
            return False
        self._next_at = time.monotonic() + EVERY_SECONDS
        try:
            answers = self._celery.control.broadcast("ping", reply=True, timeout=ANSWER_SECONDS, limit=1)
        except (OperationalError, OSError):
            return False  # the broker is down: the worker reconnects by itself
        self._misses = 0 if answers else self._misses + 1
        if self._misses <= MISSES_ALLOWED:
            return False
        self._misses = 0
        return True
