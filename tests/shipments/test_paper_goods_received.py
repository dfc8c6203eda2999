"""The goods-received note: filled from a delivery, and blank to travel with the goods."""

import pytest

from logistics.documents import rendering
from tests.logistics import pdfs
from tests.shipments import mali, mali_receipts

BOTH = ("en", "fr")


def note(**changes):
    context = {**mali_receipts.goods_received_note(**changes), **mali.FACTS}
    return rendering.to_pdf("shipments/papers/goods_received_note.html", context, languages=BOTH)


class TestNote:
    def test_lists_the_differences_and_counts_the_rest(self):
        printed = note()

        text = pdfs.text_of(printed.pdf)
        assert printed.pages == 1
        assert "268 / 270" in text
        assert "320 / 323" in text
        fridge = "76 CGD-ML-26-001 76/270 CR-FRIDGE Refrigerator, 180 L, 220 V Réfrigérateur 180 L, 220 V"
        assert f"{fridge} piece pièce 1 0 1 0 0" in text
        assert "door dented porte enfoncée" in text
        assert "All other lines arrived complete and sound: / Toutes les autres lignes" in text
        for name in ("Aminata Ɲaré", "Awa Tɔnɔ", "Moussa Traoré"):
            assert name in text

    def test_says_so_when_nothing_differs(self):
        text = pdfs.text_of(note(differences=[]).pdf)

        assert "All packages and lines arrived complete and sound." in text
        assert "Tous les colis et toutes les lignes sont arrivés complets et en bon état." in text
        assert "What differs" not in text

    def test_shows_unlisted_goods(self):
        unlisted = [
            {"description": "Bicycle pump", "quantity": 3, "unit": {"en": "piece", "fr": "pièce"}, "remark": "kept"}
        ]

        text = pdfs.text_of(note(differences=[], unlisted=unlisted).pdf)

        assert "not on the packing list / hors liste de colisage Bicycle pump piece pièce 0 – – – 3 kept" in text

    @pytest.mark.parametrize(("intact", "words"), [(True, "intact"), (False, "broken / rompu"), (None, "HK0012345 ")])
    def test_shows_the_state_of_the_seal(self, intact, words):
        assert f"Scellé à l’arrivée HK0012345{', ' + words if intact is not None else ''}" in pdfs.text_of(
            note(seal_intact=intact).pdf
        )

    def test_many_differences_continue_over_pages_with_a_repeated_header(self):
        difference = mali_receipts.goods_received_note()["differences"][0]
        differences = [{**difference, "package": number} for number in range(1, 100)]

        pages = pdfs.page_texts(note(differences=differences).pdf)

        assert len(pages) > 2
        assert all("Reason and remark" in page for page in pages[:-1])


class TestForm:
    def test_a_package_number_of_five_digits_stays_whole(self):
        package = {**mali.packages()[0], "number": 12_345}
        context = {**mali_receipts.goods_received_form(packages=[package]), **mali.FACTS}

        printed = rendering.to_pdf("shipments/papers/goods_received_form.html", context, languages=BOTH)

        assert f"12345 {package['marks']} " in pdfs.text_of(printed.pdf)

    def test_has_a_row_for_every_line_and_room_for_signatures(self):
        context = {**mali_receipts.goods_received_form(), **mali.FACTS}

        printed = rendering.to_pdf("shipments/papers/goods_received_form.html", context, languages=BOTH)

        text = pdfs.text_of(printed.pdf)
        for package in mali.packages():
            assert f"{package['number']} {package['marks']} " in text
            for line in package["lines"]:
                assert f"{line['description']['en']} {line['description']['fr']}" in text
        assert "Received by / Reçu par : name, date, signature" in text
        assert all(pdfs.fonts(printed.pdf).values())
