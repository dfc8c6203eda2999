"""The staff API: reading, writing, permissions, and a constant number of queries per list."""

import json
import threading
import uuid
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.receipts import services as receipts
from donations.stripe_events.models import StripeEvent
from logistics.audit.models import AuditEntry
from logistics.charity.models import Charity
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving
from tests.makers.appeals import make_appeal
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.threads import in_threads

CHARITY = {
    "name": "Harbour Relief",
    "address": "12 Harbour Road\nHong Kong",
    "country": "HK",
    "registration": "91/1234",
    "jurisdiction": "HK",
    "time_zone": "Asia/Hong_Kong",
    "email": "office@example.org",
    "signatory": "Lee Siu Wai",
    "currencies": ["HKD", "XOF"],
}
APPEAL = {
    "slug": "mali",
    "title_en": "Mali",
    "title_fr": "Mali",
    "story_en": "Beds.",
    "story_fr": "Des lits.",
    "target_amount": "1500000.00",
    "currency": "HKD",
    "country": "ML",
    "opens_on": "2026-01-01",
}


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    keyed = {"Idempotency-Key": str(uuid.uuid4())} | {name.replace("_", "-"): text for name, text in headers.items()}
    return client.generic(method, path, json.dumps(body or {}), content_type="application/json", headers=keyed)


def error_of(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 400, answer.content
    [error] = answer.json()["errors"]
    return error["field"], error["code"]


# --- The charity -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_finance_sets_up_the_charity_and_changes_it_by_version() -> None:
    finance = signed_in(Role.FINANCE)
    assert finance.get("/api/v1/charity/").json()["code"] == "charity_not_set_up"

    first = send(finance, "PUT", "/api/v1/charity/", CHARITY)
    assert (first.status_code, first["ETag"], first.json()["version"]) == (200, '"1"', 1)
    blind = send(finance, "PUT", "/api/v1/charity/", CHARITY | {"name": "X"})
    assert (blind.status_code, blind.json()["code"]) == (428, "version_missing")
    changed = send(finance, "PUT", "/api/v1/charity/", CHARITY | {"name": "New"}, If_Match='"1"')
    assert (changed.status_code, changed.json()["name"], changed["ETag"]) == (200, "New", '"2"')
    stale = send(finance, "PUT", "/api/v1/charity/", CHARITY, If_Match='"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert [entry.verb for entry in AuditEntry.objects.all()] == ["set up", "set up"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"jurisdiction": "US"}, ("jurisdiction", "invalid_choice")),
        ({"country": "ZZ"}, ("country", "unknown_country")),
        ({"time_zone": "Mars/Olympus"}, ("time_zone", "unknown_time_zone")),
        ({"currencies": []}, ("currencies", "min_length")),
        ({"currencies": ["HKD", "QQQ"]}, ("currencies[1]", "unknown_currency")),
        ({"name": ""}, ("name", "blank")),
        ({"email": "nobody"}, ("email", "invalid")),
        ({"email": f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 60}.org"}, ("email", "max_length")),
        ({"website": f"https://example.org/{'a' * 200}"}, ("website", "max_length")),
        ({"name_local": "救援 🏠"}, ("name_local", "not_printable")),
        ({"address": "1 Road 🏠"}, ("address", "not_printable")),
    ],
)
def test_an_invalid_charity_is_refused(changes: Any, expected: tuple[str, str]) -> None:
    assert error_of(send(signed_in(Role.FINANCE), "PUT", "/api/v1/charity/", CHARITY | changes)) == expected
    assert not Charity.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_first_setups_one_wins_and_the_others_are_refused() -> None:
    finance = [signed_in(Role.FINANCE) for _ in range(4)]
    start = threading.Barrier(len(finance))

    def put(number: int) -> int:
        start.wait()
        return int(send(finance[number], "PUT", "/api/v1/charity/", CHARITY).status_code)

    answers = sorted(in_threads(put, times=len(finance)))

    # The others found it there (428: version required), or were late (412).
    assert answers[0] == 200 and set(answers[1:]) <= {412, 428}
    assert Charity.objects.get().version == 1


@pytest.mark.django_db
def test_all_staff_read_the_charity_and_only_finance_changes_it() -> None:
    make_charity()
    for role in (Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR):
        client = signed_in(role)
        assert client.get("/api/v1/charity/").status_code == 200
        assert send(client, "PUT", "/api/v1/charity/", CHARITY, If_Match='"1"').status_code == 403
    assert signed_in(Role.PARTNER).get("/api/v1/charity/").status_code == 403
    assert Client().get("/api/v1/charity/").status_code in (401, 403)


# --- Appeals ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_appeal_is_published_changed_and_removed() -> None:
    make_charity()
    finance = signed_in(Role.FINANCE)
    made = send(finance, "POST", "/api/v1/appeals/", APPEAL)
    assert (made.status_code, made.json()["target_amount"], made.json()["received"]) == (201, "1500000.00", [])

    patched = send(finance, "PATCH", "/api/v1/appeals/mali/", {"title_en": "Mali now"}, If_Match='"1"')
    assert (patched.status_code, patched.json()["title_en"], patched["ETag"]) == (200, "Mali now", '"2"')
    assert patched.json()["target_amount"] == "1500000.00"
    assert send(finance, "PATCH", "/api/v1/appeals/mali/", {}, If_Match='"1"').status_code == 412
    assert send(finance, "PATCH", "/api/v1/appeals/mali/", {}).status_code == 428
    written = send(finance, "PUT", "/api/v1/appeals/mali/", APPEAL, If_Match='"2"')
    assert (written.status_code, written.json()["title_en"]) == (200, "Mali")
    assert send(finance, "DELETE", "/api/v1/appeals/mali/").status_code == 204
    assert not Appeal.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"slug": "no spaces"}, ("slug", "invalid")),
        ({"slug": "taken"}, ("slug", "not_unique")),
        ({"target_amount": "0"}, ("target_amount", "amount_zero")),
        ({"target_amount": 5}, ("target_amount", "not_a_string")),
        ({"target_amount": "1.001"}, ("target_amount", "too_many_decimals")),
        ({"currency": "QQQ"}, ("currency", "unknown_currency")),
        ({"country": "ZZ"}, ("country", "unknown_country")),
        ({"closes_on": "2025-12-31"}, ("closes_on", "closes_before_it_opens")),
        ({"opens_on": "soon"}, ("opens_on", "invalid")),
    ],
)
def test_an_invalid_appeal_is_refused(changes: Any, expected: tuple[str, str]) -> None:
    make_charity()
    make_appeal(slug="taken")
    assert error_of(send(signed_in(Role.FINANCE), "POST", "/api/v1/appeals/", APPEAL | changes)) == expected
    assert Appeal.objects.count() == 1


@pytest.mark.django_db
def test_the_public_sees_only_open_appeals_and_cannot_change_them() -> None:
    make_charity()
    make_appeal()
    make_appeal(slug="past", closes_on=date(2020, 1, 2))
    make_appeal(slug="to-come", opens_on=date(2999, 1, 1))
    public = Client()

    assert [row["slug"] for row in public.get("/api/v1/appeals/").json()["results"]] == ["mali"]
    assert public.get("/api/v1/appeals/past/").status_code == 404
    assert len(signed_in(Role.WAREHOUSE).get("/api/v1/appeals/").json()["results"]) == 3
    for client in (public, signed_in(Role.WAREHOUSE), signed_in(Role.AUDITOR), signed_in(Role.PARTNER)):
        assert send(client, "POST", "/api/v1/appeals/", APPEAL | {"slug": "x"}).status_code in (401, 403)
        assert send(client, "PATCH", "/api/v1/appeals/mali/", {}, If_Match='"1"').status_code in (401, 403)
        assert send(client, "DELETE", "/api/v1/appeals/mali/").status_code in (401, 403)


@pytest.mark.django_db
def test_a_search_finds_appeals_by_slug_and_title_in_either_language() -> None:
    make_charity()
    make_appeal()
    make_appeal(slug="school-year", title_en="A school year", title_fr="Une année d’école")

    def found(words: str) -> list[str]:
        return [row["slug"] for row in Client().get("/api/v1/appeals/", {"search": words}).json()["results"]]

    assert (found("année"), found("MALI réinsertion"), found("year mali")) == (["school-year"], ["mali"], [])


def test_an_appeal_with_gifts_cannot_be_removed_and_shows_what_it_received(giving: Giving) -> None:
    giving.gift_paid()
    back = giving.gift_paid(amount="100.00")
    giving.gift_paid(amount="65500", currency="XOF")
    giving.give()
    giving.stand_in.control.refund(payment_intent=back.attempts.get().payment_intent_id, amount=4000)
    giving.deliver()
    giving.work()

    answer = send(signed_in(Role.FINANCE), "DELETE", "/api/v1/appeals/mali/")

    assert (answer.status_code, answer.json()["code"]) == (409, "appeal_has_gifts")
    assert Client().get("/api/v1/appeals/mali/").json()["received"] == [
        {"currency": "HKD", "amount": "560.50", "gifts": 2},
        {"currency": "XOF", "amount": "65500", "gifts": 1},
    ]


# --- Lists ------------------------------------------------------------------------------------------------------------


LISTS = ["/api/v1/donations/", "/api/v1/receipts/", "/api/v1/donors/", "/api/v1/stripe-events/"]


def fill(count: int) -> None:
    now = timezone.now()
    for _ in range(count):
        donation = received_donation(now)
        receipts.issue(donation, by=None, at=now)
        StripeEvent.objects.create(
            stripe_id=f"evt_{donation.pk.hex}", kind="charge.updated", object_type="charge", object_id="ch_1",
            livemode=False, happened_at=now, received_at=now, source="webhook",
        )  # fmt: skip


@pytest.mark.django_db
def test_lists_are_for_finance_and_auditors() -> None:
    make_charity()
    fill(1)
    for path in LISTS:
        for role, status in (
            (Role.FINANCE, 200),
            (Role.AUDITOR, 200),
            (Role.WAREHOUSE, 403),
            (Role.COORDINATOR, 403),
            (Role.PARTNER, 403),
        ):
            assert signed_in(role).get(path).status_code == status, (path, role)
        assert Client().get(path).status_code in (401, 403)
        [row] = signed_in(Role.AUDITOR).get(path).json()["results"]
        assert signed_in(Role.AUDITOR).get(f"{path}{row['id']}/").status_code == 200
        assert signed_in(Role.WAREHOUSE).get(f"{path}{row['id']}/").status_code == 403


@pytest.mark.django_db
def test_auditors_cannot_read_donors_addresses() -> None:
    make_charity()
    fill(1)
    Donor.objects.update(address="1 Secret Street")
    [row] = signed_in(Role.AUDITOR).get("/api/v1/donors/").json()["results"]
    assert "address" not in row and "email" not in row
    assert signed_in(Role.FINANCE).get("/api/v1/donors/").json()["results"][0]["address"] == "1 Secret Street"


@pytest.mark.django_db
def test_gifts_are_filtered_by_status_appeal_currency_day_and_receipt() -> None:
    make_charity()
    appeal, now = make_appeal(), timezone.now()
    fill(2)
    donor = Donor.objects.earliest("created_at")
    for _ in range(3):
        Donation.objects.create(donor=donor, appeal=appeal, amount_minor=1000, currency="HKD", created_at=now)
    finance = signed_in(Role.FINANCE)

    def count(question: str) -> int:
        return len(finance.get(f"/api/v1/donations/?{question}").json()["results"])

    assert count("status=received") == 2
    assert count("status=pending") == 3
    assert count("appeal=mali") == 3
    assert count("currency=XOF") == 0
    assert count("received_from=2020-01-01") == 2
    assert count("received_to=2020-01-01") == 0
    assert count("without_receipt=true") == 0
    assert finance.get("/api/v1/donations/?status=nonsense").status_code == 400


@pytest.mark.django_db
def test_a_donor_is_corrected_by_version_and_stays_unique() -> None:
    make_charity()
    donor = Donor.objects.create(email="a@example.org", name="A")
    Donor.objects.create(email="a@example.org", name="B")
    finance, path = signed_in(Role.FINANCE), f"/api/v1/donors/{donor.pk}/"

    assert send(finance, "PATCH", path, {"name": "C"}).status_code == 428
    assert send(finance, "PATCH", path, {"name": "C"}, If_Match='"9"').status_code == 412
    assert error_of(send(finance, "PATCH", path, {"name": "B"}, If_Match='"1"')) == ("name", "not_unique")
    assert error_of(send(finance, "PATCH", path, {"country": "ZZ"}, If_Match='"1"')) == ("country", "unknown_country")
    assert error_of(send(finance, "PATCH", path, {"name": "C\x01"}, If_Match='"1"')) == ("name", "control_characters")
    done = send(finance, "PATCH", path, {"name": "김 C 🎁", "address": "1 Road"}, If_Match='"1"')
    assert (done.status_code, done.json()["name"], done.json()["version"]) == (200, "김 C 🎁", 2)
    assert send(signed_in(Role.AUDITOR), "PATCH", path, {"name": "D"}, If_Match='"2"').status_code == 403
    assert AuditEntry.objects.get(verb="corrected").details == {"fields": ["address", "name"]}
