"""Gifts by bank transfer, cash or cheque, and the demonstration data, which consists of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from donations.demonstration import APPEALS, GIFTS, demonstrate
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.audit.models import AuditEntry
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving, mails
from tests.donations.offline import CHEQUE, day_ago, send


def test_finance_records_a_cheque_and_its_receipt_is_mailed(giving: Giving) -> None:
    answer = send(signed_in(Role.FINANCE))
    giving.work()

    assert (answer.status_code, answer.json()["status"], answer.json()["received_on"]) == (
        201,
        "received",
        CHEQUE["received_on"],
    )
    receipt = Receipt.objects.get()
    context = receipt.document.context
    assert (context["payment_mode"], context["donor"]["name"]) == ("cheque", "Chan & Co.")
    assert len(mails()) == 1
    assert AuditEntry.objects.get(verb="received").by is not None
    assert AuditEntry.objects.get(verb="receipt issued").by is not None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"channel": "online"}, ("channel", "invalid_choice")),
        ({"received_on": (timezone.now() + timedelta(days=2)).date().isoformat()}, ("received_on", "in_the_future")),
        ({"appeal": "nowhere"}, ("appeal", "unknown_appeal")),
        ({"amount": "0"}, ("amount", "amount_zero")),
        ({"received_on": "0001-01-01"}, ("received_on", "too_long_ago")),
        ({"received_on": day_ago(732)}, ("received_on", "too_long_ago")),
        ({"donor": {"name": "Chan", "email": "a@example.org", "country": "ZZ"}}, ("donor.country", "unknown_country")),
    ],
)
def test_impossible_offline_gifts_are_refused(giving: Giving, changes: Any, expected: tuple[str, str]) -> None:
    answer = send(signed_in(Role.FINANCE), **changes)
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, *expected)
    assert not Donation.objects.exists()


def test_only_finance_records_offline_gifts(giving: Giving) -> None:
    for client in (Client(), signed_in(Role.AUDITOR), signed_in(Role.WAREHOUSE), signed_in(Role.PARTNER)):
        assert send(client).status_code in (401, 403)


@pytest.mark.django_db
def test_running_the_demonstration_again_creates_nothing() -> None:
    at = datetime.now(UTC)
    demonstrate(at)
    demonstrate(at)

    assert (Donation.objects.count(), Receipt.objects.count()) == (len(GIFTS), len(GIFTS))
    html = Client().get("/give/").content.decode()
    assert all(values["title_en"] in html for values in APPEALS)
    assert "HK$123,888.00" in html
