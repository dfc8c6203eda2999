"""The health check: a status for load balancers, JSON for people."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from redis import Redis

from logistics.health import services
from logistics.jobs.lanes import WORKERS
from logistics.permissions import public_page

TIMEOUT_S = 2.0
# Without these no request can be answered. If another check fails, requests are still answered, and work waits or is
# done by the relay.
NEEDED = ("database",)
WATCHED = (*WORKERS, "relay")


def database() -> dict[str, object]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '1s'")
            cursor.execute("SELECT 1")
    finally:
        # This thread has a connection of its own, which nothing else would close.
        connection.close()
    return {}


def broker() -> dict[str, object]:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
        client.ping()
    return {}


def storage() -> dict[str, object]:
    default_storage.exists("health")
    return {}


def heartbeats() -> dict[str, object]:
    """Raise Silent if a worker or the relay has sent no heartbeat lately."""
    try:
        ages = services.ages_s()
    finally:
        connection.close()
    silent = [name for name in WATCHED if ages.get(name, float("inf")) > services.SILENT_AFTER.total_seconds()]
    if silent:
        raise Silent(", ".join(silent))
    return {name: round(ages[name], 1) for name in WATCHED}


class Silent(Exception):
    """These have sent no heartbeat lately."""


CHECKS: dict[str, Callable[[], dict[str, object]]] = {
    "database": database,
    "broker": broker,
    "storage": storage,
    "heartbeats": heartbeats,
}


def _outcome(check: Callable[[], dict[str, object]]) -> dict[str, object]:
    started = time.monotonic()
    try:
        found = check()
    except Silent as error:
        return {"ok": False, "error": "silent", "who": str(error)}
    except Exception as error:  # any error means "not ok"; its text is left out, as it may hold addresses
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, "ms": round((time.monotonic() - started) * 1000, 1), **found}


@public_page
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while requests can be served ("ok", or "degraded" when work waits), 503 when they cannot.

    Takes two seconds at most: a check that does not finish in time has failed.
    """
    pool = ThreadPoolExecutor(len(CHECKS))
    try:
        deadline = time.monotonic() + TIMEOUT_S
        running = {name: pool.submit(_outcome, check) for name, check in CHECKS.items()}
        outcomes = {}
        for name, future in running.items():
            try:
                outcomes[name] = future.result(timeout=max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                outcomes[name] = {"ok": False, "error": "timeout"}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    failed = [name for name, outcome in outcomes.items() if not outcome["ok"]]
    status = "ok" if not failed else "failed" if set(failed) & set(NEEDED) else "degraded"
    return JsonResponse({"status": status, "checks": outcomes}, status=503 if status == "failed" else 200)
