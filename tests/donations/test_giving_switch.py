"""The switch with which finance turns online giving off."""

from typing import Any

import pytest

from config.celery import app as celery_app
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.switches.models import GivingSwitch
from donations.switches.services import the_switch
from logistics.audit import services as audit
from logistics.roles import Role
from tests.clients import just_signed_in, signed_in
from tests.donations.giving import GOOD, Giving, body_of_gift
from tests.donations.pages import FORM, check_page, text_of

URL = "/api/v1/donations/"


def turn(role: Role = Role.FINANCE, **changes: Any) -> Any:
    """Save the page of the switch in the admin."""
    switch = the_switch()
    form = {
        "seen_version": str(switch.version),
        "message_en": "We are checking our payments. Back on Monday.",
        "message_fr": "Nous vérifions nos paiements. De retour lundi.",
        "reason": "Card testing since 14:00",
    }
    return signed_in(role).post(f"/admin/donations/givingswitch/{switch.pk}/change/", form | changes)


def test_finance_turns_giving_off_and_on_with_a_reason_in_the_audit_trail(giving: Giving) -> None:
    assert turn().status_code == 302

    answer = giving.post(URL, body_of_gift(), **{"Accept-Language": "fr"})
    assert (answer.status_code, answer.json()["code"]) == (503, "giving_paused")
    assert answer.json()["detail"] == "Nous vérifions nos paiements. De retour lundi."
    assert not Donation.objects.exists()
    assert turn(is_on="on", reason="It stopped").status_code == 302
    giving.give()
    assert (the_switch().message_en, the_switch().message_fr) == ("", "")  # the next pause has another reason
    told = [(entry.verb, entry.reason, entry.by_id is not None) for entry in audit.trail(the_switch())]
    assert told == [("giving turned off", "Card testing since 14:00", True), ("giving turned on", "It stopped", True)]


def test_the_switch_needs_a_recent_sign_in(giving: Giving) -> None:
    late, switch = signed_in(Role.FINANCE), the_switch()
    just_signed_in(late, minutes_ago=6)
    at = f"/admin/donations/givingswitch/{switch.pk}/change/"

    page = late.post(at, {"seen_version": str(switch.version), "reason": "Card testing"})

    assert "confirm_password" in page.content.decode()
    assert the_switch().is_on


def test_the_pages_show_the_message_instead_of_the_form(giving: Giving) -> None:
    gift = giving.give()
    turn(message_en="")
    message = "Online giving is paused"

    page = check_page(giving.client.get("/give/"))
    assert message in page and 'class="btn' not in page  # no button leads to a form that is not there
    page = check_page(giving.client.get("/give/mali/"))
    assert message in page and 'name="amount"' not in page
    assert message in text_of(giving.client.post("/give/mali/", FORM))
    page = check_page(giving.client.get(f"/gifts/{gift['token']}/"))
    assert message in page and "Continue to payment" not in page
    assert giving.client.post(f"/gifts/{gift['token']}/pay/").status_code == 303
    assert giving.post(f"{URL}{gift['token']}/checkout/").json()["code"] == "giving_paused"


def test_checkouts_that_are_open_are_closed_within_a_minute(giving: Giving) -> None:
    gift = giving.give()
    turn()

    celery_app.tasks["donations.watch_giving"]()

    assert PaymentAttempt.objects.get().state == AttemptState.EXPIRED
    assert giving.type_card(gift["checkout_url"], GOOD).status_code == 410


@pytest.mark.parametrize(
    ("role", "changes", "status"),
    [
        (Role.FINANCE, {"reason": " "}, 200),
        (Role.FINANCE, {"seen_version": "0"}, 200),
        (Role.COORDINATOR, {}, 403),
        (Role.AUDITOR, {}, 403),
    ],
)
def test_it_is_not_turned_without_a_reason_from_an_old_page_or_by_others(
    giving: Giving, role: Role, changes: Any, status: int
) -> None:
    assert turn(role, **changes).status_code == status

    assert the_switch().is_on


def test_without_its_row_giving_is_on(giving: Giving) -> None:
    GivingSwitch.objects.all().delete()

    assert giving.give()["status"] == "pending"
