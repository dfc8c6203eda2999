"""The donors' pages: no script, small, in two languages, no input lost, nothing shown to others."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from donations.appeals.models import Appeal
from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.portal.models import SignInRequest
from donations.stripe import gateway
from logistics.charity.models import Charity
from tests.donations.giving import DECLINED, Giving, donation_of, mails
from tests.donations.pages import FORM, ask, check_page, link_in_last_mail, text_of


def test_the_front_page_redirects_to_the_giving_page(giving: Giving) -> None:
    assert giving.client.get("/")["Location"] == "/give/"
    html = check_page(giving.client.get("/give/"))
    assert "Mali: rescue and rehabilitation" in html
    assert "/give/mali/" in html and "/give/most-needed/" in html


def test_the_front_page_shows_what_was_received(giving: Giving) -> None:
    giving.gift_paid()
    giving.gift_paid(amount="65500", currency="XOF")
    giving.give()  # not paid
    html = text_of(giving.client.get("/give/"))
    assert "HK$500.50" in html and "HK$1,500,000.00" in html
    assert re.search(r"XOF\s65\s500", html)


def test_before_the_charity_is_set_up_the_page_says_so(giving: Giving) -> None:
    Charity.objects.all().delete()
    assert "You’ll soon be able to give here" in text_of(giving.client.get("/give/"))


def test_the_pages_are_available_in_french(giving: Giving) -> None:
    answer = giving.client.get("/give/?language=fr")
    assert answer.status_code == 302
    html = check_page(giving.client.get("/give/"))
    assert '<html lang="fr">' in html
    assert "Mali : secours et réinsertion" in html
    assert "Mes dons" in html
    assert "Where most needed" not in html
    form = check_page(giving.client.get("/give/mali/"))
    assert "Continuer vers le paiement" in form and "Continue to payment" not in form


def test_an_old_address_of_the_way_back_waits_for_no_payment_that_never_came(giving: Giving) -> None:
    gift = giving.give()
    giving.stand_in.control.advance(24 * 3600)
    giving.deliver()
    giving.work()

    html = check_page(giving.client.get(tokens.path_of(donation_of(gift)) + "?paid=1"))

    assert "being confirmed" not in html
    assert "Continue to payment" in html


def test_giving_on_the_page_leads_to_the_checkout_and_back(giving: Giving) -> None:
    check_page(giving.client.get("/give/mali/"))
    answer = giving.client.post("/give/mali/", FORM)
    assert answer.status_code == 303
    assert answer["Location"].startswith(giving.stand_in.url)
    paid = giving.type_card(answer["Location"])
    donation = Donation.objects.get()
    back = paid.headers["Location"]
    assert back == tokens.url_of(donation) + "?paid=1"
    # The donor is back before Stripe's event: no second payment is suggested.
    early = check_page(giving.client.get(back.removeprefix("http://localhost:8000")))
    assert "being confirmed" in early and "Continue to payment" not in early and 'http-equiv="refresh"' in early
    assert donation.message == "For the school" and donation.consent_version
    giving.deliver()
    giving.work()

    html = check_page(giving.client.get(tokens.path_of(donation)))
    assert "Thank you." in html and "HK$500.50" in html and "HK-" in html
    assert 'name="robots" content="noindex"' in html
    pdf = giving.client.get(f"{tokens.path_of(donation)}receipt/")
    assert pdf.content == mails()[0].attachments[0][1]


@pytest.mark.parametrize("typed", ["1 250,50", "1250.5", "1250,50"])
def test_an_amount_may_be_typed_in_the_local_format(giving: Giving, typed: str) -> None:
    giving.client.post("/give/mali/", FORM | {"amount": typed})
    assert Donation.objects.get().amount_minor == 125050


def test_a_suggested_amount_may_be_chosen(giving: Giving) -> None:
    giving.client.post("/give/mali/", FORM | {"amount": "", "suggested": "250"})
    assert Donation.objects.get().amount_minor == 25000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "5"}, "The smallest gift by card is HK$10.00."),
        ({"amount": ""}, "Choose an amount or enter one."),
        ({"amount": "much"}, "We cannot read this amount"),
        ({"name": ""}, "Tell us your name for the receipt"),
        ({"email": "nobody"}, "valid email"),
        ({"currency": "USD"}, "We accept gifts in HKD, XOF, EUR."),
        ({"country": "ZZ"}, "Choose a country."),
        ({"name": "Chan\x07"}, "Character 5 (U+0007) is an invisible control character."),
        ({"organisation": "A\u2028B"}, "Character 2 (U+2028) is an invisible control character."),
    ],
)
def test_errors_are_shown_beside_their_fields_and_input_is_kept(giving: Giving, changes: Any, said: str) -> None:
    answer = giving.client.post("/give/mali/", FORM | changes)

    html = check_page(answer)
    assert answer.status_code == 422
    assert said in html
    assert "For the school" in html and (changes.get("email") or "taiman@example.org") in html
    assert Donation.objects.count() == 0


def test_changing_the_currency_keeps_the_input(giving: Giving) -> None:
    html = check_page(giving.client.post("/give/mali/", FORM | {"show": "XOF"}))
    assert "Chan Tai Man" in html and "For the school" in html
    assert re.search(r'name="currency" value="XOF"', html)
    assert re.search(r"XOF\s5\s000", html)
    assert Donation.objects.count() == 0


def test_names_are_shown_as_typed(giving: Giving) -> None:
    html = text_of(giving.client.post("/give/mali/", FORM | {"name": '"><script>alert(1)</script>', "amount": ""}))
    assert "<script" not in html and "&lt;script&gt;" in html


def test_a_closed_appeal_says_so_and_a_future_one_is_not_found(giving: Giving) -> None:
    Appeal.objects.update(closes_on="2021-01-01")
    assert "This appeal is closed" in text_of(giving.client.get("/give/mali/"))
    assert giving.client.post("/give/mali/", FORM).status_code == 422
    Appeal.objects.update(opens_on="2999-01-01", closes_on=None)
    assert giving.client.get("/give/mali/").status_code == 404
    assert giving.client.get("/give/nowhere/").status_code == 404


def test_forms_require_a_csrf_token(giving: Giving) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/give/mali/", FORM).status_code == 403


def test_while_stripe_is_down_the_gift_is_kept_for_a_retry(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: Any) -> Any:
        raise gateway.PaymentProviderUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "create_checkout_session", down)
        answer = giving.client.post("/give/mali/", FORM)
    assert answer.status_code == 303
    html = check_page(giving.client.get(answer["Location"]))
    assert "is not responding right now" in html and "Continue to payment" in html

    again = giving.client.post(f"{tokens.path_of(Donation.objects.get())}pay/")

    assert again["Location"].startswith(giving.stand_in.url)
    assert PaymentAttempt.objects.count() == 1


def test_a_donor_whose_card_was_declined_may_try_again(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"], DECLINED)
    giving.deliver()
    giving.work()

    html = check_page(giving.client.get(f"/gifts/{gift['token']}/"))

    assert "The card was not accepted" in html and "Continue to payment" in html
    assert giving.client.post(f"/gifts/{gift['token']}/pay/")["Location"] == gift["checkout_url"]


def test_a_payment_after_a_decline_does_not_show_the_decline_message(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"], DECLINED)
    giving.deliver()
    giving.work()
    paid = giving.type_card(gift["checkout_url"])

    # The donor is back before the event of the second card.
    html = check_page(giving.client.get(paid.headers["Location"].removeprefix("http://localhost:8000")))

    assert "being confirmed" in html and 'http-equiv="refresh"' in html
    assert "Nothing was charged" not in html and "Continue to payment" not in html


@pytest.mark.parametrize("end", ["refund", "lost"])
def test_a_refunded_gift_shows_no_receipt(giving: Giving, end: str) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    intent = giving.stand_in.world.store.newest_first("payment_intent")[0]["id"]
    giving.deliver()
    giving.work()
    if end == "refund":
        giving.stand_in.control.refund(payment_intent=intent)
    else:
        giving.stand_in.control.close_dispute(giving.stand_in.control.dispute(intent)["id"], status="lost")
    giving.deliver()
    giving.work()

    html = check_page(giving.client.get(f"/gifts/{gift['token']}/"))

    assert "no longer valid" in html and "Download" not in html
    assert giving.client.get(f"/gifts/{gift['token']}/receipt/").status_code == 302


# --- My gifts ---------------------------------------------------------------------------------------------------


def test_a_donor_signs_in_by_a_mailed_link_and_sees_only_their_own_gifts(giving: Giving) -> None:
    mine = giving.gift_paid()
    other = giving.gift_paid(donor={"name": "Other", "email": "other@example.org"})
    ask(giving, "TaiMan@example.org")
    link = link_in_last_mail()

    assert "Show my gifts" in check_page(giving.client.get(link))
    assert giving.client.get(link).status_code == 200  # a mail scanner opening the link does not use it up
    assert giving.client.post(link)["Location"] == "/my-gifts/"
    html = check_page(giving.client.get("/my-gifts/"))
    assert mine.reference in html and other.reference not in html
    assert mine.receipts.get().number in html

    giving.client.post("/my-gifts/leave/")
    assert mine.reference not in text_of(giving.client.get("/my-gifts/"))


def test_a_link_works_once(giving: Giving) -> None:
    giving.gift_paid()
    ask(giving, "taiman@example.org")
    link = link_in_last_mail()
    assert giving.client.post(link).status_code == 302

    again = Client().post(link)

    assert again.status_code == 410
    assert "Ask for a new one" in text_of(again)
    assert "Ask for a new one" in text_of(Client().get(link))
    assert giving.client.get(link)["Location"] == "/my-gifts/"


def test_a_link_expires_after_ten_minutes(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    giving.gift_paid()
    ask(giving, "taiman@example.org")
    link = link_in_last_mail()
    now = timezone.now().timestamp()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 601)

    assert "Show my gifts" not in text_of(giving.client.get(link))
    assert giving.client.post(link).status_code == 410


def test_a_forged_link_is_refused(giving: Giving) -> None:
    for token in ("x", "0" * 32, "0" * 32 + "~1abc~" + "a" * 43):
        assert giving.client.post(f"/my-gifts/in/{token}/").status_code == 410


def test_the_response_does_not_reveal_whether_the_address_is_known(giving: Giving) -> None:
    giving.gift_paid()
    before = len(mails())
    known, unknown = ask(giving, "taiman@example.org"), ask(giving, "nobody@example.org")

    assert known == unknown
    assert len(mails()) == before + 1
    assert set(SignInRequest.objects.values_list("email", "state")) == {("", "done")}


def test_one_address_gets_five_links_an_hour(giving: Giving) -> None:
    giving.gift_paid()
    before = len(mails())
    for _ in range(7):
        ask(giving, "taiman@example.org")
    assert len(mails()) == before + 5


def test_a_donors_list_takes_the_same_queries_for_one_gift_and_for_many(giving: Giving) -> None:
    donation = giving.gift_paid()
    ask(giving, "taiman@example.org")
    giving.client.post(link_in_last_mail())
    with CaptureQueriesContext(connection) as few:
        giving.client.get("/my-gifts/")
    for _ in range(20):
        Donation.objects.create(donor=donation.donor, amount_minor=1000, currency="HKD", created_at=timezone.now())
    with CaptureQueriesContext(connection) as many:
        giving.client.get("/my-gifts/")

    assert len(many) == len(few) <= 8
