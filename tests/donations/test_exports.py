"""Exports of the finance desk's lists: what they hold, who gets them, and that no text in them becomes a formula."""

import csv
import io
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.refunds.models import Refund
from logistics import exports
from logistics.audit.models import AuditEntry
from logistics.roles import Role
from tests.clients import signed_in
from tests.makers.charity import make_charity
from tests.makers.copies import copy
from tests.makers.donations import make_donor, make_gift
from tests.makers.moments import NOON

pytestmark = pytest.mark.django_db
LISTS = ["donation", "donor", "receipt", "refund"]


def ask(client: Client, name: str, kind: str = "csv", query: str = "") -> Any:
    return client.get(f"/admin/donations/{name}/export.{kind}{query}")


def lines(answer: Any) -> list[list[str]]:
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content)))


def cells(answer: Any) -> list[list[Any]]:
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]


def rows_of(answer: Any) -> list[dict[str, str]]:
    headings, *rest = lines(answer)
    return [dict(zip(headings, row, strict=True)) for row in rest]


def test_a_list_of_gifts_is_exported_with_amounts_as_numbers():
    make_charity()
    donor = make_donor(name="Chan Tai Man", email="taiman@example.org")
    gift = make_gift(donor=donor, amount_minor=150050, currency="HKD")
    yen = make_gift(donor=donor, amount_minor=5000, currency="XOF")

    found = {row["reference"]: row for row in rows_of(ask(signed_in(Role.FINANCE), "donation"))}

    assert found.keys() == {gift.reference, yen.reference}
    assert (found[gift.reference]["amount"], found[gift.reference]["currency"]) == ("1500.50", "HKD")
    assert (found[yen.reference]["amount"], found[yen.reference]["currency"]) == ("5000", "XOF")
    assert (found[gift.reference]["donor"], found[gift.reference]["status"]) == ("Chan Tai Man", "Received")


def test_a_spreadsheet_has_numbers_days_and_texts_as_such():
    make_charity()
    gift = make_gift(donor=make_donor(name="=2+3"), amount_minor=150050, currency="HKD")

    headings, row = cells(ask(signed_in(Role.FINANCE), "donation", "xlsx"))

    told = dict(zip(headings, row, strict=True))
    assert told["amount"] == 1500.5
    assert told["date received"].date() == gift.received_on
    assert told["donor"] == "=2+3"


def test_an_export_has_what_the_list_shows_under_its_filters_and_search():
    make_charity()
    for currency, name in (("HKD", "Awa Traore"), ("HKD", "Chan Tai Man"), ("XOF", "Awa Traore")):
        make_gift(donor=make_donor(name=name), currency=currency)
    client = signed_in(Role.FINANCE)

    found = rows_of(ask(client, "donation", query="?currency__exact=HKD&q=awa"))

    assert [(row["currency"], row["donor"]) for row in found] == [("HKD", "Awa Traore")]


@pytest.mark.parametrize("start", ["=1+1", "+852", "-1", "@SUM(A1)"])
def test_a_text_that_begins_like_a_formula_stays_text(start: str):
    make_donor(name=f"{start} Chan", email="a@example.org")

    [row] = rows_of(ask(signed_in(Role.FINANCE), "donor"))

    assert row["name"] == f"'{start} Chan"


def test_moments_are_those_of_the_charitys_clock_and_words_the_readers():
    make_charity(time_zone="Asia/Hong_Kong")
    make_gift(created_at=datetime(2026, 1, 1, 1, 30, tzinfo=ZoneInfo("Asia/Hong_Kong")))
    client = signed_in(Role.FINANCE)
    client.post(reverse("set_language"), {"language": "fr"})

    answer = ask(client, "donation")
    headings, row = lines(answer)

    assert "2026-01-01 01:30:00" in row
    assert {"montant", "devise", "référence"} <= set(headings)
    assert "Reçu" in row
    assert "filename" in answer["Content-Disposition"]


def test_auditors_get_no_contact_details():
    make_donor(name="Chan Tai Man", email="taiman@example.org", address="1 Kowloon Road")

    [whole], [without] = (rows_of(ask(signed_in(role), "donor")) for role in (Role.FINANCE, Role.AUDITOR))

    assert whole["email address"] == "taiman@example.org"
    assert whole["address"] == "1 Kowloon Road"
    assert set(whole) - set(without) == {"email address", "address"}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_other_roles_get_no_export(name: str, kind: str):
    for role in (Role.WAREHOUSE, Role.COORDINATOR, Role.SAFETY, Role.ADMINISTRATOR):
        assert ask(signed_in(role), name, kind).status_code == 403
    assert ask(Client(), name, kind).status_code == 302
    assert not AuditEntry.objects.filter(verb="rows exported").exists()


@pytest.mark.parametrize("query", ["?email__startswith=a", "?nonsense=1", "?p=%00"])
def test_what_the_list_refuses_is_not_exported_either(query: str):
    make_donor(name="Chan Tai Man")

    answer = ask(signed_in(Role.FINANCE), "donor", query=query)

    assert answer.status_code in (302, 400)


def test_an_unknown_kind_of_file_is_not_found():
    assert ask(signed_in(Role.FINANCE), "donor", "pdf").status_code == 404


def test_an_export_is_recorded_without_what_was_searched():
    client = signed_in(Role.FINANCE)

    ask(client, "donor", "xlsx", "?q=Chan")

    entry = AuditEntry.objects.get(verb="rows exported")
    assert entry.details == {"model": "donations.donor", "file": "xlsx", "is_filtered": True}
    assert entry.subject_id == entry.by_id


def test_a_long_export_is_read_in_chunks_and_streamed(monkeypatch: pytest.MonkeyPatch):
    make_charity()
    monkeypatch.setattr(exports, "CHUNK", 10)
    gift = make_gift()
    copy(gift, 1, 34, reference="'GIFT' || g")
    client = signed_in(Role.FINANCE)

    answer = ask(client, "donation")
    with CaptureQueriesContext(connection) as asked:
        found = rows_of(answer)

    assert isinstance(answer, StreamingHttpResponse)
    assert len({row["reference"] for row in found}) == Donation.objects.count() == 35
    assert len([one for one in asked if "donations_donation" in one["sql"] and "LIMIT 10" in one["sql"]]) == 4


def test_too_many_rows_for_a_spreadsheet_are_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exports, "XLSX_ROWS_MAX", 2)
    for number in range(3):
        make_donor(name=f"Donor {number}")
    client = signed_in(Role.FINANCE)

    answer = client.get("/admin/donations/donor/export.xlsx", follow=True)

    assert "More than 2 rows: filter the list, or export it as CSV." in answer.content.decode()
    assert len(rows_of(ask(client, "donor"))) == 3


def test_receipts_and_refunds_name_their_gift():
    make_charity()
    gift = make_gift(donor=make_donor(name="Chan Tai Man"))
    attempt = gift.attempts.create(
        number=1, amount_minor=50050, currency="HKD", description="A gift", created_at=NOON, expires_at=NOON
    )
    Refund.objects.create(
        attempt=attempt, stripe_id="re_1", state="succeeded", amount_minor=100, currency="HKD", created_at=NOON
    )

    [row] = rows_of(ask(signed_in(Role.FINANCE), "refund"))

    assert (row["gift"], row["donor"], row["amount"], row["state"]) == (
        gift.reference, "Chan Tai Man", "1.00", "Succeeded",
    )  # fmt: skip
    assert rows_of(ask(signed_in(Role.FINANCE), "receipt")) == []
    assert Donor.objects.count() == 1
