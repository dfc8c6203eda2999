"""Gift references are random: one that is taken is drawn again, over the API, offline and on the page."""

import secrets
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import pytest

from donations.gifts import models
from donations.gifts.models import Donation
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving, body_of_gift
from tests.donations.offline import send
from tests.donations.pages import FORM, text_of

URL = "/api/v1/donations/"
TAKEN = "GFT-0000-0000"
Letters = Callable[[Iterator[str]], None]


@pytest.fixture
def letters_begin_with(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> Letters:
    """One gift has the reference TAKEN; the test chooses the next letters drawn."""
    at_random, said = secrets.choice, iter("0" * 8)

    def choose(alphabet: str) -> str:
        return next(said, None) or at_random(alphabet) if alphabet is models.ALPHABET else at_random(alphabet)

    def begin_with(letters: Iterator[str]) -> None:
        nonlocal said
        said = letters

    monkeypatch.setattr(secrets, "choice", choose)
    assert giving.give()["reference"] == TAKEN
    return begin_with


def test_a_gift_over_the_api_gets_another_reference(giving: Giving, letters_begin_with: Letters) -> None:
    letters_begin_with(chain("0" * 16, "1" * 8))

    answer = giving.post(URL, body_of_gift())

    assert (answer.status_code, answer.json()["reference"]) == (201, "GFT-1111-1111")


def test_an_offline_gift_gets_another_reference(giving: Giving, letters_begin_with: Letters) -> None:
    letters_begin_with(chain("0" * 16, "1" * 8))

    answer = send(signed_in(Role.FINANCE))

    assert (answer.status_code, answer.json()["reference"]) == (201, "GFT-1111-1111")


def test_the_api_reports_when_no_reference_is_free(giving: Giving, letters_begin_with: Letters) -> None:
    letters_begin_with(repeat("0"))

    answer = giving.post(URL, body_of_gift())

    assert (answer.status_code, answer.json()["code"]) == (503, "no_free_code")
    assert Donation.objects.count() == 1


def test_the_page_reports_when_no_reference_is_free(giving: Giving, letters_begin_with: Letters) -> None:
    letters_begin_with(repeat("0"))

    answer = giving.client.post("/give/mali/", FORM)

    assert answer.status_code == 422
    assert "No free code was found" in text_of(answer)
    assert Donation.objects.count() == 1
