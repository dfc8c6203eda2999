"""Conformance of every paper of the product, in every choice of languages that it prints.

PDF/UA-1 and PDF/A-3a by page-validation; qpdf and poppler without a word of complaint; all fonts embedded and subset;
and what is read, along the structure tree and by poppler, is what the template says, in its order.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pdfua
import pytest
from weasyprint import HTML

from logistics.documents import rendering
from logistics.documents.paper_tags import TemplatePaper
from logistics.people.models import User
from shipments.papers import packing_list
from shipments.shipments.models import Shipment
from tests.benchmarks.papers import lists
from tests.conformance import failures, run
from tests.donations import receipt_context
from tests.logistics import reading
from tests.logistics.reading import Element, Written
from tests.shipments import mali, mali_receipts

pytestmark = pytest.mark.conformance

# Once in the template, printed in the margins.
MARGINS = ("running", "motto", "fingerprint")
BOTH = ("en", "fr")
LABELS = mali.labels()["labels"]
SHORT_LABELS: Any = [label for label in LABELS if label["flags"]][:3] + LABELS[:2]  # 270 would take seconds
PARTNERS: Any = packing_list.for_partner(
    mali.packing_list(packages=mali.packages()[:60]),
    Shipment(packed_by=User(roles=["warehouse"]), checked_by=User(roles=["coordinator"])),
)
GOODS: dict[str, tuple[str, Any]] = {
    "packing list": ("packing_list", mali.packing_list()),
    "packing list, partner's edition": ("packing_list", PARTNERS),
    "goods-received form": ("goods_received_form", mali_receipts.goods_received_form(packages=mali.packages()[:90])),
    "goods-received note": ("goods_received_note", mali_receipts.goods_received_note()),
    "goods-received note, all sound": (
        "goods_received_note",
        mali_receipts.goods_received_note(differences=[], note=""),
    ),
    "labels": ("labels", mali.labels(labels=SHORT_LABELS)),
    "waybill": ("waybill", mali.waybill()),
}


@dataclass
class Printed:
    template: str
    context: dict[str, Any]
    languages: tuple[str, ...]
    margins: tuple[str, ...]

    @cached_property
    def pdf(self) -> bytes:
        return rendering.to_pdf(self.template, self.context, languages=self.languages).pdf

    @cached_property
    def html(self) -> str:
        return rendering._html(self.template, TemplatePaper(languages=self.languages, context=self.context))

    @cached_property
    def structure(self) -> Element:
        return reading.structure(self.pdf)

    def margin_texts(self) -> list[str]:
        """Return the texts of the margins: the running title, the motto, the fingerprint."""
        return [self.html.partition(f'<p class="{name}">')[2].partition("</p>")[0] for name in self.margins]


def papers() -> dict[str, Printed]:
    made = {}
    for name, (template, context) in GOODS.items():
        for languages in (("en",), BOTH):
            told = {**context, **mali.FACTS}
            path = f"shipments/papers/{template}.html"
            margins = () if template == "labels" else MARGINS
            made[f"{name}, {'+'.join(languages)}"] = Printed(path, told, languages, margins)
    for language in ("en", "fr"):
        told = {**receipt_context.receipt(), **receipt_context.FACTS}
        made[f"receipt, {language}"] = Printed("donations/receipt.html", told, (language,), ())
    return made


PAPERS = papers()


# One of each kind in the suite, in both languages where it has both.
SHORT = [name for name in PAPERS if name.endswith("en+fr") and "sound" not in name] + ["receipt, fr"]


@pytest.fixture(params=[*SHORT, *(pytest.param(name, marks=pytest.mark.long) for name in PAPERS if name not in SHORT)])
def paper(request):
    """Print each paper once, for all tests of this file."""
    return PAPERS[request.param]


def test_a_paper_conforms_to_pdf_ua_1_and_pdf_a_3a(paper):
    assert failures(paper.pdf) == []


@pytest.mark.long
def test_pdfua_finds_no_error(paper, tmp_path):
    (tmp_path / "paper.pdf").write_bytes(paper.pdf)

    report = pdfua.validate(str(tmp_path / "paper.pdf"))

    assert [f"{found.rule_id}: {found.message}" for found in report.findings] == []


@pytest.mark.long
def test_a_list_of_a_thousand_lines_conforms():
    context = {**lists.context(1000), **mali.FACTS}

    assert failures(rendering.to_pdf("shipments/papers/packing_list.html", context, languages=BOTH).pdf) == []


def test_the_checker_detects_violations():
    """A paper without the post-processing by `conformance` conforms to neither standard."""
    html = HTML(string='<html lang="en"><title>A paper</title><p>Text</p>')

    found = failures(html.write_pdf(pdf_variant=rendering.VARIANT))

    assert {rule.partition("-")[0] for rule in found} == {"PDFUA1", "PDFA3A"}


def test_qpdf_finds_no_error(paper, tmp_path):
    (tmp_path / "paper.pdf").write_bytes(paper.pdf)

    assert "No syntax or stream encoding errors" in run("qpdf", "--check", str(tmp_path / "paper.pdf"), pdf=b"")


def test_poppler_finds_a_tagged_paper(paper):
    said = dict(line.split(":", 1) for line in run("pdfinfo", "-", pdf=paper.pdf).splitlines())

    assert said["Tagged"].strip() == "yes"
    assert said["Title"].strip()


def test_all_fonts_are_embedded_subset_and_can_be_read(paper):
    _, _, *fonts = run("pdffonts", "-", pdf=paper.pdf).splitlines()

    assert fonts
    for font in fonts:
        assert font.split()[-5:-2] == ["yes", "yes", "yes"], font


def test_poppler_reads_every_word_in_order(paper):
    pages = reading.poppler_pages(paper.pdf)

    written = Written(paper.html, unseen=paper.margins)
    heads = [head.words for head in _heads(paper.html)]
    found: list[str] = []
    for number, page in enumerate(pages, start=1):
        said = _without_margins(page, paper, number, len(pages))
        repeated = next((head for head in heads if number > 1 and said[: len(head)] == head), [])
        # The first header of a table is part of the text, its repeats on later pages are not.
        first = " ".join(repeated) not in " ".join(found)
        found += said if first else said[len(repeated) :]
    reading.assert_same_words(found, written.words)


def _heads(html: str) -> list[Written]:
    return [Written(part.partition("</thead>")[0]) for part in html.split("<thead>")[1:]]


def _without_margins(words: list[str], paper: Printed, number: int, pages: int) -> list[str]:
    if not paper.margins:
        return words
    said = _margins(paper, number, pages)
    assert words[-len(said) :] == said
    return words[: -len(said)]


def _margins(paper: Printed, number: int, pages: int) -> list[str]:
    running, motto, fingerprint = paper.margin_texts()
    return reading.words(f"{running if number > 1 else ''} {number} / {pages} {motto} {fingerprint}")


def test_a_screen_reader_reads_every_word_in_order(paper):
    """In the order of the structure tree, without repeated headers; margins are not in the tree."""
    said: list[str] = []
    heads = {""}
    for element in paper.structure.content:
        # A continued table has its header first on each page.
        head = next((e.text for e in element.walk() if e.role == "THead"), "")
        said.append(element.text.removeprefix(head) if head in heads else element.text)
        heads.add(head)

    assert reading.squeezed("".join(said)) == "".join(Written(paper.html, unseen=paper.margins).words)


def test_a_screen_reader_reads_each_row_as_one_row(paper):
    """Each row of the template is one row with the same number of cells, each with its headers."""
    bodies = [element for element in paper.structure.walk() if element.role == "TBody"]
    rows = [row for body in bodies for row in body.content]
    found = [[reading.squeezed(cell.text) for cell in row.content] for row in rows]

    assert found == [[reading.squeezed(cell) for cell in row] for row in Written(_without_heads(paper.html)).rows]


def _without_heads(html: str) -> str:
    return "".join(part.partition("</thead>")[2] or part for part in html.split("<thead>"))


def test_each_text_is_read_in_its_language(paper):
    texts = list(paper.structure.texts(without="THead"))
    written = Written(_without_heads(paper.html), unseen=paper.margins)

    others = {language for language in written.spoken if language not in ("", paper.languages[0])}
    assert {text.language for text in texts} - {""} == others
    for language in others:
        said = "".join(text for text in texts if text.language == language)
        assert reading.squeezed(said) == reading.squeezed(written.spoken[language])


def test_margins_and_repeated_headers_are_not_part_of_the_text(paper):
    heads = {reading.squeezed(element.text) for element in paper.structure.walk() if element.role == "THead"}
    for number, shown in enumerate(pages := reading.artifacts(paper.pdf), start=1):
        said = "".join(_margins(paper, number, len(pages)) if paper.margins else [])
        assert reading.squeezed(shown) in {said, *(f"{head}{said}" for head in heads)}


def test_all_drawn_content_is_marked(paper):
    assert not any(reading.unmarked(paper.pdf))


def test_every_header_has_a_scope(paper):
    for table in [element for element in paper.structure.walk() if element.role == "Table"]:
        for part in table.content:
            heads = [element for element in part.walk() if element.role == "TH"]
            scope = "/Column" if part.role == "THead" else "/Row"
            assert {head.attributes["/Scope"] for head in heads} <= {scope}
        assert any(element.role == "TH" for element in table.walk()), "a table without heads is layout"


def test_figures_have_alternative_text(paper):
    figures = [element for element in paper.structure.walk() if element.role == "Figure"]

    assert len(figures) == paper.html.count("<svg")
    assert all(figure.alt for figure in figures)
    if paper.languages[0] == "fr":
        assert {figure.alt for figure in figures} == {"QR\N{NO-BREAK SPACE}: vérifier ce document"}
