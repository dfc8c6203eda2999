"""PostgreSQL is restarted while Stripe delivers events: what donors and Stripe notice, and that nothing is lost."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from config.local import processes
from config.local.postgres import SEALED, Postgres
from tests.benchmarks import load
from tests.benchmarks.measuring import Figure, Report, quantile
from tests.journeys.faults import SETTINGS, WORLD, Givers
from tests.journeys.story import Place
from tests.processes import Instance, eventually
from tests.services import TEMPLATE, copy_folder, migrated_server

[EVENTS] = load.number("BENCH_EVENTS", "500")
[AWAY_S] = load.number("BENCH_AWAY", "0")  # how long it stays away, besides what a restart takes
A_SECOND = 50
RESTARTED_AFTER_S = 3.0


@contextmanager
def restartable(folder: Path) -> Iterator[tuple[Givers, "Restarted"]]:
    """Run a product with a PostgreSQL of its own."""
    copy_folder(migrated_server(folder), folder / "postgres")
    database = Restarted(Postgres(folder / "postgres", durable=True), folder / "postgres.log")
    database.start()
    urls = {
        "DATABASE_URL": database.server.url(TEMPLATE),
        "SEALED_DATABASE_URL": database.server.url(TEMPLATE, role=SEALED),
    }
    names = ("web", "worker", "worker-now", "relay", "stripe")
    try:
        with Instance.started(folder, *names, settings=SETTINGS | urls) as product:
            product.manage("shell", "-v", "0", "-c", WORLD)
            place = Place(product.env["PUBLIC_URL"], product.env["STRIPE_API_BASE"], folder, folder, password="")
            yield Givers(product, place), database
    finally:
        database.stop()


@dataclass
class Restarted:
    server: Postgres
    log: Path
    away: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = self.server.start(output=output)

    def stop(self) -> None:
        processes.stop(self.process, by=signal.SIGINT)

    def restart(self) -> None:
        """Restart it as an upgrade does (its fast shutdown), and note from when to when it was away."""
        began = time.perf_counter()
        self.stop()
        time.sleep(AWAY_S)
        self.start()
        self.away = (began, time.perf_counter())

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.conninfo(TEMPLATE)) as connection:
            return connection.execute(query.encode(), parameters).fetchall()


@dataclass(frozen=True)
class Heard:
    """The answer to one request."""

    at: float
    took_s: float
    status: int
    retry_after: str | None


def test_postgresql_is_restarted_under_load(tmp_path: Path, report: Report):
    with restartable(tmp_path) as (givers, database):
        payments = load.paid(givers, int(EVENTS) // 5)
        events = [event for _, told in payments for event in told]
        heard: list[Heard] = []
        began = time.perf_counter()

        def deliver(number: int) -> None:
            """Deliver an event at its time, and again until it is accepted, as Stripe does."""
            time.sleep(max(0.0, number / A_SECOND - (time.perf_counter() - began)))
            while True:
                asked = time.perf_counter()
                answer = givers.deliver(events[number])
                retry_after = answer.headers.get("Retry-After")
                heard.append(Heard(asked, time.perf_counter() - asked, answer.status, retry_after))
                if answer.status == 200:
                    return
                time.sleep(0.1)

        with ThreadPoolExecutor(32) as pool:
            delivered = [pool.submit(deliver, number) for number in range(len(events))]
            time.sleep(RESTARTED_AFTER_S)
            database.restart()  # here, because a server ends with the thread that started it
            for one in delivered:
                one.result()

        def mailed() -> bool:
            found = database.rows(
                "SELECT count(*) FROM donations_receiptdelivery d JOIN logistics_email m"
                " ON m.id = d.email_id WHERE m.state = 'done'"
            )
            return found == [(len(payments),)]

        eventually(mailed, within=180, what="all receipts to be mailed")
        assert "broken" not in givers.product.manage("verify")

    refused = [one for one in heard if one.status != 200]
    assert {one.status for one in refused} <= {503}, Counter(one.status for one in heard)
    assert all(one.retry_after for one in refused)
    left, back = database.away
    report.add(
        f"PostgreSQL restarted during {len(events)} webhook events, {A_SECOND} a second",
        Figure("away", back - left, "s"),
        Figure("requests answered 503 with Retry-After", len(refused), ""),
        Figure("from the restart to the last of them", max([one.at for one in refused], default=left) - left, "s"),
        Figure("longest request", max(one.took_s for one in heard), "s"),
        Figure("request, p95", quantile([one.took_s for one in heard], 0.95), "s"),
        Figure("gifts without a receipt by mail", 0, ""),
    )
