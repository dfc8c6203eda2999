"""Text extraction from papers: the intended letters, however many glyphs draw them."""

import subprocess
import unicodedata

import pytest

from logistics.documents import fonts, rendering, replay
from logistics.documents.replay.weasyprint_private import HTML, LETTER_BY_LETTER, Stream, boxes, create_layout, letters
from tests.conformance import failures, run
from tests.donations.receipt_context import FACTS, receipt
from tests.logistics import fidelity, pdfs
from tests.shipments import mali

pytestmark = pytest.mark.conformance

# Names, and who reads them right: poppler does not know that N'Ko runs from right to left, nor that a letter without a
# form of its own with its accent is one; PDFium takes letters of Arabic for words, and the end of one for a space.
NAMES = {
    "Nguyễn Thị Ngọc Hạnh": "both",
    "Olúṣẹ́gun Ọbásanjọ́": "both",
    "Ṅzụ̀ Ọ̀ṣun": "both",
    "e\u0301 x\u0301\u0323": "both",
    "陳大文 Zoë fi": "both",
    "Ɲɛta Kɔnɛ Ɛ̀": "PDFium",
    "ߒߞߏ ߞߊ߲": "PDFium",
    "अमित कुमार": "poppler",
    "张刘陈 髙﨑": "both",
    "김철수": "both",
    "สมชาย ใจดี": "both",
    "דוד כהן": "both",
    "রবীন্দ্রনাথ ঠাকুর": "poppler",
    "சுப்பிரமணியன்": "both",
    "አበበ ቢቂላ": "both",
    "Արամ Խաչատրյան": "both",
    "შოთა რუსთაველი": "both",
    "محمد علي بطانيات": "poppler",
}


def told(pdf: bytes) -> str:
    """Return poppler's text of a paper, with spaces collapsed and without direction marks."""
    text = run("pdftotext", "-", "-", pdf=pdf)
    return " ".join(text.translate(dict.fromkeys(map(ord, "\u202a\u202b\u202c\u200e\u200f"))).split())


def meant(name: str) -> str:
    return unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(("name", "reader"), NAMES.items())
def test_a_donors_name_can_be_extracted_from_a_receipt(name, reader):
    context = {**receipt(donor={"name": name, "address_lines": [name]}), **FACTS}

    first, second = (rendering.to_pdf("donations/receipt.html", context).pdf for _ in range(2))

    assert first == second
    if reader != "PDFium":
        assert told(first).count(meant(name)) == (
            1 if "\u0628" in name else 2
        )  # large Arabic letters stand apart for it
    if reader != "poppler":
        assert pdfs.text_of(first).count(meant(name)) == 2
    assert failures(first) == []


@pytest.mark.long
def test_every_line_of_a_list_can_be_extracted():
    names, packages = [*NAMES], mali.packages()[:70]
    for number, package in enumerate(packages):
        package["lines"][0]["description"] = {"en": names[number % len(names)], "fr": f"{number} Thị s{number}"}
        package["remark"] = names[-1 - number % len(names)]
    context = {**mali.packing_list(packages=packages), **mali.FACTS}

    pdf = rendering.to_pdf("shipments/papers/packing_list.html", context, languages=("en", "fr")).pdf

    by_poppler, by_pdfium = told(pdf), " ".join(pdfs.text_of(pdf).split())
    for name, reader in NAMES.items():
        text = by_pdfium if reader == "PDFium" else by_poppler
        assert text.count(meant(name)) >= 70 // len(names), name  # in the narrow column they may be broken
    assert all(f"{number} Thị s{number}" in by_poppler for number in range(70))
    assert failures(pdf) == []


def test_letters_without_marking_are_one_glyph_each():
    families = (
        "&quot;Noto Sans&quot;, &quot;Noto Sans NKo&quot;, &quot;Noto Sans Arabic&quot;, &quot;Noto Sans CJK HK&quot;"
    )
    page = "".join(f'<p style="font-family: {families}; font-weight: {weight}">x</p>' for weight in (400, 700))
    document = HTML(string=page).render(font_config=rendering._font_configuration())
    styles = [box.style for box in document.pages[0]._page_box.descendants() if isinstance(box, boxes.TextBox)]
    assert len(styles) == 2
    tried = 0
    for character in map(chr, [*range(0x20, 0x3100), *range(0x4E00, 0x20000, 97)]):
        is_looked_at = not LETTER_BY_LETTER.fullmatch(character)
        if is_looked_at or unicodedata.category(character)[0] in "CZ" or fonts.unprintable(character):
            continue
        tried += 1
        for style in styles:
            (letter,) = letters(create_layout(character, style, None, None, 0))
            assert len(letter.glyphs) == 1, f"U+{ord(character):04X} {character}"
    assert tried > 1500


@pytest.mark.parametrize(
    "name", [next(iter(NAMES)), *(pytest.param(name, marks=pytest.mark.long) for name in [*NAMES][1:])]
)
def test_marking_letters_moves_none(name, monkeypatch):
    """WeasyPrint itself marks none: poppler draws the same; PDFium rounds a few positions differently."""
    context = {**receipt(donor={"name": name, "address_lines": [name]}), **FACTS}
    monkeypatch.setattr(replay, "has_slots", lambda html: False)
    marked = rendering.to_pdf("donations/receipt.html", context).pdf

    monkeypatch.setattr(Stream, "show_text", Stream.show_glyphs)
    bare = rendering.to_pdf("donations/receipt.html", context).pdf

    assert drawn(marked) == drawn(bare)
    assert fidelity.differing_pixels(marked, bare) < 0.0001


def drawn(pdf: bytes) -> bytes:
    return subprocess.run(["pdftoppm", "-r", "144", "-gray"], input=pdf, capture_output=True, check=True).stdout
