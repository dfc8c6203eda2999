"""A gift: creating it, printing its receipt, numbering it. From webhook to receipt: test_lanes.py."""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction

from donations.receipts import services as receipts
from donations.stripe import gateway
from donations.stripe.gateway import CheckoutSession
from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries
from logistics.documents.rendering import to_pdf
from logistics.mail import services as mail
from logistics.mail.models import Email
from tests.benchmarks.asking import bare, signals_of_requests  # noqa: F401  a fixture
from tests.benchmarks.measuring import Figure, Report, cost, statements
from tests.donations.fixtures import committed_giving, giving  # noqa: F401  fixtures
from tests.donations.giving import Giving, body_of_gift
from tests.donations.receipt_context import FACTS, receipt
from tests.makers.donations import received_donation
from tests.stand_in.fixtures import stand_in  # noqa: F401  a fixture
from tests.threads import in_threads

WARM, REPEATED = 5, 30


@pytest.mark.usefixtures("signals_of_requests")
def test_post_of_a_donation(giving: Giving, report: Report, monkeypatch: pytest.MonkeyPatch):  # noqa: F811
    """Stripe's client, which is not ours, is measured by itself."""
    of_client: list[float] = []
    create = gateway.create_checkout_session

    def timed(**asked: Any) -> CheckoutSession:
        began = time.thread_time()
        session = create(**asked)
        of_client.append((time.thread_time() - began) * 1000)
        return session

    monkeypatch.setattr(gateway, "create_checkout_session", timed)
    ask = bare("/api/v1/donations/", body=body_of_gift())

    def post() -> None:
        ask()

    took = cost(post, times=40, warm=5, before=cache.clear)  # where requests are counted, per hour
    client_ms = statistics.median(of_client)
    report.add(
        "POST donation",
        Figure("CPU, without Stripe's client", took.cpu_ms - client_ms, "ms", most=9),
        Figure("CPU of Stripe's client", client_ms, "ms"),
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


def test_jobs_of_a_receipt(committed_giving: Giving, report: Report):  # noqa: F811
    """What each job costs the worker's own thread, without the printer's process and Celery."""
    for _ in range(WARM + REPEATED + 1):
        now = datetime.now(UTC)
        receipts.issue(received_donation(now), by=None, at=now)
    for job, model, run in (
        ("print, and queue the mail", Document, documents.render),
        ("send the mail", Email, mail.deliver),
    ):
        ids = iter([str(pk) for pk in model.objects.values_list("pk", flat=True)])

        def run_one(run: Callable[[str], bool] = run, ids: Iterator[str] = ids) -> None:
            assert run(next(ids))

        took = cost(run_one, times=REPEATED, warm=WARM)
        report.add(
            f"jobs of a receipt: {job}",
            Figure("CPU", took.cpu_ms, "ms"),
            Figure("SQL statements", len(statements(run_one)), ""),
        )


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
