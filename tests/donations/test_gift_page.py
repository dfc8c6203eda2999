"""The page of a gift in the admin: what it is, what may be done and why not, and all that happened."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from donations.gifts.models import Donation
from logistics.roles import Role
from tests.clients import just_signed_in, once, signed_in
from tests.donations.giving import Giving, donation_of, paid_twice, receipts_of, received
from tests.donations.offline import send
from tests.donations.refunding import ask, someone, told

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


def address(gift: Donation, act: str = "change") -> str:
    return f"/admin/donations/donation/{gift.pk}/{act}/"


def page(client: Client, gift: Donation) -> str:
    """Return the text of the page's content, without tags."""
    answer = client.get(address(gift))
    assert answer.status_code == 200
    shown = answer.content.decode()
    main = shown[shown.index('id="content-main"') : shown.index("django-admin-form-add-constants")]
    text = re.sub(r"\s+", " ", html.unescape(strip_tags(main.replace("<", " <"))))
    return text.replace(" :", ":")


def test_it_tells_everything_without_ids_and_minor_units(giving: Giving) -> None:
    gift = donation_of(received(giving))
    ask(someone(), gift, "100.00")
    told(giving)

    shown = page(signed_in(Role.FINANCE), gift)

    first, second = receipts_of(gift)
    for words in (
        "Donor Chan Tai Man",
        "Amount 500.50 HKD",
        "Status Partially Refunded",
        "Held now 400.50 HKD",
        "Visa •••• 4242",
        f"{second.number} 400.50 HKD Issued replaces {first.number}",
        "Refund of 100.00 HKD requested",
        "“The donor telephoned.”",
        f"Receipt {first.number} replaced",
        f"Receipt {second.number} was mailed: sent",
    ):
        assert words in shown, words
    assert not UUID.search(shown)
    assert "50050" not in shown and "40050" not in shown


def test_what_may_not_be_done_says_why(giving: Giving) -> None:
    gift = donation_of(received(giving))
    finance = signed_in(Role.FINANCE)

    before = page(finance, gift)
    ask(someone(), gift)
    after = page(finance, gift)

    assert "Refund what was paid twice: Nothing was paid beyond the gift" in before
    assert "Refund: " not in before
    assert "Issue missing receipt: The gift has its receipt." in before
    assert "Refund: Nothing is left to refund" in after
    cheque = Donation.objects.get(pk=send(signed_in(Role.FINANCE)).json()["id"])
    assert "Refund: This gift was not paid by card." in page(finance, cheque)


def test_a_corrected_and_voided_cheque_keeps_its_story(giving: Giving) -> None:
    finance = signed_in(Role.FINANCE)
    path = f"/api/v1/donations/{send(finance).json()['id']}"
    fixed = {"amount": "500.00", "reason": "The cheque is for HK$500."}
    assert finance.post(f"{path}/correct/", fixed, "application/json", headers=once()).status_code == 200

    corrected = page(finance, Donation.objects.get())
    assert (
        finance.post(f"{path}/void/", {"reason": "Typed twice."}, "application/json", headers=once()).status_code == 200
    )
    voided = page(finance, Donation.objects.get())

    assert "Correct Void" in corrected
    for words in ("Received: 5,000.00 HKD held", "Gift corrected: 500.00 HKD held", "“The cheque is for HK$500.”"):
        assert words in corrected, words
    for words in ("Status Voided", "Held now 0.00 HKD", "Gift voided", "Void: A gift that is voided cannot be"):
        assert words in voided, words


def test_auditors_see_it_without_buttons(giving: Giving) -> None:
    gift, auditor = donation_of(received(giving)), signed_in(Role.AUDITOR)

    shown = page(auditor, gift)

    assert "What happened" in shown and "What can be done now" not in shown
    assert "taiman@example.org" not in shown
    assert auditor.get(address(gift, "refund")).status_code == 403


def test_warnings_stand_at_the_top(giving: Giving) -> None:
    finance = signed_in(Role.FINANCE)
    suspected = donation_of(received(giving, "4000000000005423"))
    assert "The bank warns of fraud (A stolen card) in payment 1." in page(finance, suspected)

    twice = donation_of(paid_twice(giving))
    assert "The donor paid more than once: 500.50 HKD more than the gift." in page(finance, twice)


def test_it_speaks_french(giving: Giving) -> None:
    gift = donation_of(received(giving))
    client = signed_in(Role.FINANCE)

    client.cookies["django_language"] = "fr"
    answer = client.get(address(gift))

    shown = html.unescape(answer.content.decode())
    assert "Ce que l’on peut faire maintenant" in shown and "500,50 HKD" in shown


# --- Its forms ----------------------------------------------------------------------------------------------------


def refund(client: Client, gift: Donation, **typed: Any) -> Any:
    values = {"payment": "1", "amount": "", "reason": "requested_by_customer", "note": ""} | typed
    return client.post(address(gift, "refund"), values)


@pytest.mark.parametrize(
    ("typed", "minor"), [("", 50050), ("10.000", None), ("100", 10000), ("HK$ 100.5", 10050), ("600", None)]
)
def test_amounts_are_read_as_typed_and_never_guessed(giving: Giving, typed: str, minor: int | None) -> None:
    gift = donation_of(received(giving))

    answer = refund(signed_in(Role.FINANCE), gift, amount=typed)

    assert answer.status_code == (200 if minor is None else 302)
    refunds = [one.amount_minor for one in gift.attempts.get().refunds.all()]
    assert refunds == ([] if minor is None else [minor])


def test_too_much_is_refused_beside_the_field_with_what_is_left(giving: Giving) -> None:
    gift = donation_of(received(giving))

    answer = refund(signed_in(Role.FINANCE), gift, amount="600", note="All of it.")

    shown = html.unescape(answer.content.decode())
    assert "This is more than is left to refund: HK$500.50." in shown
    assert "All of it." in shown  # what was typed is kept


def test_a_refund_needs_a_recent_sign_in(giving: Giving) -> None:
    gift, finance = donation_of(received(giving)), signed_in(Role.FINANCE)
    just_signed_in(finance, minutes_ago=6)

    answer = refund(finance, gift)

    assert "Confirm that it is you" in answer.content.decode()
    assert gift.attempts.get().refunds.count() == 0
