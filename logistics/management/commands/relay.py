import logging
import signal
import threading
from dataclasses import asdict

import psycopg
from celery import current_app
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection

from logistics.health import services as health
from logistics.jobs.relay import Sweep, sweep
from logistics.jobs.turn import Turn

log = logging.getLogger(__name__)
# The key of the advisory lock: any 64-bit number that nothing else in this database uses.
LOCK = 7_202_611_230_001


class Command(BaseCommand):
    help = "Sweep jobs every few seconds, so that no lost message or dead worker loses work. Only one relay is active."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=2.0, help="seconds between two sweeps")
        parser.add_argument("--once", action="store_true", help="sweep once and exit")

    def handle(self, *args: object, every: float, once: bool, **options: object) -> None:
        current_app.loader.import_default_modules()
        stop = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        with Turn(LOCK) as turn:
            while not stop.is_set():
                swept = sweep_if_active(turn)
                if once:
                    return
                if not (swept and swept.is_unfinished):
                    stop.wait(every)


def sweep_if_active(turn: Turn) -> Sweep | None:
    """Sweep once and return what was done; None if this relay is not active, or if the database does not answer."""
    try:
        if not turn.is_ours():
            return None
        swept = sweep()
        health.beat("relay")
    except (OperationalError, InterfaceError, psycopg.Error):
        # PostgreSQL restarts, or a statement timed out. The lock stays ours unless its own session broke.
        log.warning("the database does not answer; trying again")
        connection.close()
        return None
    if swept != Sweep():
        log.info("swept", extra=asdict(swept))
    return swept
