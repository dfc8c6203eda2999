"""A form that is sent again is one gift; its amount may change until it is paid; all errors are shown at once."""

import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.stripe_events import booking
from tests.donations.giving import Giving, donation_of
from tests.donations.pages import FORM, check_page, hidden, text_of


def form_of(giving: Giving) -> dict[str, str]:
    """Open the giving page in this browser, and return the form that it would send."""
    return FORM | {"form": hidden(text_of(giving.client.get("/give/mali/")), "form")}


def sessions(giving: Giving) -> dict[str, str]:
    """Return the status of each checkout at Stripe, by its id."""
    return {one["id"]: one["status"] for one in giving.stand_in.world.store.newest_first("checkout.session")}


def pay(giving: Giving, checkout: str) -> None:
    assert giving.type_card(checkout).status_code == 303
    giving.deliver()
    giving.work()


def test_a_form_that_is_sent_twice_is_one_gift_with_one_checkout(giving: Giving) -> None:
    form = form_of(giving)
    first, second = (giving.client.post("/give/mali/", form) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Donation.objects.count() == PaymentAttempt.objects.count() == len(sessions(giving)) == 1


def test_two_tabs_of_a_browser_have_the_same_form_and_another_browser_has_its_own(giving: Giving) -> None:
    one, other = form_of(giving), form_of(giving)
    giving.client.post("/give/mali/", one)
    giving.client.post("/give/mali/", other)
    assert Donation.objects.count() == 1

    elsewhere = Giving(giving.stand_in, Client())
    elsewhere.client.post("/give/mali/", form_of(elsewhere))

    assert Donation.objects.count() == 2


def test_of_many_clicks_at_once_one_makes_a_gift(committed_giving: Giving) -> None:
    form = form_of(committed_giving)

    def send(_: int) -> str:
        try:
            return str(Client().post("/give/mali/", form)["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        led_to = set(pool.map(send, range(12)))

    assert Donation.objects.count() == PaymentAttempt.objects.count() == 1
    assert len(sessions(committed_giving)) == 1
    # One that came before Stripe had answered is led to the gift's page or to the checkout: never to another one.
    assert len([url for url in led_to if url.startswith(committed_giving.stand_in.url)]) == 1


def test_going_back_to_change_the_form_changes_the_gift_and_closes_the_former_checkout(giving: Giving) -> None:
    form = form_of(giving)
    former = giving.client.post("/give/mali/", form)["Location"]
    changed = form | {"amount": "60", "name": "Chan Siu Ming", "message": "", "consent": ""}
    checkout = giving.client.post("/give/mali/", changed)["Location"]

    assert giving.type_card(former).status_code == 410
    assert sorted(sessions(giving).values()) == ["expired", "open"]
    pay(giving, checkout)
    donation = Donation.objects.get()
    assert (donation.amount_minor, donation.donor.name, donation.message) == (6000, "Chan Siu Ming", "")
    assert (donation.status, donation.consent_text) == (Donation.Status.RECEIVED, "")
    assert donation.receipts.get().amount_minor == 6000


def test_changing_anything_but_the_amount_keeps_the_checkout(giving: Giving) -> None:
    form = form_of(giving)
    first = giving.client.post("/give/mali/", form)
    second = giving.client.post("/give/mali/", form | {"message": "For the kitchen"})

    assert first["Location"] == second["Location"]
    assert Donation.objects.get().message == "For the kitchen"


def test_a_gift_that_is_paid_is_shown_instead_of_made_again(giving: Giving) -> None:
    form = form_of(giving)
    pay(giving, giving.client.post("/give/mali/", form)["Location"])
    again = giving.client.post("/give/mali/", form)

    assert again["Location"] == tokens.path_of(Donation.objects.get())
    assert "Thank you." in check_page(giving.client.get(again["Location"]))
    # Another amount is another gift, and so is a form that is opened after the page of thanks.
    giving.client.post("/give/mali/", form | {"amount": "700"})
    giving.client.post("/give/mali/", form_of(giving))
    assert sorted(Donation.objects.values_list("amount_minor", flat=True)) == [50050, 50050, 70000]


def test_another_appeal_or_another_email_is_another_gift(giving: Giving) -> None:
    form = form_of(giving)
    giving.client.post("/give/mali/", form)
    giving.client.post("/give/most-needed/", form)
    giving.client.post("/give/mali/", form | {"email": "other@example.org"})

    assert Donation.objects.count() == 3


@pytest.mark.parametrize("token", ["", "short", "x" * 65, "a b c d e f g h i j k l m n"])
def test_without_a_token_of_ours_each_form_is_a_gift(giving: Giving, token: str) -> None:
    for _ in range(2):
        giving.client.post("/give/mali/", FORM | {"form": token})

    assert Donation.objects.filter(form_key="").count() == Donation.objects.count() == (0 if len(token) > 64 else 2)


def test_while_stripe_is_down_the_former_amount_stays(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    import stripe._http_client as http_client

    monkeypatch.setattr(http_client.HTTPClient, "MAX_DELAY", 0.01)
    monkeypatch.setattr(http_client.HTTPClient, "INITIAL_DELAY", 0.001)
    form = form_of(giving)
    former = giving.client.post("/give/mali/", form)["Location"]
    giving.stand_in.control.switch(fault="500", fault_when="before", fault_path="/v1/checkout/sessions/", faults=3)
    answer = giving.client.post("/give/mali/", form | {"amount": "60"})

    assert answer.status_code == 422
    assert 'value="60"' in check_page(answer)
    assert Donation.objects.get().amount_minor == 50050
    pay(giving, former)
    assert Donation.objects.get().status == Donation.Status.RECEIVED


# --- The page of the gift --------------------------------------------------------------------------------------------


def test_the_amount_can_be_changed_on_the_page_that_the_payment_page_leads_back_to(giving: Giving) -> None:
    gift = giving.give(amount="1250.50")
    page = tokens.path_of(donation_of(gift))
    assert hidden(check_page(giving.client.get(page)), "amount") == "1,250.50"
    asked = giving.client.post(f"{page}pay/", {"amount": "10.000"})
    html = check_page(asked)
    assert asked.status_code == 422
    assert "HK$10,000.00 or HK$10.00?" in html and 'value="10.000"' in html
    assert re.findall(r'name="meant" value="([^"]+)"', html) == ["10000.00", "10.00"]
    assert donation_of(gift).amount_minor == 125050

    checkout = giving.client.post(f"{page}pay/", {"amount": "10.000", "meant": "10000.00"})["Location"]

    assert giving.type_card(gift["checkout_url"]).status_code == 410
    pay(giving, checkout)
    donation = donation_of(gift)
    assert (donation.amount_minor, donation.receipts.get().amount_minor) == (1000000, 1000000)
    assert [attempt.amount_minor for attempt in donation.attempts.order_by("number")] == [125050, 1000000]


def test_an_unchanged_amount_keeps_the_checkout(giving: Giving) -> None:
    gift = giving.give(amount="1250.50")
    page = tokens.path_of(donation_of(gift))

    assert giving.client.post(f"{page}pay/", {"amount": "1,250.50"})["Location"] == gift["checkout_url"]


@pytest.mark.parametrize(("typed", "said"), [("5", "The smallest gift"), ("", "enter one"), ("x", "cannot read")])
def test_an_amount_that_cannot_be_given_is_explained_on_the_gift_s_page(giving: Giving, typed: str, said: str) -> None:
    gift = giving.give()
    answer = giving.client.post(f"{tokens.path_of(donation_of(gift))}pay/", {"amount": typed})

    assert answer.status_code == 422
    assert said in check_page(answer)
    assert giving.client.get(gift["url"]).json()["checkout_url"] == gift["checkout_url"]


def test_a_gift_that_was_paid_meanwhile_keeps_its_amount(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])  # Stripe has not told us yet
    page = tokens.path_of(donation_of(gift))

    assert giving.client.post(f"{page}pay/", {"amount": "60"})["Location"] == page
    giving.deliver()
    giving.work()
    assert giving.client.post(f"{page}pay/", {"amount": "60"})["Location"] == page
    assert (donation_of(gift).amount_minor, donation_of(gift).status) == (50050, Donation.Status.RECEIVED)


def test_money_for_a_former_amount_is_a_gift_of_that_amount(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    Donation.objects.update(amount_minor=6000)  # as if the closing of the checkout had come too late

    booking.refresh(PaymentAttempt.objects.get(), at=timezone.now())

    donation = donation_of(gift)
    assert (donation.amount_minor, donation.receipts.get().amount_minor) == (50050, 50050)


def test_the_database_holds_a_form_to_one_unpaid_gift(giving: Giving) -> None:
    giving.client.post("/give/mali/", form_of(giving))
    giving.give()
    one, other = Donation.objects.order_by("-form_key")

    with pytest.raises(IntegrityError, match="a_form_has_one_unpaid_donation"), transaction.atomic():
        Donation.objects.create(
            donor=one.donor, amount_minor=1, currency="HKD", created_at=timezone.now(), form_key=one.form_key
        )
    assert other.form_key == ""
    assert PaymentAttempt.objects.filter(state=AttemptState.SESSION_OPEN).count() == 2


# --- The form --------------------------------------------------------------------------------------------------------


def test_all_errors_are_shown_at_once_beside_their_fields(giving: Giving) -> None:
    wrong = {"amount": "5", "name": "", "email": "nobody", "country": "ZZ", "message": "For the school"}
    answer = giving.client.post("/give/mali/", form_of(giving) | wrong)

    html = check_page(answer)
    assert answer.status_code == 422
    invalid = re.findall(r'aria-invalid="true" aria-describedby="(\w+)"', html)
    assert invalid == ["amount_why", "id_name_why", "id_email_why", "id_country_why"]
    said = re.findall(r'<p class="why"[^>]*>([^<]+)<', html)
    assert len(said) == 4
    assert "Choose a country." in said
    assert "For the school" in html and 'value="nobody"' in html and 'value="5"' in html


def test_an_unclear_amount_is_asked_beside_the_other_errors(giving: Giving) -> None:
    html = check_page(giving.client.post("/give/mali/", FORM | {"amount": "10.000", "email": "nobody"}))

    assert "HK$10,000.00 or HK$10.00?" in html
    assert "valid email" in html


def test_lower_case_currencies_are_fine(giving: Giving) -> None:
    giving.client.post("/give/mali/", FORM | {"currency": "hkd", "amount": "hkd 500"})
    assert (Donation.objects.get().currency, Donation.objects.get().amount_minor) == ("HKD", 50000)


@pytest.mark.parametrize(
    ("language", "order"),
    [
        ("en", ["Hong Kong", "Afghanistan"]),
        ("fr", ["Chine, région administrative spéciale de Hong Kong", "Afghanistan"]),
    ],
)
def test_countries_are_in_the_order_of_the_language_with_the_charity_s_first(
    giving: Giving, language: str, order: list[str]
) -> None:
    giving.client.get(f"/give/?language={language}")
    names = re.findall(r'<option value="[A-Z]{2}"[^>]*>([^<]+)<', text_of(giving.client.get("/give/mali/")))

    assert names[:2] == order
    starts = [unicodedata.normalize("NFKD", name)[0] for name in names[1:]]
    assert starts == sorted(starts)
    assert any(name.startswith(("É", "Å")) for name in names)


def test_the_story_comes_before_the_form_and_after_it_when_something_is_wrong(giving: Giving) -> None:
    asked = text_of(giving.client.get("/give/mali/"))
    wrong = text_of(giving.client.post("/give/mali/", FORM | {"email": ""}))

    assert asked.index('class="progress"') < asked.index('class="story"') < asked.index("<form")
    assert wrong.index("<form") < wrong.index('class="story"')
