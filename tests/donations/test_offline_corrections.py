"""Offline gifts that were typed wrong are corrected, those recorded by mistake are voided; numbers stay gapless."""

import json
import uuid
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from donations.appeals.models import GiftTotal
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.audit.models import AuditEntry
from logistics.documents import services as documents
from logistics.roles import Role
from tests.clients import just_signed_in, signed_in
from tests.donations.giving import Giving, donation_of, mails, pdf_text, receipts_of
from tests.donations.offline import CHEQUE, day_ago, send
from tests.makers.appeals import make_appeal
from tests.threads import in_threads

WHY = {"reason": "The cheque says so."}


def act(client: Client, gift: Any, name: str, **body: Any) -> Any:
    return client.post(
        f"/api/v1/donations/{gift['id']}/{name}/",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )


def verify() -> None:
    """Raise if an invariant of the stored data is broken."""
    call_command("verify", stdout=StringIO())


def total() -> list[tuple[str, int, int]]:
    return sorted(GiftTotal.objects.exclude(gifts=0).values_list("currency", "amount_minor", "gifts"))


@pytest.fixture
def finance(giving: Giving) -> Client:
    return signed_in(Role.FINANCE)


def test_a_corrected_amount_replaces_the_receipt(giving: Giving, finance: Client) -> None:
    gift = send(finance).json()
    giving.work()

    answer = act(finance, gift, "correct", amount="500.00", received_on=day_ago(31), **WHY)
    giving.work()

    assert (answer.status_code, answer.json()["amount"], answer.json()["received_on"]) == (200, "500.00", day_ago(31))
    old, new = receipts_of(donation_of(gift))
    assert (old.state, old.end_reason, old.amount_minor) == ("replaced", "gift_corrected", 500_000)
    assert (new.state, new.kind, new.replaces, new.amount_minor) == ("issued", "replacement", old, 50_000)
    assert (old.sequence, new.sequence) == (1, 2)
    printed = pdf_text(documents.read(new.document))
    assert "HK$500.00" in printed and old.number in printed
    _first, second = mails()
    assert f"Receipt {old.number} was for HK$5,000.00 by mistake; we received HK$500.00." in second.body
    assert f"It replaces receipt {old.number}, which is no longer valid." in second.body
    assert "refund" not in second.body
    entry = AuditEntry.objects.get(verb="gift corrected")
    assert (entry.reason, entry.details["was"]["amount_minor"], entry.details["now"]["amount_minor"]) == (
        WHY["reason"],
        "500000",
        "50000",
    )
    assert entry.by is not None
    assert total() == [("HKD", 50_000, 1)]
    verify()


@pytest.mark.parametrize(
    ("changes", "is_printed"),
    [
        ({"received_on": day_ago(40)}, True),
        ({"channel": "cash"}, True),
        ({"appeal": ""}, True),
        ({"currency": "USD"}, True),
        ({"payment_reference": "000777"}, False),
        ({"amount": "5000", "channel": "cheque"}, False),
    ],
)
def test_only_what_a_receipt_shows_replaces_it(finance: Client, changes: Any, is_printed: bool) -> None:
    gift = send(finance).json()

    answer = act(finance, gift, "correct", **changes, **WHY)

    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in changes if name not in ("amount", "appeal")} == {
        name: value for name, value in changes.items() if name not in ("amount", "appeal")
    }
    assert len(receipts_of(donation_of(gift))) == (2 if is_printed else 1)
    verify()


def test_a_corrected_appeal_moves_the_sum(finance: Client) -> None:
    make_appeal(slug="wells")
    gift = send(finance).json()

    assert act(finance, gift, "correct", appeal="wells", currency="USD", amount="70.00", **WHY).status_code == 200

    rows = GiftTotal.objects.exclude(gifts=0).values_list("appeal__slug", "currency", "amount_minor", "gifts")
    assert [*rows] == [("wells", "USD", 7000, 1)]
    verify()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": "0"}, ("amount", "amount_zero")),
        ({"currency": "XOF", "amount": "5.5"}, ("amount", "too_many_decimals")),
        ({"currency": "QQQ"}, ("currency", "unknown_currency")),
        ({"received_on": day_ago(-2)}, ("received_on", "in_the_future")),
        ({"received_on": day_ago(800)}, ("received_on", "too_long_ago")),
        ({"channel": "online"}, ("channel", "invalid_choice")),
        ({"appeal": "nowhere"}, ("appeal", "unknown_appeal")),
        ({"reason": " "}, ("reason", "blank")),
    ],
)
def test_impossible_corrections_are_refused(finance: Client, changes: Any, expected: tuple[str, str]) -> None:
    gift = send(finance).json()

    answer = act(finance, gift, "correct", **WHY | changes)

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, *expected)
    assert Donation.objects.get().amount_minor == 500_000


def test_a_voided_gift_counts_nowhere_and_its_number_stays_in_use(giving: Giving, finance: Client) -> None:
    gift, kept = send(finance).json(), send(finance, amount="1.00").json()
    giving.work()

    answer = act(finance, gift, "void", reason="Typed twice.")
    giving.work()

    assert (answer.status_code, answer.json()["status"]) == (200, "voided")
    [cancelled] = receipts_of(donation_of(gift))
    assert (cancelled.state, cancelled.end_reason, cancelled.sequence) == ("cancelled", "voided", 1)
    last = mails()[-1]
    assert last.subject == f"Receipt {cancelled.number} is cancelled"
    assert "This gift was recorded by mistake and is void." in last.body
    assert "refunded" not in last.body and "send you a new receipt" not in last.body
    assert total() == [("HKD", 100, 1)]
    assert [*Receipt.objects.order_by("sequence").values_list("sequence", flat=True)] == [1, 2]
    assert send(finance, amount="2.00").json()["reference"] not in (gift["reference"], kept["reference"])
    assert Receipt.objects.latest("sequence").sequence == 3
    assert AuditEntry.objects.get(verb="gift voided").reason == "Typed twice."
    verify()
    page = Client().get(donation_path(donation_of(gift))).content.decode()
    assert "This gift was recorded by mistake and is void." in page and "Thank you." not in page


def donation_path(donation: Donation) -> str:
    from donations.gifts import tokens

    return tokens.path_of(donation)


def test_a_void_gift_without_receipt_is_no_longer_listed_as_lacking_one(finance: Client) -> None:
    gift = send(finance, donor={"email": "nameless@example.org"}).json()
    assert gift["receipt_blocked_by"] == ["donor_name_missing"]

    assert act(finance, gift, "void", reason="Typed twice.").json()["receipt_blocked_by"] == []


def test_card_gifts_and_void_gifts_are_neither_corrected_nor_voided(giving: Giving, finance: Client) -> None:
    card = giving.gift_paid()
    cheque = send(finance).json()
    act(finance, cheque, "void", reason="Typed twice.")

    for gift in ({"id": str(card.pk)}, cheque):
        for name in ("correct", "void"):
            answer = act(finance, gift, name, **WHY)
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
            shown = finance.get(f"/api/v1/donations/{gift['id']}/").json()["allowed_actions"]
            [said] = [one for one in shown if one["action"] == name]
            assert (said["allowed"], said["reason"]) == (False, answer.json()["detail"])
    verify()


def test_only_finance_who_signed_in_recently_may(giving: Giving, finance: Client) -> None:
    gift = send(finance).json()

    for client in (Client(), signed_in(Role.AUDITOR), signed_in(Role.WAREHOUSE)):
        for name in ("correct", "void"):
            assert act(client, gift, name, **WHY).status_code in (401, 403)
    just_signed_in(finance, minutes_ago=10)
    for answer in (act(finance, gift, "correct", **WHY), act(finance, gift, "void", **WHY), send(finance, amount="2")):
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again")
    assert Donation.objects.get().status == "received"


def test_of_voids_and_corrections_at_once_none_is_lost(committed_giving: Giving) -> None:
    staff = [signed_in(Role.FINANCE) for _ in range(8)]
    gift = send(staff[0]).json()

    def one(number: int) -> int:
        if number % 2:
            return int(act(staff[number], gift, "correct", amount=f"{number}.00", **WHY).status_code)
        return int(act(staff[number], gift, "void", reason="Typed twice.").status_code)

    answers = in_threads(one, times=8)

    assert set(answers) <= {200, 409}
    donation = donation_of(gift)
    voids = [answers[number] for number in range(0, 8, 2)]
    assert (donation.status, voids.count(200)) == ("voided", 1)
    corrected = [answers[number] for number in range(1, 8, 2)].count(200)
    states = [receipt.state for receipt in receipts_of(donation)]
    assert states == ["replaced"] * corrected + ["cancelled"]
    assert total() == []
    verify()


def test_an_offline_gift_repeated_under_its_key_is_one(finance: Client) -> None:
    headers = {"Idempotency-Key": "the-first-cheque-of-march"}

    def post() -> Any:
        body = json.dumps(CHEQUE)
        return finance.post("/api/v1/donations/offline/", body, content_type="application/json", headers=headers)

    first, again = post(), post()

    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert first.json()["id"] == again.json()["id"]
    assert Donation.objects.count() == 1
