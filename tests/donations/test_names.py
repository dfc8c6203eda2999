"""Donors' names: never a reason to refuse money, whatever the script; what no font has is printed as a square."""

import unicodedata
from typing import Any

import pytest
from django.urls import reverse

from donations.donors.models import Donor
from donations.portal.forms import GiftForm
from donations.receipts import services as receipts
from donations.receipts.models import Receipt
from logistics.health import services as health
from logistics.roles import Role
from tests.clients import once, signed_in
from tests.donations.giving import Giving, body_of_gift, donation_of, mails, pdf_text, receipts_of
from tests.donations.offline import CHEQUE

NAMES = {
    "Simplified Chinese": ("张伟", "zh-Hans"),
    "Traditional Chinese": ("陳大文", ""),
    "Japanese": ("髙﨑", "ja"),
    "Japanese with kana": ("山田はなこ", "ja"),
    "Korean": ("김철수", "ko"),
    "Thai": ("สมชาย", ""),
    "Hebrew": ("דוד כהן", ""),
    "Bengali": ("রহমান", ""),
    "Tamil": ("முருகன்", ""),
    "Ethiopic": ("አበበ ቢቂላ", ""),
    "Armenian": ("Արամ", ""),
    "Georgian": ("შოთა", ""),
    "Persian": ("علی\u200cرضا", ""),
    "Khmer": ("សុខ", ""),
    "Burmese": ("အောင်", ""),
    "Tibetan": ("བསྟན་འཛིན", ""),
    "Sinhala": ("ශ්\u200dරී", ""),
    "Adlam": ("𞤀𞤣𞤢𞤥", ""),
}
NOTICE = "Receipts with □ for a character that no font has"
EMOJI = "Anna 🎉 Müller 👩\u200d👧"


def by_card(giving: Giving, name: str, **more: str) -> Receipt:
    donation = giving.gift_paid(donor={"name": name, "email": "names@example.org", **more})
    [receipt] = receipts_of(donation)
    return receipt


@pytest.mark.parametrize(("name", "language"), NAMES.values(), ids=NAMES)
def test_a_gift_in_any_script_gets_its_receipt(giving: Giving, name: str, language: str) -> None:
    receipt = by_card(giving, name)

    assert receipt.document.context["donor"] == {"name": name, "address_lines": [], "language": language}
    assert receipt.not_printed == []
    [mail] = mails()
    text = pdf_text(mail.attachments[0][1])
    assert receipt.number in text
    # Readers set letters of other scripts in other orders (tests/logistics/test_spelling.py); none is lost.
    assert not {letter for letter in name if letter.isalpha()} - set(text)


def test_the_forms_of_chinese_characters_are_those_of_the_donors_country(giving: Giving) -> None:
    assert by_card(giving, "王直樹", country="JP").document.context["donor"]["language"] == "ja"
    assert by_card(giving, "王直 Wang", country="CN").document.context["donor"]["language"] == "zh-Hans"
    assert by_card(giving, "Wang", country="CN").document.context["donor"]["language"] == ""


def test_an_emoji_is_accepted_and_printed_as_a_square_which_finance_sees(giving: Giving) -> None:
    receipt = by_card(giving, EMOJI)
    finance = signed_in(Role.FINANCE)

    text = pdf_text(receipts.pdf(receipt))
    assert "Anna □ Müller □" in text
    assert "The sign □ stands for a character that this paper cannot print." in text
    assert Donor.objects.get().name == EMOJI
    assert receipt.not_printed == ["🎉", "👩\u200d👧"]
    [listed] = finance.get("/api/v1/receipts/?with_squares=true").json()["results"]
    assert (listed["number"], listed["not_printed"]) == (receipt.number, ["🎉", "👩\u200d👧"])
    assert finance.get("/api/v1/receipts/?with_squares=false").json()["results"] == []
    desk = finance.get(reverse("admin:index")).content.decode()
    assert NOTICE in desk
    assert f"{reverse('admin:donations_receipt_changelist')}?squares=valid" in desk
    page = finance.get(reverse("admin:donations_receipt_changelist"), {"squares": "valid"}).content.decode()
    assert receipt.number in page and "🎉 👩\u200d👧" in page
    of_gift = finance.get(reverse("admin:donations_donation_change", args=[receipt.donation_id])).content.decode()
    assert "🎉 👩\u200d👧" in of_gift


def test_the_receipt_says_so_in_french(giving: Giving) -> None:
    text = pdf_text(receipts.pdf(by_card(giving, "Awa 🌍", language="fr")))
    assert "Awa □" in text
    assert "Le signe □ remplace un caractère que ce document ne peut pas imprimer." in text


def test_the_notice_goes_when_the_corrected_receipt_replaces_it(giving: Giving) -> None:
    receipt = by_card(giving, "🎉")
    finance = signed_in(Role.FINANCE)
    assert receipt.document.context["donor"]["name"] == "□"

    Donor.objects.update(name="Anna Müller")
    giving.stand_in.control.refund(payment_intent=receipt.donation.attempts.get().payment_intent_id, amount=100)
    giving.deliver()
    giving.work()

    old, new = receipts_of(receipt.donation)
    assert (old.state, new.state, new.not_printed) == ("replaced", "issued", [])
    assert NOTICE not in finance.get(reverse("admin:index")).content.decode()


def test_a_name_without_squares_needs_no_notice(giving: Giving) -> None:
    by_card(giving, "张伟")

    desk = signed_in(Role.FINANCE).get(reverse("admin:index")).content.decode()
    assert NOTICE not in desk


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Chan\nTai\tMan", "Chan Tai Man"),
        ("Jean\u00a0Dupont", "Jean Dupont"),
        ("陳\u3000大文", "陳 大文"),
        ("\u202eDupont\u2069\u200b", "Dupont"),
        (unicodedata.normalize("NFD", "Zoë Ménage"), "Zoë Ménage"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("葛\U000e0100城", "葛\U000e0100城"),
    ],
)
def test_a_name_is_kept_as_a_person_would_type_it(giving: Giving, typed: str, kept: str) -> None:
    donation = donation_of(giving.give(donor={"name": typed, "organisation": typed, "email": "names@example.org"}))
    form = GiftForm({"amount": "500", "currency": "HKD", "email": "ada@example.org", "name": typed})

    assert (donation.donor.name, donation.donor.organisation) == (kept, kept)
    assert form.is_valid(), form.errors


def test_the_page_of_donors_takes_every_name(giving: Giving) -> None:
    for number, name in enumerate([*(name for name, _ in NAMES.values()), EMOJI]):
        typed = {
            "amount": "60", "currency": "HKD", "name": name, "email": f"n{number}@example.org", "language": "en"
        }  # fmt: skip
        form = GiftForm(typed)
        assert form.is_valid(), (name, form.errors)
        assert form.cleaned_data["name"] == name


@pytest.mark.parametrize("character", ["\x01", "\x1b", "\x7f", "\x85", "\u2028"])
@pytest.mark.parametrize("field", ["name", "organisation"])
@pytest.mark.parametrize("path", ["/api/v1/donations/", "/api/v1/donations/offline/"])
def test_a_control_character_is_refused_with_its_place(giving: Giving, path: str, field: str, character: str) -> None:
    donor = {"name": "Chan", "email": "chan@example.org", field: f"Chan{character}Tai"}
    body = (CHEQUE if "offline" in path else body_of_gift()) | {"donor": donor}

    answer: Any = signed_in(Role.FINANCE).post(path, body, content_type="application/json", headers=once())

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (400, f"donor.{field}", "control_characters")
    assert f"Character 5 (U+{ord(character):04X})" in error["detail"]
    assert not Donor.objects.exists()


def test_a_dead_paper_breaks_a_statement_of_verify(giving: Giving) -> None:
    statement = "No valid document is dead: each paper that has a number can be printed."
    receipt = by_card(giving, "Chan Tai Man")
    assert statement not in [found.statement for found in health.check_all() if found.broken]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("donations.receipts.services.TEMPLATE", "donations/nowhere.html")
        dead = receipts_of(giving.gift_paid(donor={"name": "Awa", "email": "awa@example.org"}))[0]

    [broken] = [found for found in health.check_all() if found.broken and found.statement == statement]
    assert (broken.broken, broken.samples) == (1, [str(dead.document_id)])
    assert receipt.document_id != dead.document_id
