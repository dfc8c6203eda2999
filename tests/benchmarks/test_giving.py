"""A gift: creating it, and from Stripe's webhook to the printed receipt."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from logistics.documents import services as documents
from logistics.documents.models import NumberSeries
from logistics.documents.rendering import to_pdf
from tests.benchmarks.measuring import Figure, Report, cost, quantile, statements
from tests.donations.fixtures import giving  # noqa: F401  a fixture
from tests.donations.giving import Giving, body_of_gift
from tests.donations.receipt_context import FACTS, receipt
from tests.journeys.faults import Givers
from tests.processes import eventually
from tests.stand_in.fixtures import stand_in  # noqa: F401  a fixture
from tests.threads import in_threads

RATES = (1, 2, 4)  # donations a second; the goal is meant for 20
SECONDS = 10


def test_post_of_a_donation(giving: Giving, report: Report):  # noqa: F811
    def post() -> None:
        answer = giving.post("/api/v1/donations/", body_of_gift())
        assert answer.status_code == 201, answer.content

    took = cost(post, times=40, warm=5, before=cache.clear)  # where requests are counted, per hour
    report.add(
        "POST donation",
        Figure("CPU, without Stripe's time", took.cpu_ms, "ms", most=12),
        Figure("SQL statements", len(statements(post)), "", most=12),
        Figure("wall, with the stand-in for Stripe in the same process", took.wall_ms, "ms"),
    )


def test_receipt(report: Report):
    context = {**receipt(), **FACTS}

    def print_one() -> None:
        to_pdf("donations/receipt.html", context, languages=["en"])

    took = cost(print_one, times=30, warm=3)
    size = len(to_pdf("donations/receipt.html", context, languages=["en"]).pdf)
    report.add("receipt, warm", Figure("CPU", took.cpu_ms, "ms"), Figure("size", size / 1024, "KiB"))


@pytest.fixture(scope="module")
def givers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Givers]:
    with Givers.started(tmp_path_factory.mktemp("bench")) as running:
        yield running


@pytest.mark.parametrize("rate", RATES)
def test_from_webhook_to_stored_receipt(givers: Givers, report: Report, rate: int):
    """With one web process, one worker of two children, and everything else of the product on this machine."""
    number = rate * SECONDS
    known = known_events(givers)
    givers.place.control("switches", hold=True)
    with ThreadPoolExecutor(4) as pool:
        gifts = list(pool.map(lambda _: givers.give(), range(number)))
        list(pool.map(givers.pay_at_stripe, gifts))
    events = [event for event in all_events(givers) if event["id"] not in known]
    of_gift = by_payment(events)
    assert len(of_gift) == number

    began = time.perf_counter()

    def tell(place: int) -> None:
        time.sleep(max(0.0, place / rate - (time.perf_counter() - began)))  # only the rate is measured
        for event in of_gift[place]:
            givers.deliver(event)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(number)))
    eventually(lambda: len(latencies(givers, gifts)) == number, within=120, what="all receipts to be printed")
    took = latencies(givers, gifts)
    report.add(
        f"webhook to stored receipt, {rate} gifts a second",
        Figure("p50", quantile(took, 0.5), "s", most=0.5),
        Figure("p95", quantile(took, 0.95), "s", most=1.5),
    )


def known_events(givers: Givers) -> set[str]:
    return {event["id"] for event in all_events(givers)}


def all_events(givers: Givers) -> list[dict[str, Any]]:
    """All events at the stand-in, oldest first; it lists 100 at a time."""
    found: list[dict[str, Any]] = []
    while page := givers.events(before=found[0]["id"] if found else None):
        found = page + found
    return found


def by_payment(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The events of each payment, in order."""
    payments: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        told = event["data"]["object"]
        payment = told["id"] if told["object"] == "payment_intent" else told.get("payment_intent")
        if payment:
            payments.setdefault(payment, []).append(event)
    return list(payments.values())


def latencies(givers: Givers, gifts: list[Any]) -> list[float]:
    """Return the seconds from the first webhook of each payment to its stored receipt."""
    rows = givers.product.rows(
        """SELECT extract(epoch FROM p.ended_at - min(e.received_at))::float
           FROM donations_donation g
           JOIN donations_receipt r ON r.donation_id = g.id
           JOIN logistics_document p ON p.id = r.document_id AND p.state = 'done'
           JOIN donations_paymentattempt a ON a.donation_id = g.id
           JOIN donations_stripeevent e ON e.attempt_id = a.id
           WHERE g.reference = ANY(%s) GROUP BY g.id, p.ended_at""",
        [gift.reference for gift in gifts],
    )
    return [row[0] for row in rows]


@pytest.mark.django_db(transaction=True)
def test_numbers_without_gaps(report: Report):
    """Eight concurrent writers, each number in its own transaction that really commits."""
    each = 250

    def write(_: int) -> None:
        for _number in range(each):
            with transaction.atomic():
                documents.next_number("bench", 2026)

    connection.close()
    began = time.perf_counter()
    in_threads(write, times=8)
    took = time.perf_counter() - began
    assert NumberSeries.objects.get(name="bench").last == 8 * each
    report.add("number series, 8 writers", Figure("numbers a second", 8 * each / took, "/s", least=300))
