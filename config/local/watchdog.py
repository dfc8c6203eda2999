"""Detects a worker that is alive but consumes nothing: frozen, or waiting on a dead connection."""

import time

from config.worker_alive import answers, client

EVERY_SECONDS = 15.0
MISSES_ALLOWED = 2  # with EVERY_SECONDS: found within 50 s
ANSWER_SECONDS = 2.0
START_SECONDS = 20.0


class Watchdog:
    """Pings the worker at intervals and counts unanswered pings."""

    def __init__(self, broker_url: str, hostname: str | None = None) -> None:
        self._hostname = hostname  # None: any worker
        self._app = client(broker_url, within=ANSWER_SECONDS)
        self._next_at = 0.0
        self._misses = 0

    def finds_it_silent(self, *, running_for: float) -> bool:
        """Ping if it is time to, and return whether the worker has been silent for too long."""
        if running_for < START_SECONDS:
            self._misses = 0
            return False
        if time.monotonic() < self._next_at:
            return False
        self._next_at = time.monotonic() + EVERY_SECONDS
        silent = answers(self._app, self._hostname, within=ANSWER_SECONDS) is False
        self._misses = self._misses + 1 if silent else 0
        return self._misses > MISSES_ALLOWED
