"""Labels, waybills and the SSCC bar code."""

import pytest

from logistics import barcodes
from logistics.documents import rendering
from tests.logistics import pdfs
from tests.shipments import mali

BOTH = ("en", "fr")


def printed(name, context):
    return rendering.to_pdf(f"shipments/papers/{name}.html", {**context, **mali.FACTS}, languages=BOTH)


class TestBarCode:
    def test_of_an_sscc_matches_what_scanners_read(self):
        """Read back from a printed label with ZXing: (00)048912340000000760."""
        widths = barcodes.gs1_128("00048912340000000760")

        assert widths[:6] == [2, 1, 1, 2, 3, 2]  # start in code set C
        assert widths[6:12] == [4, 1, 1, 1, 3, 1]  # FNC1: what follows is GS1 data
        assert widths[-7:] == [2, 3, 3, 1, 1, 1, 2]  # stop
        assert sum(widths) == 11 * 13 + 13
        values = [barcodes._WIDTHS.index("".join(map(str, widths[i : i + 6]))) for i in range(0, len(widths) - 7, 6)]
        assert values[2:-1] == [0, 4, 89, 12, 34, 0, 0, 0, 7, 60]
        assert values[-1] == (105 + sum(place * value for place, value in enumerate(values[1:-1], 1))) % 103

    @pytest.mark.parametrize("digits", ["123", "12a4", "١٢"])
    def test_accepts_only_pairs_of_digits(self, digits):
        with pytest.raises(ValueError, match="pairs of digits"):
            barcodes.gs1_128(digits)


class TestLabels:
    def test_have_a_page_per_copy_and_show_only_the_code_of_the_site(self):
        labels = mali.labels()["labels"][75:78]
        labels[0]["copies"] = 2

        pages = pdfs.page_texts(printed("labels", mali.labels(labels=labels)).pdf)

        assert len(pages) == 4
        assert pages[0] == pages[1]
        site = f"Site {labels[0]['destination']}"
        for words in ("76 / 270", site, "CGD-ML-26-001 76/270", "~ 49.000 kg", "> 25 kg", "this way up / haut"):
            assert words in pages[0]
        assert "(00) 048912340000000760" in pages[0]
        assert "Humanitarian aid, not for sale / Aide humanitaire, ne peut être vendue" in pages[0]

    def test_both_codes_of_a_label_can_be_scanned(self):
        context = mali.labels(labels=mali.labels()["labels"][:2])

        pdf = printed("labels", context).pdf

        for page, label in enumerate(context["labels"]):
            assert pdfs.scanned(pdf, page) == [f"(00){label['sscc']}", label["scan"]]

    def test_can_be_printed_without_an_sscc(self):
        labels = mali.labels()["labels"][:1]
        labels[0]["sscc"] = ""

        pages = pdfs.page_texts(printed("labels", mali.labels(labels=labels)).pdf)

        assert len(pages) == 1
        assert "(00)" not in pages[0]


def test_a_waybill_is_one_page_with_parties_load_and_space_for_three_signatures():
    one = printed("waybill", mali.waybill())

    text = pdfs.text_of(one.pdf)
    assert one.pages == 1
    for words in (
        "Waybill / Lettre de voiture",
        "Transport Sahel (fictional)",
        "DK 1234 AB",
        "Moussa Traoré",
        "CSQU3054383",
        "270 6 252.010 6 490.110 59.053",
        "Replaces / Remplace SHP-2026-00001-WB-1",
        "UN2800 UPS, 800 VA / Onduleur 800 VA",
        "Package numbers / Numéros des colis : 159–162 4 54.000 58.000",
        "Loaded Chargé",
        "Transported Transporté",
        "Received Reçu",
    ):
        assert words in text
