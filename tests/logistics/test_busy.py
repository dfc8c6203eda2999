"""A lock that is waited for too long: the request is repeated unseen, or answered 503 with Retry-After; never 500."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.charity.models import Charity
from logistics.documents.models import NumberSeries
from logistics.roles import Role
from tests.clients import is_a_problem, signed_in
from tests.donations.fixtures import committed_giving, stand_in  # noqa: F401  fixtures
from tests.donations.giving import Giving
from tests.donations.offline import CHEQUE, send
from tests.threads import in_threads

WAIT = 150  # milliseconds, instead of 3 and 5 seconds
AT_ONCE = 100


@contextmanager
def held(rows: Any) -> Iterator[threading.Event]:
    """Keep these rows locked in another connection until the event is set, at the latest until the end."""
    is_held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                assert list(rows.select_for_update())
                is_held.set()
                let_go.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(10)
    try:
        yield let_go
    finally:
        let_go.set()
        thread.join()


@contextmanager
def waiting_at_most(limit: str) -> Iterator[None]:
    """Shorten a time limit of this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET {limit} = {WAIT}")
    try:
        yield
    finally:
        connection.close()


@pytest.fixture
def finance(committed_giving: Giving) -> Client:  # noqa: F811
    client = signed_in(Role.FINANCE)
    assert send(client).status_code == 201  # so that the series of numbers has its row
    return client


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_a_gift_that_waits_too_long_for_its_number_is_answered_503(
    finance: Client, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logistics.transactions.TRY_AGAIN_WITHIN_S", 0.3)

    with held(NumberSeries.objects.all()), waiting_at_most(limit):
        answer = send(finance, amount="70.00")

    assert is_a_problem(answer, 503, "busy")
    assert int(answer["Retry-After"]) > 0
    assert (Donation.objects.count(), Receipt.objects.count()) == (1, 1)


def test_a_gift_that_waits_too_long_is_repeated_unseen(finance: Client) -> None:
    body = json.dumps(CHEQUE | {"amount": "70.00"})
    headers = {"Idempotency-Key": str(uuid4())}
    tries: list[str] = []

    with held(NumberSeries.objects.all()) as let_go, waiting_at_most("lock_timeout"):

        def noticed(execute: Any, sql: str, *more: Any) -> Any:
            if "logistics_numberseries" in sql:
                tries.append(sql)
                if len(tries) == 3:
                    let_go.set()
            return execute(sql, *more)

        with connection.execute_wrapper(noticed):
            answer = finance.post("/api/v1/donations/offline/", body, content_type="application/json", headers=headers)

    assert (answer.status_code, Donation.objects.count(), Receipt.objects.count()) == (201, 2, 2)
    assert len(tries) >= 3


def test_any_endpoint_answers_503(finance: Client) -> None:
    charity = Charity.objects.get()
    body = {"name": "New", "address": "1 Road", "country": "HK", "registration": "91/1234", "jurisdiction": "HK",
            "time_zone": "Asia/Hong_Kong", "email": "a@example.org", "signatory": "Lee", "currencies": ["HKD"],
            "version": charity.version}  # fmt: skip

    with held(Charity.objects.all()), waiting_at_most("lock_timeout"):
        answer = finance.put("/api/v1/charity/", json.dumps(body), content_type="application/json")

    assert is_a_problem(answer, 503, "busy")
    assert Charity.objects.get().name == charity.name


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_form_of_the_admin_says_so_and_keeps_what_was_typed(finance: Client, language: str) -> None:
    charity = Charity.objects.get()
    path = f"/admin/logistics/charity/{charity.pk}/change/"
    form = {"name": "Typed by hand", "address": "1 Road", "country": "HK", "registration": "91/1234",
            "jurisdiction": "HK", "time_zone": "Asia/Hong_Kong", "email": "a@example.org", "signatory": "Lee",
            "currencies": ["HKD"], "colour": "#0b5c6b", "accent": "#e07a2f",
            "seen_version": str(charity.version)}  # fmt: skip

    with held(Charity.objects.all()), waiting_at_most("lock_timeout"):
        answer = finance.post(path, form, headers={"Accept-Language": language})

    html = answer.content.decode()
    assert "Typed by hand" in html
    assert {"en": "Others are changing the same data.", "fr": "D’autres personnes modifient"}[language] in html
    assert Charity.objects.get().name == charity.name


def test_a_page_says_so(finance: Client) -> None:
    gift = Donation.objects.get()
    form = {"action": "revoke_links", "_selected_action": [str(gift.pk)]}

    with held(Donation.objects.all()), waiting_at_most("lock_timeout"):
        answer = finance.post("/admin/donations/donation/", form, headers={"Accept": "text/html"})

    assert (answer.status_code, int(answer["Retry-After"]) > 0) == (503, True)
    assert "Nothing was changed." in answer.content.decode()


@pytest.fixture
def real_limits() -> Iterator[None]:
    """Wait as long as the product does: other tests wait minutes, because the machine may be busy."""
    db = connection.settings_dict
    kept, limits = db["OPTIONS"], "-c lock_timeout=3000 -c statement_timeout=5000"
    pool = {**kept["pool"], "max_size": 16, "timeout": 10}
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    db["OPTIONS"] = {**kept, "options": f"{kept['options']} {limits}", "pool": pool}
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    db["OPTIONS"] = kept


def test_a_hundred_offline_gifts_at_once_are_all_recorded(
    committed_giving: Giving,  # noqa: F811
    real_limits: None,
    live_server: Any,
) -> None:
    """Over sockets, each in a thread of its own, for the same appeal and series of numbers: never 500."""
    import requests

    from logistics.people import services as people
    from tests.makers.people import make_user

    user, valid = make_user(Role.FINANCE), timedelta(days=1)
    key = people.make_key(user, name="till", valid=valid, by=None, at=timezone.now()).text

    def give(number: int) -> tuple[int, str]:
        donor = {"name": f"Donor {number}", "email": f"donor-{number}@example.org"}
        body: Any = CHEQUE | {"donor": donor}
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid4())}
        url = f"{live_server.url}/api/v1/donations/offline/"
        for _ in range(50):
            answer = requests.post(url, json=body, headers=headers, timeout=120)
            if answer.status_code != 503:
                break
            assert answer.json()["code"] in ("busy", "database_unavailable") and answer.headers["Retry-After"]
        return answer.status_code, answer.text[:200]

    answers = in_threads(give, times=AT_ONCE)

    assert {status for status, _ in answers} == {201}, answers
    numbers = [*Receipt.objects.order_by("sequence").values_list("sequence", flat=True)]
    assert numbers == [*range(1, AT_ONCE + 1)]
