"""Declined cards: they are counted once, close the checkouts of their address, and lead to challenges."""

from typing import Any

import pytest

from donations.gifts.models import Donation
from donations.payments.models import AttemptState, Decline, PaymentAttempt
from tests.donations.card_testing import URL, challenge_of, decline, donor, post
from tests.donations.giving import GOOD, Giving, donation_of, mails
from tests.proofs import solution_of


def test_after_five_declines_the_checkout_is_closed_and_the_address_must_pass_a_challenge(giving: Giving) -> None:
    gift = giving.give()
    decline(giving, gift, times=4)
    assert giving.client.get(gift["url"]).json()["checkout_url"]
    decline(giving, gift)

    assert giving.type_card(gift["checkout_url"], GOOD).status_code == 410
    seen = giving.client.get(gift["url"]).json()
    assert (seen["checkout_url"], seen["may_pay"]) == (None, True)
    checkout = f"{URL}{gift['token']}/checkout/"
    challenge = challenge_of(giving.post(checkout))
    again = giving.post(checkout, {"challenge_solution": solution_of(challenge)}).json()
    giving.type_card(again["checkout_url"], GOOD)
    giving.deliver()
    giving.work()
    assert donation_of(gift).status == Donation.Status.RECEIVED


def test_declines_in_several_checkouts_of_an_address_close_all_of_them(limited: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": 1000, "email": 1000}
    others = post(limited, "203.0.113.9").json()
    gifts = [post(limited).json() for _ in range(7)]
    for gift in gifts[:5]:
        decline(limited, gift)

    open_now = set(PaymentAttempt.objects.filter(state=AttemptState.SESSION_OPEN).values_list("donation__reference"))
    assert open_now == {(others["reference"],)}
    assert {limited.type_card(gift["checkout_url"], GOOD).status_code for gift in gifts} == {410}
    assert post(limited, "203.0.113.9").status_code == 201


def test_an_address_of_many_donors_may_have_more_declines(limited: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": 1000, "email": 1000}
    for _ in range(2):
        limited.type_card(post(limited).json()["checkout_url"], GOOD)
    gifts = [post(limited).json() for _ in range(4)]
    decline(limited, gifts[0], times=3)
    decline(limited, gifts[1], times=3)
    assert post(limited).status_code == 201

    decline(limited, gifts[2])

    challenge_of(post(limited))
    assert limited.type_card(gifts[3]["checkout_url"], GOOD).status_code == 410


def test_a_decline_is_counted_once_however_often_it_is_reported(giving: Giving) -> None:
    gift = giving.give()
    for _ in range(3):
        decline(giving, gift)
    for event in giving.happened():
        giving.deliver(event, event)
    giving.work()

    assert Decline.objects.count() == 3
    assert giving.client.get(gift["url"]).json()["checkout_url"]


def test_after_ten_cards_only_the_link_by_mail_is_offered(limited: Giving, settings: Any) -> None:
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": 1000, "email": 1000}
    decline(limited, post(limited).json(), times=5)
    for _ in range(5):
        challenge = challenge_of(post(limited))
        gift = post(limited, challenge_solution=solution_of(challenge)).json()
        decline(limited, gift)
        assert limited.type_card(gift["checkout_url"], GOOD).status_code == 410

    assert challenge_of(post(limited), "mail") is None
    neighbour = post(limited, confirm_by_mail=True, donor=donor("honest@example.org")).json()
    limited.work()
    confirm = mails()[-1].body.partition("confirm=")[2].split()[0]
    paid = limited.client.post(
        f"/gifts/{neighbour['token']}/pay/", {"confirm": confirm}, headers={"X-Forwarded-For": "192.0.2.1"}
    )
    assert limited.type_card(paid["Location"], GOOD).status_code == 303


def test_while_stripe_is_down_a_decline_still_closes_the_checkout_later(
    giving: Giving, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stripe._http_client as http_client

    monkeypatch.setattr(http_client.HTTPClient, "MAX_DELAY", 0.01)
    monkeypatch.setattr(http_client.HTTPClient, "INITIAL_DELAY", 0.001)
    gift = giving.give()
    giving.stand_in.control.switch(fault="500", fault_when="before", fault_path="/v1/checkout/sessions/", faults=3)

    decline(giving, gift, times=5)

    assert Decline.objects.count() == 5
    assert giving.type_card(gift["checkout_url"], GOOD).status_code == 410
