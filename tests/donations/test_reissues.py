"""A donor is corrected: the receipts concerned are listed, replaced, and mailed to the right address."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.audit.models import AuditEntry
from logistics.documents import services as documents
from logistics.roles import Role
from tests.clients import just_signed_in, signed_in
from tests.donations.giving import Giving, donation_of, mails, paid, pdf_text, receipts_of
from tests.donations.offline import send
from tests.threads import in_threads


def patch(client: Client, donor: Donor, **changes: Any) -> Any:
    body = json.dumps(changes)
    headers = {"If-Match": f'"{donor.version}"'}
    return client.patch(f"/api/v1/donors/{donor.pk}/", body, content_type="application/json", headers=headers)


def outdated(client: Client, donor: Donor) -> Any:
    answer = client.get(f"/api/v1/donors/{donor.pk}/outdated-receipts/")
    assert answer.status_code == 200, answer.content
    return [(row["number"], row["differs"], row["name"], row["mailed_to"]) for row in answer.json()]


def replace(client: Client, receipt: Receipt) -> Any:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    return client.post(f"/api/v1/receipts/{receipt.pk}/replace/", content_type="application/json", headers=headers)


@pytest.fixture
def finance(giving: Giving) -> Client:
    return signed_in(Role.FINANCE)


def test_a_corrected_email_gets_the_replacement(giving: Giving, finance: Client) -> None:
    donation = giving.gift_paid()
    [old] = receipts_of(donation)
    donor = Donor.objects.get()
    secret = next(line for line in mails()[0].body.splitlines() if "/gifts/" in line)

    corrected = patch(finance, donor, email="Tai.Man@Example.org ")

    assert (corrected.status_code, corrected.json()["email"]) == (200, "tai.man@example.org")
    assert outdated(finance, donor) == [(old.number, ["email"], "Chan Tai Man", "taiman@example.org")]
    assert Client().get(secret.partition("/gifts/")[2].join(["/gifts/", ""])).status_code == 410
    answer = replace(finance, old)
    giving.work()
    assert (answer.status_code, answer.json()["replaces"], answer.json()["kind"]) == (201, old.number, "replacement")
    [_, new] = receipts_of(donation)
    last = mails()[-1]
    assert (last.to, len(mails())) == (["tai.man@example.org"], 2)
    assert f"It replaces receipt {old.number}" in last.body
    assert f"Receipt {old.number} had wrong details, which we have corrected." in last.body
    assert last.attachments[0][1] == documents.read(new.document)
    link = next(line for line in last.body.splitlines() if "/gifts/" in line)
    assert Client().get("/gifts/" + link.partition("/gifts/")[2]).status_code == 200
    old.refresh_from_db()
    assert (old.state, old.end_reason) == ("replaced", "donor_corrected")
    assert outdated(finance, donor) == []
    assert AuditEntry.objects.get(verb="receipt replaced").by is not None


def test_a_corrected_name_and_address_are_on_the_replacement(giving: Giving, finance: Client) -> None:
    first, second = giving.gift_paid(), giving.gift_paid(amount="70")
    donor = Donor.objects.get()
    numbers = [receipts_of(gift)[0].number for gift in (second, first)]
    assert outdated(finance, donor) == []

    patch(finance, donor, name="Chan Tai Men", address="7 Sai Street\nKowloon", country="HK")

    assert [row[:2] for row in outdated(finance, donor)] == [(number, ["name", "address"]) for number in numbers]
    assert replace(finance, receipts_of(first)[0]).status_code == 201
    giving.work()
    printed = pdf_text(documents.read(receipts_of(first)[1].document))
    assert "Chan Tai Men" in printed and "7 Sai Street" in printed and numbers[1] in printed
    assert [row[0] for row in outdated(finance, donor)] == numbers[:1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"email": "nobody"}, ("email", "invalid")),
        ({"email": ""}, ("email", "blank")),
        ({"email": "office@chan.example", "organisation": "CHAN & Co.", "name": ""}, ("email", "not_unique")),
    ],
)
def test_impossible_emails_are_refused(giving: Giving, finance: Client, changes: Any, expected: Any) -> None:
    send(finance)
    giving.give()
    donor = Donor.objects.get(name="Chan Tai Man")

    answer = patch(finance, donor, **changes)

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, *expected)
    assert Donor.objects.get(pk=donor.pk).email == "taiman@example.org"


def test_what_is_not_valid_or_disputed_or_lacks_a_name_is_not_replaced(giving: Giving, finance: Client) -> None:
    donation = giving.gift_paid()
    [receipt] = receipts_of(donation)
    donor = Donor.objects.get()
    assert replace(finance, receipt).status_code == 201
    again = replace(finance, receipt)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")

    [_, valid] = receipts_of(donation)
    patch(finance, donor, name="")
    blocked = replace(finance, valid)
    assert (blocked.status_code, blocked.json()["code"]) == (409, "receipt_blocked")
    said = finance.get(f"/api/v1/receipts/{valid.pk}/").json()["allowed_actions"]
    assert [one["code"] for one in said if one["action"] == "replace"] == ["receipt_blocked"]
    assert receipts_of(donation)[1].state == "issued"

    patch(finance, Donor.objects.get(), name="Chan")
    giving.stand_in.control.dispute(str(donation.attempts.get().payment_intent_id))
    giving.deliver()
    giving.work()
    disputed = replace(finance, valid)
    assert (disputed.status_code, disputed.json()["code"]) == (409, "wrong_state")


def test_only_finance_who_signed_in_recently_may(giving: Giving, finance: Client) -> None:
    [receipt] = receipts_of(giving.gift_paid())
    donor = Donor.objects.get()

    for client in (Client(), signed_in(Role.AUDITOR), signed_in(Role.WAREHOUSE)):
        assert replace(client, receipt).status_code in (401, 403)
        assert patch(client, donor, email="a@example.org").status_code in (401, 403)
    address = f"/api/v1/donors/{donor.pk}/outdated-receipts/"
    assert [client.get(address).status_code for client in (Client(), signed_in(Role.WAREHOUSE))] == [401, 403]
    Donor.objects.filter(pk=donor.pk).update(email="a@example.org")
    assert "mailed_to" in finance.get(address).json()[0]
    assert "mailed_to" not in signed_in(Role.AUDITOR).get(address).json()[0]
    Donor.objects.filter(pk=donor.pk).update(email="taiman@example.org")
    just_signed_in(finance, minutes_ago=10)
    for answer in (replace(finance, receipt), patch(finance, donor, email="a@example.org")):
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again")
    assert (Receipt.objects.count(), Donor.objects.get().email) == (1, "taiman@example.org")


def test_a_receipt_replaced_by_several_at_once_is_replaced_once(committed_giving: Giving) -> None:
    giving = committed_giving
    gift = paid(giving)
    giving.deliver()
    giving.work()
    [receipt] = receipts_of(donation_of(gift))
    staff = [signed_in(Role.FINANCE) for _ in range(8)]

    answers = in_threads(lambda number: replace(staff[number], receipt).status_code, times=8)

    assert sorted(answers) == [201] + [409] * 7
    assert [one.state for one in receipts_of(Donation.objects.get())] == ["replaced", "issued"]
