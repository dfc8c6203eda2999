"""From webhook to stored and mailed receipt, alone and beside bulk work.

Real processes on this machine: one web process, a worker of two processes for all lanes, one of one process for the
lane "now", relay, PostgreSQL, broker, the stand-in for Stripe, and the donors. See README.md for the variables.
"""

import time
from collections.abc import Iterator

import pytest

from tests.benchmarks import load
from tests.benchmarks.measuring import Figure, Report, quantile
from tests.journeys.faults import Givers

RATES = load.number("BENCH_RATES", "1,2,4")  # gifts a second; the goal is meant for 20
[SECONDS] = load.number("BENCH_SECONDS", "10")
[BULK] = load.number("BENCH_BULK", "300")  # the goals are meant for 5,000
[A_MINUTE] = load.number("BENCH_A_MINUTE", "60")  # and for 10


@pytest.fixture(scope="module")
def givers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Givers]:
    with Givers.started(tmp_path_factory.mktemp("bench"), "worker-now") as running:
        load.deliver_steadily(running, [events for _, events in load.paid(running, 6)], each_s=0.5)  # warm
        load.wait_for_all(running)
        yield running


@pytest.mark.parametrize("rate", RATES)
def test_from_webhook_to_stored_receipt(givers: Givers, report: Report, rate: float):
    payments = load.paid(givers, int(rate * SECONDS))
    meter, before_mb = load.Meter(givers), load.Meter(givers).memory_mb()
    half = len(payments) // 2
    load.deliver_steadily(givers, [events for _, events in payments[:half]], each_s=1 / rate)
    half_mb = meter.memory_mb()
    load.deliver_steadily(givers, [events for _, events in payments[half:]], each_s=1 / rate)

    took = load.took(givers, [gift for gift, _ in payments])  # none is lost
    load.wait_for_all(givers)

    used, end_mb = meter.figures(len(payments), "a gift"), meter.memory_mb()
    report.add(
        f"webhook to stored receipt, {rate:g} gifts a second for {SECONDS:g} s",
        Figure("p50", quantile(took.stored, 0.5), "s", most=0.5),
        Figure("p95", quantile(took.stored, 0.95), "s", most=1.5),
        Figure("until the mail is sent, p95", quantile(took.mailed, 0.95), "s", most=4),
        Figure("messages a job", meter.messages_a_job(), "", most=1.05),
        *used,
        Figure("memory before", before_mb, "MB"),
        Figure("memory after half of the gifts", half_mb, "MB"),
        Figure("memory at the end", end_mb, "MB"),
    )


def test_a_gift_beside_bulk_work(givers: Givers, report: Report):
    """The same receipts in bulk twice: alone, and with gifts beside them until they are done."""
    count, each_s = int(BULK), 60 / A_MINUTE
    with load.owed_in_bulk(givers, count):
        began_alone, began = load.Meter(givers), time.perf_counter()
    load.wait_for_all(givers)
    alone_s = time.perf_counter() - began
    alone = began_alone.figures(count, "a receipt in bulk")

    payments = load.paid(givers, max(1, int(alone_s / each_s)))
    meter = load.Meter(givers)
    with load.owed_in_bulk(givers, count):
        began = time.perf_counter()
    load.deliver_steadily(givers, [events for _, events in payments], each_s=each_s)
    took = load.took(givers, [gift for gift, _ in payments])
    load.wait_for_all(givers)
    beside_s = time.perf_counter() - began

    report.add(
        f"{len(payments)} gifts, {A_MINUTE:g} a minute, beside {count} receipts in bulk",
        Figure("event to stored receipt, p95", quantile(took.stored, 0.95), "s", most=2),
        Figure("event to sent mail, p95", quantile(took.mailed, 0.95), "s", most=4),
        Figure("messages a job", meter.messages_a_job(), "", most=1.05),
        Figure("bulk alone", alone_s, "s"),
        Figure("bulk and gifts", beside_s, "s"),
        *alone,
    )
