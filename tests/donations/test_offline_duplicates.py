"""Offline gifts that may have been recorded before: shown, and recorded only if finance says that they are others."""

from typing import Any

import pytest
from django.test import Client

from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving
from tests.donations.offline import CHEQUE, day_ago, send
from tests.threads import in_threads

OTHER_DONOR = {"name": "Ho Ka Yan", "email": "ho@example.org"}


def duplicates_of(answer: Any) -> list[str]:
    assert (answer.status_code, answer.json()["code"]) == (409, "possible_duplicate"), answer.content
    return list(answer.json()["duplicates"])


@pytest.fixture
def finance(giving: Giving) -> Client:
    return signed_in(Role.FINANCE)


def test_a_cheque_typed_twice_is_shown_and_needs_a_word(finance: Client) -> None:
    first = send(finance).json()["reference"]

    again = send(finance)

    assert duplicates_of(again) == [first]
    assert first in again.json()["detail"]
    assert (Donation.objects.count(), Receipt.objects.count()) == (1, 1)
    another = send(finance, another_than=[first])
    assert (another.status_code, Donation.objects.count(), Receipt.objects.count()) == (201, 2, 2)
    # Whoever knows of one of two gifts alike is shown the other one.
    assert duplicates_of(send(finance, another_than=[first])) == sorted([first, another.json()["reference"]])


@pytest.mark.parametrize(
    ("changes", "is_alike"),
    [
        ({"received_on": day_ago(37)}, True),
        ({"received_on": day_ago(23)}, True),
        ({"received_on": day_ago(38)}, False),
        ({"received_on": day_ago(22)}, False),
        ({"amount": "5000.01"}, False),
        ({"amount": "5000.00", "currency": "USD"}, False),
        ({"channel": "bank"}, True),
        ({"donor": OTHER_DONOR}, False),
        ({"donor": {"organisation": "CHAN & Co.", "email": "other@chan.example"}}, True),
        ({"donor": {"name": "Chan Tai Man", "email": "Office@chan.example"}}, True),
        ({"donor": {"email": "office@chan.example"}}, True),
    ],
)
def test_alike_is_the_same_amount_from_the_same_donor_within_a_week(
    finance: Client, changes: Any, is_alike: bool
) -> None:
    assert send(finance).status_code == 201
    assert send(finance, **changes).status_code == (409 if is_alike else 201)


def test_alike_is_the_same_payment_reference_whoever_gave_how_much_and_when(finance: Client) -> None:
    first = send(finance, payment_reference=" hsbc  000123 ").json()
    assert first["payment_reference"] == "hsbc 000123"

    other = {"donor": OTHER_DONOR, "amount": "70.00", "received_on": day_ago(400)}

    assert duplicates_of(send(finance, payment_reference="HSBC000123", **other)) == [first["reference"]]
    assert send(finance, payment_reference="HSBC000124", **other).status_code == 201


def test_a_gift_by_card_may_be_the_same_and_a_void_or_unpaid_one_is_not(giving: Giving) -> None:
    finance = signed_in(Role.FINANCE)
    unpaid = giving.give(amount="70.00")
    same = {"amount": "500.50", "donor": {"name": "Chan Tai Man", "email": "taiman@example.org"}}
    paid = giving.gift_paid()
    today = {"received_on": day_ago(0)}

    assert duplicates_of(send(finance, **same, **today)) == [paid.reference]
    assert send(finance, **same | {"amount": "70.00"}, **today).status_code == 201
    assert unpaid["status"] == "pending"

    cheque = send(finance).json()
    finance.post(
        f"/api/v1/donations/{cheque['id']}/void/",
        {"reason": "Typed into the wrong year."},
        content_type="application/json",
        headers={"Idempotency-Key": "a-void-of-a-wrong-cheque"},
    )
    assert send(finance).status_code == 201


def test_a_known_donor_is_chosen_by_id(finance: Client) -> None:
    first = send(finance).json()
    known = {name: value for name, value in CHEQUE.items() if name != "donor"}

    def by_id(**more: Any) -> Any:
        import json
        import uuid

        headers = {"Idempotency-Key": str(uuid.uuid4())}
        body = json.dumps(known | more)
        return finance.post("/api/v1/donations/offline/", body, content_type="application/json", headers=headers)

    second = by_id(donor_id=first["donor"], amount="1.00")
    assert (second.status_code, second.json()["donor"]) == (201, first["donor"])
    assert duplicates_of(by_id(donor_id=first["donor"])) == [first["reference"]]
    for wrong in ({}, {"donor": OTHER_DONOR, "donor_id": first["donor"]}):
        answer = by_id(**wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "donor")
    nobody = by_id(donor_id="01976f4e-9c5b-7c11-9d7e-0d4b8a1c2e3f")
    assert (nobody.status_code, nobody.json()["errors"][0]["code"]) == (400, "does_not_exist")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"donor": {"organisation": "Chan & Co.", "email": "other@chan.example"}},
        {"donor": OTHER_DONOR, "amount": "70.00", "payment_reference": "HSBC 000123"},
    ],
)
def test_of_two_alike_at_once_one_is_recorded(committed_giving: Giving, changes: Any) -> None:
    first, second = {"payment_reference": "HSBC 000123"}, {"payment_reference": "HSBC 000124"}
    bodies = [first, (first if "payment_reference" in changes else second) | changes]
    staff = [signed_in(Role.FINANCE) for _ in range(8)]

    answers = in_threads(lambda number: send(staff[number], **bodies[number % 2]).status_code, times=8)

    assert sorted(answers) == [201] + [409] * 7
    assert (Donation.objects.count(), Receipt.objects.count()) == (1, 1)
