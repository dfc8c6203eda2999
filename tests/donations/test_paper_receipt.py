"""The printed receipt."""

import pytest

from logistics.documents import rendering
from tests.donations.receipt_context import FACTS, receipt
from tests.logistics import pdfs


def printed(language="en", **changes):
    return rendering.to_pdf("donations/receipt.html", {**receipt(**changes), **FACTS}, languages=(language,))


def test_a_hong_kong_receipt_has_everything_section_88_requires():
    one = printed()

    text = pdfs.text_of(one.pdf)
    assert one.pages == 1
    for words in (
        "HK-2026-000001",
        "International Relief Charity (fictional)",
        "國際救援慈善會",
        "Registration 91/1234",
        "陳大文 Chan Tai Man",
        "HK$500.50",
        "Date received 1 March 2026",
        "Money, by card",
        "section 88 of the Inland Revenue Ordinance (Cap. 112 of the Laws of Hong Kong)",
        "No goods or services were given in return",
        FACTS["content_sha256"][:12],
    ):
        assert words in text


@pytest.mark.parametrize("language", ["en", "fr"])
def test_xof_amounts_are_printed_without_decimals(language):
    text = pdfs.text_of(printed(language, amount_minor=65500, currency="XOF").pdf)

    assert {"en": "XOF 65 500", "fr": "65 500 XOF"}[language] in text
    assert "655.00" not in text
    assert "655,00" not in text


def test_a_french_speaking_donor_gets_a_french_receipt():
    text = pdfs.text_of(printed("fr", appeal="", replaces="HK-2026-000000", payment_mode="bank_transfer").pdf)

    for words in ("Reçu de don", "1 mars 2026", "Là où le besoin est le plus grand", "remplace le reçu HK-2026-000000"):
        assert words in text
    assert "Donation" not in text


def test_the_longest_names_still_fit_one_page():
    name = "Association malienne pour l’accueil et la réinsertion des survivantes et survivants de la traite " * 2

    one = printed(donor={"name": name, "address_lines": ["12/F, 88 Nathan Road, Kowloon, Hong Kong"] * 3}, appeal=name)

    assert one.pages == 1
    assert name.strip() in pdfs.text_of(one.pdf)


def test_the_qr_code_holds_the_verification_url():
    assert pdfs.scanned(printed().pdf) == [FACTS["verify_url"]]
