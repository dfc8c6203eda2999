"""The amount field for donors and staff: clear amounts are accepted, unclear ones are clarified in one click."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from donations.appeals.models import Appeal
from donations.gifts.models import Donation
from logistics.charity.models import Charity
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving
from tests.donations.pages import FORM, check_page, hidden

PAGE = "/give/mali/"
OFFER = re.compile(r'<button class="btn" type="submit" name="meant" value="([^"]+)">([^<]+)</button>')


def visitor(language: str) -> Client:
    return Client(headers={"Accept-Language": language})


def offers(html: str) -> list[tuple[str, str]]:
    """Return the answers offered by the page: the submitted value and the shown text."""
    return [(value, unescape(words).replace("\N{NO-BREAK SPACE}", " ")) for value, words in OFFER.findall(html)]


def typed_again(html: str) -> str:
    found = re.search(r'name="amount" id="id_amount" value="([^"]*)"', html)
    assert found
    return unescape(found[1])


def charged_at_stripe(giving: Giving) -> list[tuple[int, str]]:
    sessions = giving.stand_in.world.store.newest_first("checkout.session")
    return [(one["amount_total"], one["currency"]) for one in sessions]


@pytest.mark.parametrize(
    ("language", "typed", "currency", "stripe_amount"),
    [
        ("en", "10,000", "HKD", 1_000_000),
        ("en", "2,500", "EUR", 250_000),
        ("fr", "10 000", "HKD", 1_000_000),
        ("fr", "10,5", "HKD", 1_050),
        ("en", "10,5", "HKD", 1_050),
        ("fr", "1.250,50", "HKD", 125_050),
        ("en", "١٬٢٥٠٫٥٠", "HKD", 125_050),
        ("en", "HK$ 500", "HKD", 50_000),
        ("en", "€25", "EUR", 2_500),
        ("fr", "65.500", "XOF", 65_500),
        ("en", "500", "hkd", 50_000),
    ],
)
def test_a_clear_amount_is_charged_as_typed(
    giving: Giving, language: str, typed: str, currency: str, stripe_amount: int
) -> None:
    answer = visitor(language).post(PAGE, FORM | {"amount": typed, "currency": currency})

    assert answer.status_code == 303
    assert charged_at_stripe(giving) == [(stripe_amount, currency.lower())]


@pytest.mark.parametrize(
    ("language", "typed", "question", "offered"),
    [
        (
            "en",
            "10.000",
            "Do you mean HK$10,000.00 or HK$10.00?",
            [("10000.00", "Give HK$10,000.00"), ("10.00", "Give HK$10.00")],
        ),
        (
            "fr",
            "10,000",
            "Voulez-vous dire 10 000,00 HKD ou 10,00 HKD ?",
            [("10000.00", "Donner 10 000,00 HKD"), ("10.00", "Donner 10,00 HKD")],
        ),
        ("en", "10.555", "Do you mean HK$10,555.00?", [("10555.00", "Give HK$10,555.00")]),
        ("en", "$500", "Do you mean HK$500.00?", [("500.00", "Give HK$500.00")]),
    ],
)
def test_an_unclear_amount_is_clarified_with_one_click(
    giving: Giving, language: str, typed: str, question: str, offered: list[tuple[str, str]]
) -> None:
    donor = visitor(language)

    asked = donor.post(PAGE, FORM | {"amount": typed})

    html = check_page(asked)
    assert asked.status_code == 422
    assert question in unescape(html).replace("\N{NO-BREAK SPACE}", " ")
    assert 'aria-invalid="true" aria-describedby="amount_why"' in html and 'id="amount_why"' in html
    assert typed_again(html) == typed and "For the school" in html
    assert offers(html) == offered
    assert not Donation.objects.exists()
    for value, _ in offered:
        assert donor.post(PAGE, FORM | {"amount": typed, "meant": value}).status_code == 303
        assert Donation.objects.latest("id").amount_minor == int(value.replace(".", ""))


@pytest.mark.parametrize("forged", ["500.00", "10000", "much"])
def test_an_answer_that_was_not_offered_is_questioned_again(giving: Giving, forged: str) -> None:
    asked = visitor("fr").post(PAGE, FORM | {"amount": "10,000", "meant": forged})

    assert len(offers(check_page(asked))) == 2
    assert not Donation.objects.exists()


def test_an_answer_is_kept_when_something_else_is_wrong(giving: Giving) -> None:
    donor = visitor("fr")

    html = check_page(donor.post(PAGE, FORM | {"amount": "10,000", "meant": "10000.00", "email": "nobody"}))

    assert offers(html) == []
    assert donor.post(PAGE, FORM | {"amount": typed_again(html)}).status_code == 303
    assert Donation.objects.get().amount_minor == 1_000_000


def test_a_refused_answer_keeps_the_typed_text(giving: Giving) -> None:
    form = FORM | {"amount": "1.000", "meant": "1.00", "name": "Marie Curie"}

    html = check_page(visitor("en").post(PAGE, form))

    assert "The smallest gift by card is HK$10.00." in html
    assert 'value="Marie Curie"' in html and "[&#x27;" not in html


def test_an_answer_to_a_different_text_is_ignored(giving: Giving) -> None:
    giving.client.post(PAGE, FORM | {"amount": "600", "meant": "10000.00"})

    assert Donation.objects.get().amount_minor == 60_000


def test_a_typed_amount_that_differs_from_the_chosen_one_is_questioned(giving: Giving) -> None:
    both = FORM | {"suggested": "250", "amount": "1,000"}

    html = check_page(giving.client.post(PAGE, both))

    assert offers(html) == [("1000.00", "Give HK$1,000.00"), ("250.00", "Give HK$250.00")]
    giving.client.post(PAGE, both | {"meant": "250.00"})
    assert Donation.objects.get().amount_minor == 25_000


def test_the_same_amount_chosen_and_typed_is_clear(giving: Giving) -> None:
    giving.client.post(PAGE, FORM | {"suggested": "250", "amount": "250.00"})

    assert Donation.objects.get().amount_minor == 25_000


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("€25", "This is an amount in HKD; you wrote € (EUR). Leave it out or choose that currency."),
        ("10k", "We cannot read this amount. Write it in digits, for example 1,250.50."),
        ("-500", "We cannot read this amount."),
        ("1e3", "We cannot read this amount."),
        ("NaN", "We cannot read this amount."),
        ("9" * 60, "at most 40 characters"),
        ("0", "The amount must be more than zero."),
        ("10,000.000,5", "We cannot read this amount."),
    ],
)
def test_an_invalid_amount_is_refused_beside_the_field(giving: Giving, typed: str, said: str) -> None:
    answer = giving.client.post(PAGE, FORM | {"amount": typed})

    html = unescape(check_page(answer))
    assert said in html and typed_again(html) == typed
    assert not Donation.objects.exists()


def test_the_field_does_not_truncate_pasted_text(giving: Giving) -> None:
    html = check_page(giving.client.get(PAGE))
    [field] = re.findall(r'<input type="text"[^>]*name="amount"[^>]*>', html)

    assert 'inputmode="decimal"' in field
    assert "maxlength" not in field and "pattern" not in field


def test_the_minimum_is_formatted_for_the_language(giving: Giving) -> None:
    Charity.objects.update(currencies=["IDR"])

    english = check_page(visitor("en").post(PAGE, FORM | {"amount": "5", "currency": "IDR"}))
    french = check_page(visitor("fr").post(PAGE, FORM | {"amount": "5", "currency": "IDR"}))

    assert "IDR\N{NO-BREAK SPACE}20,000.00" in english
    assert "20\N{NO-BREAK SPACE}000,00\N{NO-BREAK SPACE}IDR" in french


@pytest.mark.parametrize("amount", ["10,000", "10 000", "10,5", "١٠٠", "HK$500", "10'000", "1e3", ".5"])
def test_the_api_accepts_only_decimal_strings(giving: Giving, amount: str) -> None:
    body = {"amount": amount, "currency": "HKD", "donor": {"name": "Chan", "email": "chan@example.org"}}

    answer = giving.post("/api/v1/donations/", body)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "not_an_amount")
    assert not Donation.objects.exists()


@pytest.mark.parametrize(
    ("language", "typed", "kept"),
    [
        ("en", "1,500,000", 150_000_000),
        ("fr", "1 500 000,50", 150_000_050),
        ("en", "10,000", 1_000_000),
        ("en", "10.000", "Do you mean HK$10,000.00 or HK$10.00?"),
        ("fr", "10,000", "Voulez-vous dire 10 000,00 HKD ou 10,00 HKD ?"),
        ("en", "EUR 500", "This is an amount in HKD; you wrote EUR."),
    ],
)
def test_the_target_of_an_appeal_is_read_in_the_same_way(
    giving: Giving, language: str, typed: str, kept: int | str
) -> None:
    finance, appeal = signed_in(Role.FINANCE), Appeal.objects.get()
    path = f"/admin/donations/appeal/{appeal.pk}/change/"
    form = {
        "slug": "mali", "title_en": "X", "title_fr": "X", "story_en": "X", "story_fr": "X",
        "currency": "HKD", "opens_on": "2026-01-01", "target_amount": typed,
    }  # fmt: skip
    headers: Any = {"Accept-Language": language}
    seen = hidden(finance.get(path, headers=headers).content.decode(), "seen_version")

    answer = finance.post(path, form | {"seen_version": seen}, headers=headers)

    if isinstance(kept, int):
        assert answer.status_code == 302
        assert Appeal.objects.get().target_minor == kept
    else:
        assert kept in unescape(answer.content.decode()).replace("\N{NO-BREAK SPACE}", " ")
        assert Appeal.objects.get().target_minor == appeal.target_minor
