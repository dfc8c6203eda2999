"""POST /api/v1/donations/: accepted and refused input, and idempotency."""

import json
import uuid
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pgtrigger
import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override
from rest_framework.throttling import SimpleRateThrottle

from donations import amounts
from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.stripe import gateway
from logistics.charity.models import Charity
from logistics.errors import Invalid
from logistics.idempotency.models import IdempotencyRecord
from tests.donations.giving import DECLINED, GOOD, Giving, body_of_gift, donation_of, receipts_of
from tests.makers.appeals import make_appeal
from tests.rights import as_superuser
from tests.services import services

URL = "/api/v1/donations/"
CASES = Path(__file__).parent.parent / "data" / "cases"


def refusal_of(giving: Giving, status: int = 400, **changes: Any) -> dict[str, Any]:
    answer = giving.post(URL, body_of_gift(**changes))
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert Donation.objects.count() == 0
    return answer.json()


def error_of(giving: Giving, **changes: Any) -> tuple[str, str]:
    [error] = refusal_of(giving, **changes)["errors"]
    return error["field"], error["code"]


def test_the_response_has_the_checkout_url_and_the_follow_url(giving: Giving) -> None:
    gift = giving.give()

    assert gift["status"] == "pending"
    assert gift["amount"] == "500.50"
    assert gift["checkout_url"].startswith(giving.stand_in.url)
    assert giving.client.get(gift["url"]).json() == gift
    assert gift["follow_url"].endswith(f"/gifts/{gift['token']}/")
    donation = donation_of(gift)
    assert (donation.amount_minor, donation.currency) == (50050, "HKD")
    assert donation.consent_version and "write to me" in donation.consent_text
    assert donation.attempts.get().state == AttemptState.SESSION_OPEN


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (500.5, "HKD", ("amount", "not_a_string")),
        (500, "HKD", ("amount", "not_a_string")),
        (True, "HKD", ("amount", "not_a_string")),
        (None, "HKD", ("amount", "null")),
        ("500.505", "HKD", ("amount", "too_many_decimals")),
        ("65500.5", "XOF", ("amount", "too_many_decimals")),
        ("0", "HKD", ("amount", "amount_zero")),
        ("0.00", "HKD", ("amount", "amount_zero")),
        ("9.99", "HKD", ("amount", "amount_too_small")),
        ("499", "XOF", ("amount", "amount_too_small")),
        ("1000000.00", "HKD", ("amount", "amount_too_large")),
        ("-5", "HKD", ("amount", "not_an_amount")),
        ("1e3", "HKD", ("amount", "not_an_amount")),
        ("1,000.00", "HKD", ("amount", "not_an_amount")),
        ("٥٠٠", "HKD", ("amount", "not_an_amount")),
        ("NaN", "HKD", ("amount", "not_an_amount")),
        ("", "HKD", ("amount", "not_an_amount")),
        ("500", "USD", ("currency", "currency_not_accepted")),
        ("500", "hkd", ("currency", "currency_not_accepted")),
        ("500", "XXX", ("currency", "currency_not_accepted")),
    ],
)
def test_an_invalid_amount_is_refused(giving: Giving, amount: Any, currency: str, expected: tuple[str, str]) -> None:
    assert error_of(giving, amount=amount, currency=currency) == expected


def test_the_code_of_a_refusal_does_not_depend_on_the_language() -> None:
    with override("fr"), pytest.raises(Invalid) as refused:
        amounts.parse("1000000.00", "HKD")

    (error,) = cast(list[dict[str, str]], refused.value.details["errors"])
    assert error["code"] == "amount_too_large"
    assert "paiement par carte" in error["detail"]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"), [("500.5", "HKD", 50050), ("65500", "XOF", 65500), ("65500.00", "XOF", 65500)]
)
def test_an_amount_is_kept_in_minor_units(giving: Giving, amount: str, currency: str, minor: int) -> None:
    assert donation_of(giving.give(amount=amount, currency=currency)).amount_minor == minor


def test_other_invalid_input_is_refused(giving: Giving) -> None:
    donor = body_of_gift()["donor"]
    assert error_of(giving, appeal="nowhere") == ("appeal", "unknown_appeal")
    assert error_of(giving, donor=donor | {"name": ""}) == ("donor.name", "required")
    assert refusal_of(giving, donor=donor | {"name": "Chan\x00"})["code"] == "parse_error"
    assert error_of(giving, donor=donor | {"name": "Chan\x07"}) == ("donor.name", "control_characters")
    assert error_of(giving, donor=donor | {"name": 7}) == ("donor.name", "invalid")
    assert error_of(giving, donor=donor | {"email": "nobody"}) == ("donor.email", "invalid")
    assert error_of(giving, donor=donor | {"country": "ZZ"}) == ("donor.country", "unknown_country")
    assert error_of(giving, donor=donor | {"language": "de"}) == ("donor.language", "invalid_choice")
    assert error_of(giving, message="x" * 501) == ("message", "max_length")


def test_an_anonymous_gift_needs_no_name(giving: Giving) -> None:
    gift = giving.give(anonymous=True, donor={"email": "someone@example.org"})
    assert donation_of(gift).donor.name == ""


def test_a_closed_appeal_accepts_no_gifts(giving: Giving) -> None:
    Appeal.objects.update(closes_on=date(2021, 1, 1))
    assert refusal_of(giving, 409)["code"] == "appeal_closed"


def test_no_gift_is_accepted_before_the_charity_is_set_up(giving: Giving) -> None:
    Charity.objects.all().delete()
    assert refusal_of(giving, 409)["code"] == "charity_not_set_up"


def test_a_gift_may_go_where_it_is_most_needed(giving: Giving) -> None:
    assert donation_of(giving.give(appeal="")).appeal is None


# --- Once ---------------------------------------------------------------------------------------


def test_the_same_key_and_body_return_the_same_gift(giving: Giving) -> None:
    key = str(uuid.uuid4())
    first = giving.post(URL, body_of_gift(), key=key)
    again = giving.post(URL, body_of_gift(), key=key)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert (Donation.objects.count(), PaymentAttempt.objects.count()) == (1, 1)
    [record] = IdempotencyRecord.objects.all()
    assert first.json()["token"] not in str(record.response)


def test_the_same_key_with_another_body_is_refused(giving: Giving) -> None:
    key = str(uuid.uuid4())
    giving.post(URL, body_of_gift(), key=key)
    other = giving.post(URL, body_of_gift(amount="600"), key=key)

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Donation.objects.count() == 1


def test_a_gift_without_a_key_is_refused(giving: Giving) -> None:
    answer = giving.post(URL, body_of_gift(), key="")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


def test_a_repeat_donor_gets_one_row_that_later_gifts_do_not_change(giving: Giving) -> None:
    giving.give()
    giving.give(donor=body_of_gift()["donor"] | {"email": "TaiMan@Example.org", "country": "FR", "language": "fr"})

    donor = Donor.objects.get()
    assert (donor.country, donor.language) == ("HK", "en")
    assert set(donor.donations.values_list("language", flat=True)) == {"en", "fr"}


def gifts_of_case(name: str) -> list[dict[str, Any]]:
    gifts: list[dict[str, Any]] = json.loads((CASES / name).read_text("utf-8"))
    return gifts


def test_a_name_typed_in_other_letters_spaces_or_accents_is_the_same_donor(giving: Giving) -> None:
    donations = [donation_of(giving.give(**gift)) for gift in gifts_of_case("24-donors-one-person.json")]

    assert len(donations) == 4
    assert Donor.objects.get().name == "Amélie Noël"


def test_names_with_no_break_spaces_and_joiners_are_accepted(giving: Giving) -> None:
    donations = [donation_of(giving.give(**gift)) for gift in gifts_of_case("25-donor-names-refused.json")]

    assert [donation.donor.name for donation in donations] == ["Jean Dupont", "علی\N{ZERO WIDTH NON-JOINER}رضا"]


# --- Stripe does not answer -----------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the library's pauses between retries."""
    import stripe._http_client as http_client

    monkeypatch.setattr(http_client.HTTPClient, "MAX_DELAY", 0.01)
    monkeypatch.setattr(http_client.HTTPClient, "INITIAL_DELAY", 0.001)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_same_key_continues_the_gift_once_stripe_is_back(giving: Giving, when: str) -> None:
    key = str(uuid.uuid4())
    giving.stand_in.control.switch(fault="500", fault_when=when, faults=3)
    down = giving.post(URL, body_of_gift(), key=key)
    assert (down.status_code, down.json()["code"]) == (503, "payment_provider_unavailable")
    assert PaymentAttempt.objects.get().state == AttemptState.CREATED

    up = giving.post(URL, body_of_gift(), key=key)

    assert (up.status_code, Donation.objects.count(), PaymentAttempt.objects.count()) == (201, 1, 1)
    assert up.json()["checkout_url"]
    assert len(giving.stand_in.world.store.newest_first("checkout.session")) == 1


# --- Limits ----------------------------------------------------------------------------------------


def test_a_throttled_client_gets_a_retry_after_header(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, "give", "1/hour")
    giving.give()
    answer = giving.post(URL, body_of_gift())

    assert (answer.status_code, answer.json()["code"]) == (429, "throttled")
    assert answer.json()["retry_after_s"] > 3000
    with redis.Redis.from_url(services().valkey.url) as cache:
        assert not [key for key in cache.scan_iter() if b"127.0.0.1" in key]


def test_the_limits_cover_one_hour(giving: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"email": 1}
    giving.give()
    with as_superuser(), pgtrigger.ignore("donations.PaymentAttempt:what_an_attempt_asks_is_frozen"):
        PaymentAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=61))

    giving.give()

    assert Donation.objects.count() == 2


# --- Paying again -----------------------------------------------------------------------------------


def test_an_open_checkout_is_returned_again(giving: Giving) -> None:
    gift = giving.give()
    again = giving.post(f"{URL}{gift['token']}/checkout/")

    assert (again.status_code, again.json()["checkout_url"]) == (201, gift["checkout_url"])


def test_an_expired_checkout_is_followed_by_a_new_one(giving: Giving) -> None:
    gift = giving.give()
    giving.stand_in.control.advance(24 * 3600)
    giving.deliver()
    giving.work()
    assert donation_of(gift).attempts.get().state == AttemptState.EXPIRED
    assert giving.client.get(gift["url"]).json()["checkout_url"] is None

    # The stand-in's clock is a day ahead of ours, so it refuses a new session; this tests our side.
    giving.stand_in.control.advance(-24 * 3600)
    again = giving.post(f"{URL}{gift['token']}/checkout/").json()

    assert again["checkout_url"] and again["checkout_url"] != gift["checkout_url"]
    giving.type_card(again["checkout_url"])
    giving.deliver()
    giving.work()
    assert donation_of(gift).status == Donation.Status.RECEIVED


def test_a_received_gift_cannot_be_paid_again(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    giving.work()

    answer = giving.post(f"{URL}{gift['token']}/checkout/")

    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")


def test_the_decline_message_does_not_depend_on_the_banks_reason(giving: Giving) -> None:
    problems = []
    for card in (DECLINED, "4000000000009995", "4000000000009987"):
        gift = giving.give()
        assert giving.type_card(gift["checkout_url"], card).status_code == 402
        giving.deliver()
        giving.work()
        seen = giving.client.get(gift["url"]).json()
        assert (seen["status"], seen["checkout_url"]) == ("pending", gift["checkout_url"])
        problems.append(seen["problem"])
    assert len(set(problems)) == 1 and "not accepted" in problems[0]


def test_a_decline_followed_by_a_success_gives_one_gift_and_one_receipt(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"], DECLINED)
    giving.deliver()
    giving.work()
    giving.type_card(gift["checkout_url"], GOOD)
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, donation.attempts.count()) == (Donation.Status.RECEIVED, 1)
    assert donation.attempts.get().decline_code == ""
    assert len(receipts_of(donation)) == 1


# --- Secrets ------------------------------------------------------------------------------------------


def test_a_forged_token_is_not_found(giving: Giving) -> None:
    gift, other = giving.give(), giving.give()
    body, _, signature = gift["token"].partition("~")
    forged = f"{body}~{other['token'].partition('~')[2]}"
    for token in (forged, body, f"{body}~", "x", f"{body}~{signature[:-1]}", "a" * 400):
        for path in (f"/api/v1/gifts/{token}/", f"/api/v1/gifts/{token}/receipt/", f"/gifts/{token}/"):
            assert giving.client.get(path).status_code == 404, path
        assert giving.post(f"{URL}{token}/checkout/").status_code == 404


def test_there_is_no_receipt_before_the_gift_is_received(giving: Giving) -> None:
    answer = giving.client.get(f"/api/v1/gifts/{giving.give()['token']}/receipt/")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_receipt")


def test_creating_a_gift_takes_at_most_fourteen_queries(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    giving.give()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = giving.post(URL, body_of_gift())

    assert answer.status_code == 201
    asked = [query["sql"] for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(asked) <= 14, "\n".join(asked)


def test_the_gateway_is_never_called_inside_a_transaction(
    committed_giving: Giving, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = gateway.create_checkout_session

    def watched(**arguments: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return real(**arguments)

    monkeypatch.setattr(gateway, "create_checkout_session", watched)
    committed_giving.give()

    assert seen == [False]


def test_a_gift_belongs_to_the_chosen_appeal(giving: Giving) -> None:
    make_appeal(slug="other")
    assert donation_of(giving.give(appeal="other")).appeal.slug == "other"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["陳大文", "Aïssata Traoré", "Nguyễn Văn An", "Ɲɛta", "O’Neil"])
def test_names_that_receipts_can_print_are_accepted(giving: Giving, name: str) -> None:
    assert donation_of(giving.give(donor={"name": name, "email": "taiman@example.org"})).donor.name == name
