"""Files of filled-in papers, which share the parts common to all papers of a form."""

import logging
import re
import zlib
from typing import Any

import pytest

from logistics.documents import rendering, replay
from logistics.documents.replay import filled
from logistics.documents.replay.glyph_encoding import GlyphEncoding
from logistics.documents.replay.vector_paths import Painting
from tests.benchmarks.papers import receipts
from tests.conformance import failures, run
from tests.logistics import fidelity, pdfs
from tests.logistics.both_ways import papers_of_our_own, template

pytestmark = pytest.mark.papers

WRITTEN = "logistics.documents.replay.filled"
# Letters set far apart are of one font: between two, WeasyPrint writes "-63<>-66.5", of which PDFium forgets a part.
STYLE = """
@page { size: A5; margin: 15mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt "Noto Sans" } }
body { font: 10pt "Noto Sans", "Noto Sans CJK HK", "Noto Sans Arabic" }
.far { letter-spacing: 1.3pt; color: rgb(20 90 140 / 60%); text-decoration: underline }
.wide { word-spacing: 3pt; font-weight: bold; text-align: justify }
table { table-layout: fixed; width: 100% }
"""
BODY = """
<h1>Form (12 0 R) \\ x</h1><p data-slot>{{ name }}</p><p class="far" data-slot>{{ other }}</p>
<ul><li>one</li><li lang="fr">deux <b>trois</b></li></ul>
<table><tr><th>A</th><td data-slot>{{ other }}</td></tr></table><p class="wide" data-slot>{{ other }}</p>
{% for line in 99|times %}<p>Line {{ forloop.counter }} of <span>many</span></p>{% endfor %}
<p data-slot>{{ other }}</p><div>{% qr "https://relief.test/1" "QR: verify this paper" %}</div>
"""
TOLD = {
    "number": "(12 0 R) <b> & \\ 1111-11-11 陳",
    "issued_on": "2026-03-02",
    "name": "Zoë fi 陳大文",
    "other": "AVATAR To. \\(x) ",
}


@pytest.fixture(autouse=True)
def _no_form_yet(monkeypatch):
    monkeypatch.setattr(replay, "kept_forms", filled.Forms())


@pytest.fixture
def printed(tmp_path, caplog):
    """Print the paper above, and return why it could not be written on the shared parts."""

    def printed(body: str = BODY, style: str = STYLE, **told: Any) -> tuple[bytes, list[str]]:
        caplog.clear()
        with papers_of_our_own(template(body, style), tmp_path), caplog.at_level(logging.INFO, logger=WRITTEN):
            pdf = rendering.to_pdf("paper.html", {**TOLD, **told}).pdf
        return pdf, [record.getMessage() for record in caplog.records if record.name == WRITTEN]

    return printed


def plain(printed, **told: Any) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "has_slots", lambda html: False)
        return printed(**told)[0]


def test_a_paper_of_many_kinds_of_text_looks_as_weasyprint_prints_it(printed):
    printed(name="somebody else", other="and another one")
    ours, why = printed()
    other = plain(printed)

    assert why == []
    assert fidelity.shift(fidelity.characters(ours), fidelity.characters(other)) < 0.0001
    assert fidelity.differing_pixels(ours, other) == 0
    assert pdfs.metadata(ours) == pdfs.metadata(other)
    assert failures(ours) == []
    assert len(ours) < 0.8 * len(other)


def test_checkers_find_no_error(printed, tmp_path):
    ours, _ = printed()

    (tmp_path / "paper.pdf").write_bytes(ours)
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", str(tmp_path / "paper.pdf"), pdf=b"")
    assert TOLD["other"].strip() in run("pdftotext", "-", "-", pdf=ours)


@pytest.mark.long
def test_unsupported_papers_are_written_by_weasyprint(printed):
    attached = BODY + '{% attach_context "x.json" issued_on %}'

    assert pdfs.embedded_files(printed(attached)[0]).keys() == {"x.json"}
    for style in (STYLE + "p { color: lab(30% 60 20) }", STYLE + ".far { color: color(xyz-d65 0.2 0.1 0.3) }"):
        pdf, why = printed(style=style)
        assert fidelity.differing_pixels(pdf, plain(printed, style=style)) == 0
        assert ("sRGB" in " ".join(why)) == (".far { color: color" in style or "p { color: lab" in style)


def test_letters_with_separate_dots_are_supported(printed):
    arabic = {"name": "محمد علي"}

    pdf, why = printed(**arabic)

    assert why == []
    assert fidelity.shift(fidelity.characters(pdf), fidelity.characters(plain(printed, **arabic))) < 0.0001


def test_forms_share_font_files(printed):
    """One of them has 13 MB, and there may be 32 forms."""
    printed("<p data-slot>{{ name }}</p><p>Some 大</p>")
    printed("<p data-slot>{{ name }}</p><p>Other 大</p>")
    of_forms = [form.fonts.values() for forms in replay.kept_forms.forms.values() for form in forms.values()]

    assert len(of_forms) == 2
    assert len({id(font.file_content) for fonts in of_forms for font in fonts}) == 2


@pytest.mark.parametrize("count", [5, pytest.param(55, marks=pytest.mark.long)])
def test_receipts_take_no_more_than_20_kib(count):
    """All have a line of Chinese in the letterhead, in three fonts."""
    sizes = [len(receipts.ours(context)) for context in receipts.contexts(count)]

    assert max(sizes) <= 20 * 1024


def test_the_qr_code_is_one_path_of_rectangles():
    context = receipts.contexts(1)[0]
    pdf = receipts.ours(context)

    operators = max(
        (_inflated(data) for data in re.findall(rb"stream\r?\n(.*?)\r\nendstream", pdf, re.DOTALL)), key=_code
    )
    assert _code(operators) > 200
    assert pdfs.scanned(pdf) == [context["verify_url"]]


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return b""


def _code(operators: bytes) -> int:
    """Return the number of rectangles in the longest path that has only rectangles."""
    return max(
        (path.count(b" re") for path in re.findall(rb"(?:[0-9]+ [0-9]+ [0-9]+ 1 re\n)+f\n", operators)), default=0
    )


class TestPainting:
    BEFORE = b"q\n/a1.0 gs\n0 0.5 0 rg\n/A1.0 gs\n0 0.5 0 RG\n1 w\n[] 0 d\n0 J\n0 j\n4 M"

    def test_strokes_that_cover_rectangles_become_rectangles(self):
        painting, after = Painting.of(self.BEFORE, b"B\nQ")

        assert painting.painted("M0 0.5h7M10 3.5h2") == [b"10 3 2 1 re", b"0 0 7 1 re", b"f"]
        assert after == b"Q"

    @pytest.mark.parametrize(
        "change",
        [(b"1 w", b"2 w"), (b"0.5 0 RG", b"0.4 0 RG"), (b"/A1.0", b"/A0.5"), (b"0 J", b"2 J"), (b"[]", b"[3 1]")],
    )
    def test_other_strokes_stay_strokes(self, change):
        painting, _ = Painting.of(self.BEFORE.replace(*change), b"B\nQ")

        assert painting.painted("M0 0.5h7") == [b"0 0 m", b"0 0.5 m", b"7 0.5 l", b"B"]

    @pytest.mark.parametrize("path", ["M0 0h7", "M0 0.5h7v1", "M0.5 0.5h7", "M0 0.5h-7"])
    def test_other_paths_stay_unchanged(self, path):
        painting, _ = Painting.of(self.BEFORE, b"B\nQ")

        assert painting.painted(path)[-1] == b"B"
        assert not any(operator.endswith(b"re") for operator in painting.painted(path))


class TestGlyphEncoding:
    class Font:
        def __init__(self, name: str, to_unicode: dict[int, str]) -> None:
            self.hash, self.to_unicode = name, to_unicode

    def encoding(self) -> GlyphEncoding:
        return GlyphEncoding(
            [self.Font("A", {0x10: "a", 0x11: "b", 0x12: "a"}), self.Font("B", {0x50: "b", 0x51: "ffi"})]
        )

    @pytest.mark.parametrize(
        ("told", "written"),
        [
            ("<0010>0<0011>0", b"(\0\1\0\2)Tj"),
            ("<00100011>", b"(\0\1\0\2)Tj"),
            ("<0010>-24<>-25.5625<0011>0", b"[(\0\1)-49.5625(\0\2)]TJ"),
            ("-3.5<0010>", b"[-3.5(\0\1)]TJ"),
            ("<0010>12", b"[(\0\1)12]TJ"),
            ("", b"[]TJ"),
        ],
    )
    def test_empty_texts_are_left_out(self, told, written):
        assert self.encoding().shown("A", told) == written

    def test_fonts_share_the_codes_of_their_texts(self):
        encoding = self.encoding()

        assert encoding.shown("A", "<001000110012>") == b"(\0\1\0\2\0\3)Tj"  # another a is another code
        assert encoding.shown("B", "<00500051>") == b"(\0\2\0\4)Tj"
        assert encoding.of_font("A") == (0x10, 0x11, 0x12)
        assert encoding.of_font("B") == (None, 0x50, None, 0x51)

    def test_an_encoding_extends_another_without_changing_it(self):
        begun = self.encoding()
        begun.shown("A", "<0010>")

        assert GlyphEncoding(begun.fonts, begun).shown("A", "<00110010>") == b"(\0\2\0\1)Tj"
        assert begun.texts == ["a"]

    def test_string_delimiters_are_escaped(self):
        texts = {glyph: chr(0x4E00 + glyph) for glyph in range(1, 100)}
        encoding = GlyphEncoding([self.Font("A", texts)])
        written = encoding.shown("A", f"<{''.join(f'{glyph:04x}' for glyph in texts)}>")

        assert all(part in written for part in (b"\0\\r\0", b"\0\\(\0", b"\0\\)\0", b"\0\\\\\0"))

    def test_consecutive_codes_are_written_as_a_range(self):
        texts = dict(enumerate(["0", "1", "2", "x", "ÿ", "Ā", "ffi"], start=1))
        encoding = GlyphEncoding([self.Font("A", texts)])
        encoding.shown("A", "<0001000200030004000500060007>")

        told = zlib.decompress(encoding.meanings().split(b"stream\n", 1)[1].removesuffix(b"\r\nendstream"))

        assert b"1 beginbfrange\n<0001> <0003> <0030>\nendbfrange" in told
        # No range goes from one last byte of 255 to the next of 0.
        assert b"<0004> <0078>\n<0005> <00ff>\n<0006> <0100>\n<0007> <006600660069>\nendbfchar" in told
