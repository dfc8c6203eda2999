"""Replayed lists: structure, bytes, refusals. How they look is in test_replay_fidelity."""

import hashlib
import logging
import re
import subprocess
import sys
import zlib
from unittest import TestCase

import pytest

from logistics.documents import rendering, replay
from logistics.documents.replay import markup, pagination, samples
from logistics.documents.replay.cells import Cells, Drawing
from logistics.documents.replay.pagination import Group, paginate
from logistics.documents.replay.refusal import Refused
from tests.logistics import pdfs
from tests.shipments import mali

pytestmark = pytest.mark.papers

TEMPLATE = "shipments/papers/packing_list.html"
CONTEXT = {**mali.packing_list(), **mali.FACTS}
FEW_PACKAGES = mali.packages()[:60]


def printed(caplog, **changes):
    """Print the container's packing list by replay, without fallback."""
    with caplog.at_level(logging.INFO, logger=replay.__name__):
        rendered = rendering.to_pdf(TEMPLATE, {**CONTEXT, **changes}, languages=("en", "fr"))
    assert not [record for record in caplog.records if "Not replayed" in record.getMessage()]
    return rendered


@pytest.fixture(scope="module")
def pdf() -> bytes:
    """The container's packing list, printed by replay, without fallback."""
    with TestCase().assertNoLogs(replay.__name__, logging.INFO):
        return rendering.to_pdf(TEMPLATE, CONTEXT, languages=("en", "fr")).pdf


def objects(pdf: bytes) -> list[bytes]:
    """Return the contents of all object streams of a PDF."""
    found = []
    for match in re.finditer(rb"/ObjStm/N \d+/First (\d+).*?stream\n", pdf, re.DOTALL):
        content = zlib.decompressobj().decompress(pdf[match.end() :])
        found += content[int(match[1]) :].split(b"\n")
    return found


class TestStructure:
    def test_every_row_and_cell_has_its_place(self, pdf):
        elements = objects(pdf)

        rows = [e for e in elements if e.startswith(b"<</S/TR/P ")]
        cells = [e for e in elements if e.startswith(b"<</S/TD/P ")]
        assert len(rows) == 323
        assert len(cells) == 270 * 15 + 53 * 11
        heads = [e for e in elements if b"/S /TH/" in e]
        assert heads
        assert all(b"/Scope /Column" in head or b"/Scope /Row" in head for head in heads)
        assert sum(b"/A<</O/Table/ColSpan 5>>" in cell for cell in cells) == 53

    def test_all_marked_content_belongs_to_an_element(self, pdf):
        """Each page maps each of its ids to its element."""
        (tree,) = [e for e in objects(pdf) if b"/Nums" in e]

        assert b"null" not in tree
        assert tree.count(b"[") > 10

    def test_the_manifest_is_embedded(self, caplog):
        few = printed(caplog, packages=FEW_PACKAGES).pdf

        assert b"CGD-ML-26-001" in pdfs.embedded_files(few)["manifest.json"]

    def test_every_font_is_embedded(self, pdf):
        assert all(pdfs.fonts(pdf).values())


class TestBytes:
    @pytest.mark.long
    def test_another_process_prints_the_same_bytes(self, caplog):
        program = (
            "import django, hashlib; django.setup()\n"
            "from tests.logistics.test_replay import CONTEXT, TEMPLATE, rendering\n"
            "printed = rendering.to_pdf(TEMPLATE, CONTEXT, languages=('en', 'fr'))\n"
            "print(hashlib.sha256(printed.pdf).hexdigest())\n"
        )
        printed(caplog, number="SHP-2026-00002")  # a process that has printed before counts as another process
        here = printed(caplog)

        there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)

        assert there.stdout.split()[-1] == hashlib.sha256(here.pdf).hexdigest()

    @pytest.mark.long
    def test_earlier_papers_do_not_change_the_bytes(self, caplog):
        """Samples are cached for the next list, which may have other kinds of row and other content."""
        samples.KEPT.clear()
        few = printed(caplog, packages=FEW_PACKAGES).pdf
        samples.KEPT.clear()
        many = printed(caplog).pdf

        assert printed(caplog, packages=FEW_PACKAGES).pdf == few
        samples.KEPT.clear()
        printed(caplog, packages=FEW_PACKAGES)
        assert printed(caplog).pdf == many

    @pytest.mark.long
    def test_a_list_that_replay_gives_up_is_printed_as_by_plain_weasyprint(self, monkeypatch):
        def plain(name):
            with monkeypatch.context() as patch:
                patch.setattr(replay, name, lambda *told, **named: None)
                return rendering.to_pdf(TEMPLATE, {**CONTEXT, "packages": FEW_PACKAGES}).pdf

        assert plain("lay_out") == plain("find")

    def test_most_texts_of_a_list_are_composed_of_cached_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each one that WeasyPrint draws instead costs ten times as much."""
        drawn: list[object] = []
        by_weasyprint = Cells._drawn

        def counted(self: Cells, cell: object, page: object) -> Drawing:
            drawn.append(cell)
            return by_weasyprint(self, cell, page)

        monkeypatch.setattr(Cells, "_drawn", counted)

        rendering.to_pdf(TEMPLATE, CONTEXT, languages=("en", "fr"))

        assert len(drawn) < 100  # of 1,537

    def test_progress_rises_to_a_hundred(self):
        told: list[int] = []
        rendering.to_pdf(TEMPLATE, CONTEXT, languages=("en", "fr"), progress=told.append)

        assert told == sorted(set(told))
        assert told[-1] == 100
        assert len([percent for percent in told if 75 <= percent < 90]) > 5


class TestSamples:
    @pytest.mark.long
    def test_the_next_list_needs_only_new_samples(self, caplog, monkeypatch):
        laid_out: list[int] = []
        lay_out = samples.Samples._laid_out

        def counted(self, before, wanted):
            laid_out.append(len(wanted))
            return lay_out(self, before, wanted)

        monkeypatch.setattr(samples.Samples, "_laid_out", counted)
        samples.KEPT.clear()
        printed(caplog, packages=FEW_PACKAGES)
        forms, left = laid_out
        printed(caplog, packages=FEW_PACKAGES)
        assert laid_out == [forms, left, left]  # samples with the paper's own texts are never cached
        printed(caplog)
        *_, more, _ = laid_out
        assert len(samples.KEPT) == 1
        samples.KEPT.clear()
        printed(caplog)
        *_, all_of_them, _ = laid_out
        assert more < all_of_them

    def test_they_contain_no_text_of_a_paper(self, caplog):
        samples.KEPT.clear()
        printed(caplog, packages=FEW_PACKAGES)

        (table,) = samples.KEPT.values()
        texts = {box.text for box in table.cells.values() for box in box.descendants() if hasattr(box, "text")}
        assert {text.strip() for text in texts} <= {"x", ""}

    @pytest.mark.long
    def test_a_process_caches_only_a_few_tables(self, caplog, monkeypatch):
        monkeypatch.setattr(samples, "KEPT_MAX", 2)
        samples.KEPT.clear()
        for currency in ("HKD", "EUR", "XOF"):
            printed(caplog, packages=FEW_PACKAGES, currency=currency)

        assert len(samples.KEPT) == 2
        assert not any("HKD" in html for html, *_ in samples.KEPT)

    @pytest.mark.long
    def test_a_cached_table_has_no_more_cells_than_a_list(self, caplog, monkeypatch):
        monkeypatch.setattr(samples, "CELLS_MAX", 5)
        samples.KEPT.clear()
        printed(caplog, packages=FEW_PACKAGES)
        (first,) = samples.KEPT.values()
        printed(caplog, packages=FEW_PACKAGES)

        assert first not in samples.KEPT.values()


class TestRefusals:
    def test_a_missing_glyph_stops_a_replayed_paper(self):
        packages = mali.packages()[:60]
        packages[50]["lines"][0]["description"]["fr"] = "ballon 🎈"

        with pytest.raises(rendering.MissingGlyphs) as refusal:
            rendering.to_pdf(TEMPLATE, {**CONTEXT, "packages": packages}, languages=("en", "fr"))

        assert refusal.value.details["characters"] == ["🎈"]

    @pytest.mark.parametrize(
        ("rule", "why"),
        [
            ("tr:nth-child(even) td { color: red }", "place of a row"),
            (".head + tr td { color: red }", "place of a row"),
            ("td:has(i) { color: red }", ":has"),
            ("tr:not(.head) td { color: red }", "holds another"),
            ("td:empty { color: red }", ":empty"),
            ("@page :left { margin: 0 }", "@page :left"),
            ("tr { counter-increment: line }", "counter-increment"),
            ("@media print { td { color: red } }", "@media"),
        ],
    )
    def test_an_unsupported_stylesheet_is_refused(self, rule, why):
        html = (
            '<html lang="en"><head></head><body><table><thead><tr><th>A</th></tr></thead>'
            '<tbody><tr class="head" data-row="line"><td>x</td></tr></tbody></table></body></html>'
        )

        with pytest.raises(Refused, match=re.escape(why)):
            replay.lay_out_strictly(markup.find(html), [rule], lay_out=lambda html: pytest.fail("laid out"))

    @pytest.mark.parametrize(
        "body",
        [
            '<tr data-row="a"><td>x</td></tr>',
            '<tbody><tr data-row="a"><td>x</td></tr><tr><td>y</td></tr></tbody>',
            '<tbody><tr data-row="a"><td>x</td></tr></tbody><tbody><tr><td>y</td></tr></tbody>'
            '<tbody><tr data-row="a"><td>z</td></tr></tbody>',
            '<tbody><tr data-row="a">stray<td>x</td></tr></tbody>',
            '<tbody><tr data-row="a"><td><a href="#x">x</a></td></tr></tbody>',
            '<tbody><tr data-row="a"><th>x</th></tr></tbody>',
        ],
    )
    def test_rows_that_are_not_one_plain_run_are_refused(self, body):
        html = f"<html><head></head><body><table><thead><tr><th>A</th></tr></thead>{body}</table></body></html>"

        with pytest.raises(Refused):
            replay.lay_out_strictly(markup.find(html), [], lay_out=lambda html: pytest.fail("laid out"))


class TestPages:
    def test_a_group_that_does_not_fit_moves_to_the_next_page_as_a_whole(self):
        groups = [Group([4, 4], [False, False], whole=True) for _ in range(3)]

        pages = paginate(groups, first_top=0, top=0, bottom=20)

        assert [len(tops) for tops in pages] == [4, 2]

    def test_a_group_longer_than_a_page_is_broken(self):
        pages = paginate([Group([4] * 8, [False] * 8, whole=True)], first_top=0, top=0, bottom=20)

        assert [len(tops) for tops in pages] == [5, 3]

    def test_a_head_stays_with_its_first_line(self):
        kept = [False, False, False, False, False, True]

        pages = paginate([Group([4] * 6, kept, whole=False)], first_top=0, top=0, bottom=20)

        assert [len(tops) for tops in pages] == [4, 2]

    def test_a_row_that_just_fits_stays_on_the_page(self):
        tall = [20 * (1 + 1e-10)]

        assert len(paginate([Group(tall, [False], whole=True)], first_top=0, top=0, bottom=20 + 1e-8)) == 1

    def test_a_row_higher_than_a_page_is_refused(self):
        with pytest.raises(pagination.Refused, match="higher"):
            paginate([Group([21], [False], whole=False)], first_top=0, top=0, bottom=20)
