"""Card testing: limits lead to a challenge and lock nobody out; a challenge is passed by a proof or a mailed link."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from donations.challenges.models import Challenge
from donations.challenges.services import ChallengeRequired
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.stripe_events import services as stripe_events
from donations.stripe_events.models import StripeEvent
from logistics.mail.models import Email
from tests.donations.card_testing import ELSEWHERE, URL, challenge_of, donor, post, reach_limit
from tests.donations.giving import GOOD, Giving, body_of_gift, donation_of, mails
from tests.donations.pages import FORM, hidden, text_of
from tests.proofs import solution_of

# --- Limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["address", "email", "world"])
def test_beyond_a_limit_a_challenge_comes_before_stripe_is_called(limited: Giving, settings: Any, limit: str) -> None:
    settings.GIVE_LIMITS = dict.fromkeys(settings.GIVE_LIMITS, 1000) | {limit: 3}
    challenge = reach_limit(limited)
    shown: Any = ChallengeRequired.example["challenge"]  # in the API's description
    assert (shown.keys(), shown["parameters"].keys()) == (challenge.keys(), challenge["parameters"].keys())
    asked = len(limited.stand_in.control.requests())
    assert Donation.objects.count() == 3

    answer = post(limited, challenge_solution=solution_of(challenge))

    assert answer.status_code == 201
    assert len(limited.stand_in.control.requests()) == asked + 1
    assert PaymentAttempt.objects.first().passed == "proof"  # type: ignore[union-attr]


def test_others_cannot_close_giving_or_lock_out_the_owner_of_an_email(limited: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"world": 10}
    for place in range(10):
        assert post(limited, f"198.51.100.{place}").status_code == 201
    challenge = challenge_of(post(limited, "203.0.113.9"))
    assert post(limited, "203.0.113.9", challenge_solution=solution_of(challenge)).status_code == 201

    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"world": 1000}

    assert post(limited, "203.0.113.10").status_code == 201  # ten gifts with this email came from elsewhere


def test_an_alias_of_an_email_and_another_address_of_a_household_are_the_same(limited: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": 1000}
    for alias in ("a@example.org", "a+1@example.org", "A+2@Example.org"):
        assert post(limited, "2001:db8::1", donor=donor(alias)).status_code == 201
    challenge_of(post(limited, "2001:db8::2", donor=donor("a+3@example.org")))

    settings.GIVE_LIMITS = {"address": 3, "email": 1000, "world": 1000}

    challenge_of(post(limited, "2001:db8::3", donor=donor("b@example.org")))
    assert post(limited, "2001:db8:0:1::1", donor=donor("b@example.org")).status_code == 201


def test_the_limits_hold_without_the_cache(limited: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise redis.ConnectionError("down")

    with monkeypatch.context() as patch:
        patch.setattr(redis.ConnectionPool, "get_connection", down)

        assert post(limited, challenge_solution=solution_of(reach_limit(limited))).status_code == 201


@pytest.fixture
def evening(giving: Giving, settings: Any) -> Giving:
    """The limits of production."""
    settings.GIVE_LIMITS = {"address": 10, "email": 10, "world": 2000}
    settings.TRUSTED_PROXIES = 1
    return giving


def test_forty_donors_behind_one_address_pay_without_a_challenge(evening: Giving) -> None:
    for group in range(5):
        gifts = [post(evening, donor=donor(f"guest-{group}-{number}@example.org")) for number in range(8)]
        assert {gift.status_code for gift in gifts} == {201}
        for gift in gifts:
            assert evening.type_card(gift.json()["checkout_url"], GOOD).status_code == 303
        evening.deliver()
        for event in StripeEvent.objects.due():  # not the papers, which nobody waits for here
            stripe_events.apply_event(str(event.pk), at=timezone.now())

    assert Donation.objects.filter(status=Donation.Status.RECEIVED).count() == 40


def test_forty_donors_who_all_begin_before_anybody_has_paid_can_all_pay(evening: Giving) -> None:
    people = [donor(f"guest-{number}@example.org") for number in range(40)]
    answers = [post(evening, donor=person) for person in people]
    assert [answer.status_code for answer in answers] == [201] * 10 + [403] * 30
    checkouts = [answer.json()["checkout_url"] for answer in answers[:10]]

    gifts = [post(evening, donor=person, confirm_by_mail=True).json() for person in people[10:]]
    evening.work()
    links = {mail.to[0]: mail.body.partition("confirm=")[2].split()[0] for mail in mails()}
    for person, gift in zip(people[10:], gifts, strict=True):
        path = f"/gifts/{gift['token']}/pay/"
        paid = evening.client.post(path, {"confirm": links[person["email"]]}, headers={"X-Forwarded-For": "192.0.2.1"})
        checkouts.append(paid["Location"])

    assert [evening.type_card(checkout, GOOD).status_code for checkout in checkouts] == [303] * 40


def test_of_five_hundred_attempts_of_a_bot_ten_reach_stripe(evening: Giving) -> None:
    answers = [post(evening, donor=donor(f"bot-{number}@example.org")).status_code for number in range(500)]

    assert answers.count(201) == 10
    assert set(answers) == {201, 403, 429}  # a challenge, and then the limit of requests from one address
    assert len(evening.stand_in.world.store.newest_first("checkout.session")) == 10


def test_a_gift_that_is_paid_counts_for_no_limit(limited: Giving) -> None:
    for number in range(5):
        gift = post(limited, donor=donor("same@example.org")).json()
        limited.type_card(gift["checkout_url"], GOOD)
        limited.deliver(*limited.happened())
        limited.work()
        assert donation_of(gift).status == Donation.Status.RECEIVED, number


# --- The proof of work -----------------------------------------------------------------------------------------------


def test_a_proof_works_once(limited: Giving) -> None:
    solution = solution_of(reach_limit(limited))
    assert post(limited, challenge_solution=solution).status_code == 201

    again = challenge_of(post(limited, challenge_solution=solution))

    assert post(limited, challenge_solution=solution_of(again)).status_code == 201
    assert Donation.objects.count() == 5


def test_of_many_who_send_the_same_proof_at_once_one_gives(committed_giving: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": 0}
    solution = solution_of(challenge_of(committed_giving.post(URL, body_of_gift())))

    def give(_: int) -> int:
        try:
            one = Giving(committed_giving.stand_in)
            return int(one.post(URL, body_of_gift(challenge_solution=solution)).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(give, range(6))) == [201] + [403] * 5


def test_a_proof_is_for_one_address_one_email_and_one_purpose(limited: Giving) -> None:
    gift = limited.give()
    PaymentAttempt.objects.update(state=AttemptState.EXPIRED)
    reach_limit(limited, "203.0.113.9")
    solution = solution_of(reach_limit(limited))

    challenge_of(post(limited, "203.0.113.9", challenge_solution=solution))
    challenge_of(post(limited, challenge_solution=solution, donor=donor("other@example.org")))
    checkout = f"{URL}{gift['token']}/checkout/"
    challenge = challenge_of(
        limited.post(checkout, {"challenge_solution": solution}, **{"X-Forwarded-For": "192.0.2.1"})
    )
    assert post(limited, challenge_solution=solution).status_code == 201  # it was not used up by others
    paid = limited.post(checkout, {"challenge_solution": solution_of(challenge)}, **{"X-Forwarded-For": "192.0.2.1"})
    assert paid.status_code == 201


def test_a_proof_that_expired_or_was_changed_is_refused(limited: Giving) -> None:
    challenge = reach_limit(limited)
    solution = solution_of(challenge)
    easier = challenge | {"parameters": challenge["parameters"] | {"keyPrefix": "00", "keySignature": "00"}}
    own = json.loads(base64.b64decode(solution))
    own["challenge"]["parameters"]["data"]["id"] = Challenge(method="proof").pk.hex

    for wrong in (
        "x",
        "e30=",
        "W10=",
        "\x7f",
        solution_of(easier),
        base64.b64encode(json.dumps(own).encode()).decode(),
    ):
        assert post(limited, challenge_solution=wrong).status_code in (400, 403)
    Challenge.objects.update(expires_at=timezone.now())
    challenge_of(post(limited, challenge_solution=solution))

    assert not Challenge.objects.exclude(used_at=None).exists()


def test_each_further_load_of_gifts_from_an_address_makes_its_challenges_harder(limited: Giving) -> None:
    costs = [challenge["parameters"]["cost"] for challenge in [reach_limit(limited)]]
    for _ in range(3):
        challenge = challenge_of(post(limited))
        assert post(limited, challenge_solution=solution_of(challenge)).status_code == 201
    costs.append(challenge_of(post(limited))["parameters"]["cost"])

    assert costs == [1, 2]


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"used_at": timezone.now() + timedelta(days=2)}, "a_challenge_is_not_used_after_it_expired"),
        ({"method": "mail"}, "a_link_by_mail_is_for_a_donation"),
    ],
)
def test_the_database_refuses_impossible_challenges(db: Any, changes: dict[str, Any], broken: str) -> None:
    values = {"method": "proof", "purpose": "x", "expires_at": timezone.now()} | changes

    with pytest.raises(IntegrityError, match=broken), transaction.atomic():
        Challenge.objects.create(**values)


# --- The link by mail ------------------------------------------------------------------------------------------------


def form_of(page: Any) -> dict[str, str]:
    """Return the fields of the challenge's page, as a browser without script would send them."""
    html = text_of(page)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))


def test_without_script_a_link_by_mail_leads_to_the_checkout(limited: Giving) -> None:
    reach_limit(limited)
    page = limited.client.post("/give/mali/", FORM, headers={"X-Forwarded-For": "192.0.2.1"})
    assert page.status_code == 403
    sent = limited.client.post(
        "/give/mali/", form_of(page) | {"by_mail": "1"}, headers={"X-Forwarded-For": "192.0.2.1"}
    )
    assert "taiman@example.org" in text_of(sent)
    assert not limited.stand_in.world.store.newest_first("checkout.session")[3:]
    limited.work()
    [mail] = [mail for mail in mails() if "/gifts/" in mail.body]
    link = re.search(r"http://localhost:8000(/gifts/\S+)", mail.body)
    assert link

    opened = Client().get(link[1])  # a mail scanner does not use it up
    phone = Client()
    confirm = hidden(text_of(phone.get(link[1])), "confirm")
    paid = phone.post(link[1].partition("?")[0] + "pay/", {"confirm": confirm}, headers=ELSEWHERE)

    assert opened.status_code == 200
    assert paid["Location"].startswith(limited.stand_in.url)
    assert Donation.objects.first().message == "For the school"  # type: ignore[union-attr]
    assert not Email.objects.exclude(body="").exists()


def test_the_link_is_needed_only_beyond_a_limit_and_works_once(limited: Giving) -> None:
    reach_limit(limited, "203.0.113.9")
    gift = post(limited, confirm_by_mail=True).json()
    assert (gift["checkout_url"], gift["status"], gift["may_pay"]) == (None, "pending", True)
    limited.work()
    confirm = mails()[-1].body.partition("confirm=")[2].split()[0]

    def pay(confirm: str, address: str = "203.0.113.9") -> Any:
        return limited.client.post(
            f"/gifts/{gift['token']}/pay/", {"confirm": confirm}, headers={"X-Forwarded-For": address}
        )

    assert pay(confirm[:-1]).status_code == 403
    assert pay(confirm).status_code == 303
    PaymentAttempt.objects.update(state=AttemptState.EXPIRED)
    assert pay(confirm).status_code == 403
    assert pay("", "203.0.113.77").status_code == 303


def test_an_email_gets_five_links_an_hour_and_an_address_forty_that_are_not_used(giving: Giving) -> None:
    for _ in range(5):
        assert post(giving, confirm_by_mail=True).status_code == 201
    answer = post(giving, confirm_by_mail=True, donor=donor("taiman+6@example.org"))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_gifts")
    assert "Retry-After" in answer

    for number in range(35):
        assert post(giving, confirm_by_mail=True, donor=donor(f"d{number}@example.org")).status_code == 201

    assert post(giving, confirm_by_mail=True, donor=donor("d36@example.org")).status_code == 429
    assert Donation.objects.count() == Email.objects.count() == 40
    Challenge.objects.filter(pk=Challenge.objects.latest("pk").pk).update(used_at=Now())
    assert post(giving, confirm_by_mail=True, donor=donor("d36@example.org")).status_code == 201
