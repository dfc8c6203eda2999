"""The packing list of a real container: 270 packages, 323 lines."""

import hashlib
import json
import re
import subprocess
import sys

import pytest

from logistics.documents import rendering
from logistics.documents.replay.samples import Samples
from tests.logistics import pdfs
from tests.shipments import mali

TEMPLATE = "shipments/papers/packing_list.html"
BOTH = ("en", "fr")


def printed(context, languages=BOTH):
    return rendering.to_pdf(TEMPLATE, {**context, **mali.FACTS}, languages=languages)


def plain(text):
    """The text as pdfs.page_texts returns it."""
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def container():
    return printed(mali.packing_list())


@pytest.fixture(scope="module")
def pages(container):
    return pdfs.page_texts(container.pdf)


class TestTheWholeContainer:
    def test_has_every_package_with_its_number_and_marks_once_and_in_order(self, pages):
        found = re.findall(r"(\d+) (CGD-ML-26-001 \d+/270)", " ".join(pages))

        assert found == [(str(p["number"]), p["marks"]) for p in mali.packages()]

    def test_has_every_line_in_both_languages_with_its_figures(self, pages):
        text = " ".join(pages)
        position = 0
        for package in mali.packages():
            for line in package["lines"]:
                row = f"{line['item_code']} {line['description']['en']} {line['description']['fr']}"
                position = text.find(row, position)
                assert position > 0, row
                figures = text[position : position + len(row) + 200]
                assert line["hs6"] in figures
                assert line["net_kg"] in figures
                for serial in line["serials"]:
                    assert serial in figures
                position += len(row)
        assert len(mali.rows("lines")) == 323

    def test_has_totals_on_the_first_and_the_last_page(self, pages):
        for page in (pages[0], pages[-1]):
            for total in ("270", "323", "6 490.110", "6 252.010", "59.053", "525 094.00"):
                assert total in page

    def test_has_everything_customs_require(self, pages):
        for words in (
            "Packing list / Liste de colisage",
            "Humanitarian aid, not for sale / Aide humanitaire, ne peut être vendue",
            "value for customs purposes only",
            "CSQU3054383 45G1",
            "HK0012345",
            "HKGDKR2603001",
            "056414",
            "DAP Bamako",
            "Hong Kong HKHKG",
            "Dakar SNDKR",
            "International Relief Charity (fictional)",
            "Association malienne d’accueil et de réinsertion (fictional)",
            mali.FACTS["content_sha256"][:12],
            "a space groups thousands, a point stands before decimals",
        ):
            assert words in pages[0]
        assert "Mei-Ling 陳" in pages[-1]
        assert "Aminata Ɲaré" in pages[-1]

    def test_repeats_its_header_and_numbers_its_pages(self, container, pages):
        assert len(pages) == container.pages
        for number, page in enumerate(pages, start=1):
            assert f"{number} / {len(pages)}" in page
            assert "ne peut être vendue" in page
            assert mali.FACTS["content_sha256"][:12] in page
        for page in pages[1:]:
            assert "Description Désignation" in page
            assert "Packing list / Liste de colisage · SHP-2026-00001 · v1" in page

    def test_draws_no_text_over_another(self, container):
        assert pdfs.overlaps(container.pdf) == []

    def test_marks_packages_that_need_care(self, pages):
        text = " ".join(pages[1:])
        heavy = sum("heavy" in p["flags"] for p in mali.packages())
        fragile = sum("fragile" in p["flags"] for p in mali.packages())

        assert text.count("> 25 kg") == heavy == 83
        assert text.count("FRAGILE") == fragile
        assert "UN3481" in text

    def test_prints_sizes_without_trailing_zeros(self, pages):
        text = " ".join(pages)

        assert "196 × 96 × 16" in text
        assert "58.5 × 50 × 22" in text

    def test_embeds_its_fonts_and_its_manifest(self, container):
        assert all(pdfs.fonts(container.pdf).values())
        files = pdfs.embedded_files(container.pdf)
        assert list(files) == ["manifest.json"]
        assert len(json.loads(files["manifest.json"])["packages"]) == 270

    def test_reveals_nothing_about_a_confidential_site(self, container, pages):
        """The name, town and phone of a confidential site appear nowhere, not even in the embedded manifest."""
        everything = " ".join(pages) + pdfs.embedded_files(container.pdf)["manifest.json"].decode()
        for site in mali.rows("sites"):
            if site["location_is_confidential"] == "yes":
                assert site["name"].removesuffix(" (fictional)") not in everything
                assert site["phone"] not in everything

    @pytest.mark.long
    def test_is_the_same_bytes_in_another_process(self, container):
        program = (
            "import django, hashlib; django.setup()\n"
            "from tests.shipments.test_paper_packing_list import mali, printed\n"
            "print(hashlib.sha256(printed(mali.packing_list()).pdf).hexdigest())\n"
        )

        there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)

        assert there.stdout.split()[-1] == hashlib.sha256(container.pdf).hexdigest()


def many_lines(package, count):
    """The package with so many lines, each with an item code of its own."""
    line = package["lines"][0]
    lines = [{**line, "item_code": f"P{package['number']}L{index}"} for index in range(count)]
    return {**package, "lines": lines}


class TestPageBreaks:
    def test_a_package_of_up_to_eight_lines_stays_whole(self):
        packages = [many_lines(p, 1 + p["number"] * 5 % 8) for p in mali.packages()[:40]]

        pages = pdfs.page_texts(printed(mali.packing_list(packages=packages)).pdf)

        for package in packages:
            (page,) = [page for page in pages[1:] if plain(package["marks"] + " ") in page]
            for line in package["lines"]:
                assert f"{line['item_code']} " in page

    def test_a_longer_package_keeps_its_first_line_together_and_repeats_its_number_on_each_page(self):
        packages = [many_lines(mali.packages()[0], 1), many_lines(mali.packages()[1], 70)]

        pages = pdfs.page_texts(printed(mali.packing_list(packages=packages)).pdf)

        (head,) = [page for page in pages[1:] if "CGD-ML-26-001 2/270" in page]
        assert "P2L0 " in head
        codes = re.findall(r"P2L(\d+) ", " ".join(pages))
        assert codes == [str(index) for index in range(70)]
        assert all(re.search(r"\b2 P2L\d+ ", page) for page in pages[2:-1])


class TestTexts:
    PAYLOAD = '<b onclick="x">file:///etc/passwd & {{ x }}</b><img src="http://127.0.0.1:9/">'

    def test_markup_is_printed_as_typed_in_every_field(self):
        (package, *_) = mali.packages()
        (line,) = package["lines"]
        told = {"en": self.PAYLOAD, "fr": ""}
        line = {**line, "item_code": "X", "description": told, "condition": told, "unit": told, "remark": self.PAYLOAD}
        package = {**package, "marks": self.PAYLOAD, "remark": self.PAYLOAD, "kind": told, "lines": [line]}
        party = {"name": self.PAYLOAD, "lines": [self.PAYLOAD], "registration": self.PAYLOAD}
        context = mali.packing_list(
            title=self.PAYLOAD, consignor=party, handover=self.PAYLOAD, prepared_by=self.PAYLOAD, packages=[package]
        )

        text = pdfs.text_of(printed(context).pdf)

        # Narrow cells break the text over lines, so that spaces come and go.
        assert text.replace(" ", "").count(self.PAYLOAD.replace(" ", "")) == 13

    def test_a_package_number_of_five_digits_stays_whole_and_needs_no_layout_of_its_own(self, monkeypatch):
        left: list[str] = []
        laid_out = Samples.rows

        def rows(samples, wanted, table):
            left.extend(content for row in wanted for content in row.contents)
            return laid_out(samples, wanted, table)

        monkeypatch.setattr(Samples, "rows", rows)
        numbered = [{**package, "number": 12_340 + place} for place, package in enumerate(mali.packages()[:20])]

        text = " ".join(pdfs.page_texts(printed(mali.packing_list(packages=numbered)).pdf))

        assert [package for package in numbered if f"{package['number']} {package['marks']}" not in text] == []
        assert [content for content in left if content.isdigit()] == []

    def test_unknown_values_are_printed_as_a_dash(self):
        empty = mali.packing_list(
            port_of_loading=None, containers=[], bill_of_lading="", cargo_tracking_note="", departs_on="", incoterm=""
        )

        assert printed(empty).pages > 1

    def test_a_new_version_names_the_version_it_supersedes(self):
        context = mali.packing_list(version=2, supersedes=1, packages=mali.packages()[:1])

        text = pdfs.text_of(printed(context).pdf)

        assert "Version 2 (supersedes version / remplace la version 1)" in text

    def test_a_single_language_list_uses_that_language(self):
        context = mali.packing_list(packages=mali.packages()[:1])

        (english, french) = (pdfs.text_of(printed(context, (language,)).pdf) for language in BOTH)

        assert "6,490.110" in english
        assert "Liste de colisage" not in english
        assert "6 490,110" in french
        assert "Packing list" not in french
        # The neutral form of numbers is only for two languages; one language writes 6,490.110 or 6 490,110.
        assert "ISO 80000-1" not in english + french
        assert "Same as consignee" in english and "Registration 91/1234" in english
        assert "Idem destinataire" in french and "N° d’enregistrement 91/1234" in french
        assert "Same as" not in french and "Total général :" in french
