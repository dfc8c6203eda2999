"""The hosted page: what a donor sees and may do, without JavaScript."""

import re
from urllib.parse import urlsplit

import pytest

from tests.stand_in import cards, money
from tests.stand_in_tests.caller import GIFT, Caller, Reply

BEFORE_COMPLETION = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
COMPLETION = ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed", "charge.updated"]


def look_at(caller: Caller, session: dict[str, str], language: str = "en") -> Reply:
    return caller.send("GET", f"/c/pay/{session['id']}", "", {"Accept-Language": language})


class TestPage:
    def test_shows_the_amount_in_the_donors_language(self, caller: Caller) -> None:
        francs = {"line_items[0][price_data][currency]": "xof", "line_items[0][price_data][unit_amount]": "65500"}
        session = caller.open_session(**francs, submit_type="donate")
        english, french = look_at(caller, session).text, look_at(caller, session, "fr-FR,fr;q=0.9").text

        assert "Donate XOF\u00a065\u00a0500" in english
        assert "Faire un don de 65\u00a0500\u00a0XOF" in french
        assert 'lang="fr"' in french

    def test_needs_no_script_and_loads_nothing(self, caller: Caller) -> None:
        reply = look_at(caller, caller.open_session())

        assert "<script" not in reply.text
        assert not re.search(r"(src=|url\(|@import)", reply.text)
        assert "default-src 'none'" in reply.headers["Content-Security-Policy"]

    def test_every_field_has_its_label(self, caller: Caller) -> None:
        text = look_at(caller, caller.open_session()).text
        fields = re.findall(r'<input id="(\w+)"', text)

        assert fields == ["email", "number", "expiry", "cvc", "name"]
        assert re.findall(r'<label for="(\w+)"', text) == fields

    def test_escapes_markup_in_names(self, caller: Caller) -> None:
        name = {"line_items[0][price_data][product_data][name]": "<script>alert(1)</script>"}
        text = look_at(caller, caller.open_session(**name)).text

        assert "<script" not in text
        assert "&lt;script&gt;" in text

    def test_has_the_same_host_as_the_api_request(self, caller: Caller) -> None:
        port = urlsplit(caller.stand_in.url).port
        session = caller.api("POST", "/v1/checkout/sessions", GIFT, Host=f"localhost:{port}").json

        assert session["url"] == f"http://localhost:{port}/c/pay/{session['id']}"

    def test_an_unknown_session_is_404(self, caller: Caller) -> None:
        assert caller.send("GET", "/c/pay/cs_no").status == 404


class TestPaying:
    def test_4242_pays_and_redirects(self, caller: Caller) -> None:
        session = caller.open_session()
        reply = caller.submit(session)

        assert reply.status == 303
        assert reply.headers["Location"] == f"http://charity.test/thanks?session={session['id']}"
        assert caller.events() == ["payment_intent.created", *COMPLETION]

    def test_a_declined_card_shows_the_reason_and_another_card_pays_in_the_same_session(self, caller: Caller) -> None:
        session = caller.open_session()
        declined = caller.submit(session, "4000 0000 0000 0002")
        between = caller.api("GET", f"/v1/checkout/sessions/{session['id']}").json
        failed = caller.api("GET", f"/v1/payment_intents/{between['payment_intent']}").json
        paid = caller.submit(session, "5555 5555 5555 4444")
        after = caller.api("GET", f"/v1/payment_intents/{between['payment_intent']}").json

        assert declined.status == 402
        assert "Your card was declined." in declined.text
        assert (between["status"], between["payment_status"]) == ("open", "unpaid")
        assert failed["status"] == "requires_payment_method"
        assert failed["last_payment_error"]["code"] == "card_declined"
        assert failed["last_payment_error"]["decline_code"] == "generic_decline"
        assert paid.status == 303
        assert (after["status"], after["amount_received"], after["last_payment_error"]) == ("succeeded", 50050, None)
        assert caller.events() == BEFORE_COMPLETION + COMPLETION

    def test_a_card_without_funds_is_refused_in_the_language_of_the_page(self, caller: Caller) -> None:
        reply = caller.submit(caller.open_session(locale="fr"), "4000 0000 0000 9995")

        assert reply.status == 402
        assert "n’a pas de provision suffisante" in reply.text

    @pytest.mark.parametrize(
        "typed",
        [
            {"number": "4242 4242 4242 4241"},
            {"number": ""},
            {"expiry": "12/14"},
            {"expiry": "13/34"},
            {"cvc": "12"},
            {"name": " "},
            {"email": "ada"},
        ],
    )
    def test_an_invalid_field_shows_an_error_and_nothing_is_charged(
        self, caller: Caller, typed: dict[str, str]
    ) -> None:
        reply = caller.submit(caller.open_session(), **typed)
        field = next(iter(typed))

        assert reply.status == 422
        assert f'aria-describedby="{field}-wrong"' in reply.text
        assert "4242 4242 4242 424" not in re.sub(r'placeholder="[^"]*"|<details.*', "", reply.text, flags=re.DOTALL)
        assert caller.events() == []

    def test_paying_twice_charges_once(self, caller: Caller) -> None:
        session = caller.open_session()
        caller.submit(session)
        again = caller.submit(session)

        assert again.status == 200
        assert "You will not be charged again" in again.text
        assert len(caller.api("GET", "/v1/charges").json["data"]) == 1

    def test_paying_after_expiry_is_refused(self, caller: Caller) -> None:
        session = caller.open_session()
        caller.stand_in.control.advance(25 * 3600)
        reply = caller.submit(session)

        assert reply.status == 410
        assert "This page has expired." in reply.text
        assert caller.events() == ["checkout.session.expired"]


def test_every_test_card_has_a_valid_number_and_a_known_network() -> None:
    assert all(cards.passes_luhn(number) for number in cards.OUTCOMES)
    assert cards.Card("4111111111111111", 12, 2034).outcome.decline_code == "test_mode_live_card"


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (50050, "hkd", "HKD 500.50"),
        (65500, "xof", "XOF 65 500"),
        (5120, "kwd", "KWD 5.120"),
        (500, "ugx", "UGX 5"),
        (123456789, "jpy", "JPY 123 456 789"),
    ],
)
def test_amounts_are_formatted_for_their_currency(amount: int, currency: str, shown: str) -> None:
    assert money.shown(amount, currency).replace("\u00a0", " ") == shown
