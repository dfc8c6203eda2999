"""A running product under load: gifts at a steady rate, receipts owed in bulk, and what they cost."""

import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import psycopg
import redis

from logistics.documents.printer.process import PROGRAM as PRINTING
from tests.benchmarks.measuring import Figure
from tests.journeys.faults import Gift, Givers
from tests.processes import command_of, eventually
from tests.services import services

WORKERS = ("worker", "worker-now")
PROGRAMS = ("web", *WORKERS, "relay")
PRINTER, POSTGRESQL, BROKER, DONORS = "printers", "PostgreSQL", "broker", "donors"
DONE_WITHIN_S = 1200.0
LOOK_EVERY_S = 0.2  # more often, the measurement itself would keep PostgreSQL busy
JOBS = ("logistics_document", "logistics_email", "donations_receiptdelivery", "donations_stripeevent")
OWE = """
from datetime import UTC, datetime
from donations.receipts import services as receipts
from logistics.jobs.lanes import Lane, in_lane
from tests.makers.donations import received_donation
for _ in range({number}):
    now = datetime.now(UTC)
    with in_lane(Lane.BULK):
        receipts.issue(received_donation(now), by=None, at=now)
"""


def number(name: str, default: str) -> list[float]:
    """Return the numbers in an environment variable, separated by commas."""
    return [float(text) for text in os.environ.get(name, default).split(",")]


def paid(givers: Givers, count: int) -> list[tuple[Gift, list[dict[str, Any]]]]:
    """Return paid gifts, each with its Stripe events, which are not delivered yet."""
    newest = givers.events()
    givers.place.control("switches", hold=True)
    with ThreadPoolExecutor(4) as pool:
        gifts = list(pool.map(lambda _: givers.give(), range(count)))
        list(pool.map(givers.pay_at_stripe, gifts))
    events: list[dict[str, Any]] = []
    while page := givers.events(before=events[0]["id"] if events else None):
        events = page + events
        if newest and newest[-1]["id"] in {event["id"] for event in page}:
            events = events[[event["id"] for event in events].index(newest[-1]["id"]) + 1 :]
            break
    payments: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        told = event["data"]["object"]
        payment = told["id"] if told["object"] == "payment_intent" else told.get("payment_intent")
        if payment:
            payments.setdefault(payment, []).append(event)
    assert len(payments) == count
    return list(zip(gifts, payments.values(), strict=True))  # gifts and events are not of the same payment


def deliver_steadily(givers: Givers, events: list[list[dict[str, Any]]], *, each_s: float) -> None:
    """Deliver the events of one payment every so many seconds, whether or not earlier ones were answered."""
    began = time.perf_counter()

    def tell(place: int) -> None:
        time.sleep(max(0.0, place * each_s - (time.perf_counter() - began)))  # only the rate is measured
        for event in events[place]:
            assert givers.deliver(event).status == 200

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(tell, range(len(events))))


@dataclass(frozen=True)
class Took:
    """Seconds from the first webhook of each payment until its receipt was stored, and until it was mailed."""

    stored: list[float]
    mailed: list[float]


def took(givers: Givers, gifts: list[Gift]) -> Took:
    """Wait until all these gifts have their receipts and mails. Raises NotInTime if one is lost."""
    references = [gift.reference for gift in gifts]

    def rows() -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = givers.product.rows(
            """SELECT extract(epoch FROM p.ended_at - min(e.received_at))::float,
                      extract(epoch FROM m.ended_at - min(e.received_at))::float
               FROM donations_donation g
               JOIN donations_receipt r ON r.donation_id = g.id
               JOIN logistics_document p ON p.id = r.document_id AND p.state = 'done'
               JOIN donations_receiptdelivery d ON d.receipt_id = r.id
               JOIN logistics_email m ON m.id = d.email_id AND m.state = 'done'
               JOIN donations_paymentattempt a ON a.donation_id = g.id
               JOIN donations_stripeevent e ON e.attempt_id = a.id
               WHERE g.reference = ANY(%s) GROUP BY g.id, p.ended_at, m.ended_at""",
            references,
        )
        return found

    eventually(lambda: len(rows()) == len(gifts), within=DONE_WITHIN_S, what="all receipts to be mailed")
    found = rows()
    return Took([stored for stored, _ in found], [mailed for _, mailed in found])


@contextmanager
def owed_in_bulk(givers: Givers, count: int) -> Iterator[None]:
    """Have this many receipts wait, all at once, for workers that begin when the block begins."""
    for name in ("worker", "worker-now"):
        givers.product[name].freeze()
    try:
        givers.product.manage("shell", "-v", "0", "-c", OWE.format(number=count), timeout=DONE_WITHIN_S)
    finally:
        for name in ("worker", "worker-now"):
            givers.product[name].thaw()
    yield


def wait_for_all(givers: Givers) -> None:
    """Wait until no job is left."""
    left = " + ".join(f"(SELECT count(*) FROM {table} WHERE state IN ('pending', 'leased'))" for table in JOBS)
    with psycopg.connect(services().postgres.conninfo(givers.product.database), autocommit=True) as connection:

        def all_ended() -> bool:
            time.sleep(LOOK_EVERY_S)
            return connection.execute(f"SELECT {left}".encode()).fetchone() == (0,)

        eventually(all_ended, within=DONE_WITHIN_S, what="all jobs to end")


@dataclass
class Meter:
    """What the product has used since it was made: processor time, messages, jobs."""

    givers: Givers
    _cpu: dict[str, float] = field(init=False)
    _counts: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._cpu, self._counts = self._cpu_now(), self._counts_now()

    def cpu_s(self) -> dict[str, float]:
        """Return the processor seconds of each program with its children, ended ones included.

        Printers are counted apart from the workers that started them. "donors" is this process, which delivers the
        events; "stripe" is the stand-in.
        """
        return {name: now - self._cpu[name] for name, now in self._cpu_now().items()}

    def figures(self, count: int, what: str) -> list[Figure]:
        """Return what one of this many gifts or receipts has cost each program."""
        used = self.cpu_s()
        each = {name: Figure(f"CPU of {name}, {what}", 1000 * cpu_s / count, "ms") for name, cpu_s in used.items()}
        workers = sum(used[name] for name in (*WORKERS, PRINTER))
        return [
            Figure(f"CPU of the workers and their printers, {what}", 1000 * workers / count, "ms"),
            *each.values(),
            Figure(f"CPU of everything, {what}", 1000 * sum(used.values()) / count, "ms"),
        ]

    def messages_a_job(self) -> float:
        messages, jobs = (now - before for now, before in zip(self._counts_now(), self._counts, strict=True))
        return messages / jobs

    def memory_mb(self) -> float:
        """Return the resident memory of all programs, without what they share."""
        found = 0
        for one in (one for name in PROGRAMS for one in self._family(name)):
            with contextlib.suppress(psutil.NoSuchProcess):  # a worker's process that was just replaced
                found += one.memory_full_info().uss
        return found / 1e6

    def _family(self, name: str) -> list[psutil.Process]:
        match name:
            case "PostgreSQL":
                pid = int((services().postgres.folder / "postmaster.pid").read_text().splitlines()[0])
            case "broker":
                broker = self.givers.product.broker.process
                assert broker is not None
                pid = broker.pid
            case _:
                pid = self.givers.product[name].mine().pid
        main = psutil.Process(pid)
        return [main, *main.children(recursive=True)]

    def _cpu_now(self) -> dict[str, float]:
        found = dict.fromkeys((*PROGRAMS, PRINTER, "stripe", POSTGRESQL, BROKER), 0.0)
        for name in (name for name in found if name != PRINTER):
            for one in self._family(name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    is_printer = PRINTING in command_of(one)
                    # user, system, and those of its ended children
                    found[PRINTER if is_printer else name] += sum(one.cpu_times()[:4])
        return found | {DONORS: time.process_time()}

    def _counts_now(self) -> tuple[int, int]:
        with redis.Redis.from_url(self.givers.product.broker.valkey.url) as broker:
            stats: dict[str, Any] = broker.info("commandstats")
        jobs = " + ".join(f"(SELECT count(*) FROM {table} WHERE attempts > 0)" for table in JOBS)
        [(count,)] = self.givers.product.rows(f"SELECT {jobs}")
        return int(stats.get("cmdstat_lpush", {"calls": 0})["calls"]), int(count)
