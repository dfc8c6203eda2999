import logging
import signal
import threading
from dataclasses import asdict
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connection

from logistics.owed.relay import sweep
from logistics.vitals import services as vitals

log = logging.getLogger(__name__)
# Any 64-bit number that nothing else in this database takes as its advisory lock.
LOCK = 7_202_611_230_001


class Command(BaseCommand):
    help = "Sweep what is owed every few seconds, so that no lost message and no dead worker loses work. One is active."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=2.0, help="seconds between two sweeps")
        parser.add_argument("--once", action="store_true", help="sweep once and exit")

    def handle(self, *args: Any, every: float, once: bool, **options: Any) -> None:
        current_app.loader.import_default_modules()
        stop = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            try:
                if self._is_the_active_one():
                    did = asdict(sweep())
                    vitals.beat("relay")
                    if any(did.values()):
                        log.info("swept", extra=did)
            except OperationalError:
                # PostgreSQL restarts; the pool finds a new connection at the next sweep.
                log.warning("the database does not answer; trying again")
                connection.close()
            if once:
                return
            stop.wait(every)

    def _is_the_active_one(self) -> bool:
        """Hold the session's advisory lock; re-entrant, released by PostgreSQL when this process dies."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            return bool(cursor.fetchone()[0])
