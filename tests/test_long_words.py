"""Long words on papers: broken where the space ends. Nothing overlaps, nothing is cut, and replay agrees."""

from collections import Counter
from functools import cache

import pypdfium2
import pytest

from logistics.documents import rendering
from tests import long_words
from tests.logistics import both_ways, fidelity, pdfs

pytestmark = pytest.mark.papers
REPLAYED = [
    "packing list",
    *(pytest.param(f"goods-received {kind}", marks=pytest.mark.long) for kind in ("note", "form")),
]
# Letters that only one field of a paper has, and how often it is drawn: a word that is cut has fewer.
DRAWN = {
    "packing list": {"W": 4 * 200, "A": 4 * 30, "M": 4 * 60, "S": 11 * 60, "T": 200, "H": 3 * 200, "E": 100},
    "waybill": {"W": 2 * 200, "T": 200, "H": 200, "O": 500, "Q": 200, "C": 90},
    "goods-received note": {"W": 5 * 200, "A": 4 * 30, "M": 4 * 60, "O": 7 * 500, "T": 200, "Q": 3 * 100},
    "goods-received form": {"W": 4 * 200, "A": 4 * 30, "M": 4 * 60, "T": 200, "H": 200},
    "labels": {"M": 4 * 60, "N": 6 * 200, "Y": 3 * 60},
    "receipt": {"Z": 120, "T": 200, "Q": 200, "L": 60, "V": 60, "國": 100},
}
MARGIN = 8  # pt: everything is at least this far from the edge of the page


@cache
def printed(name: str) -> bytes:
    template, context = long_words.PAPERS[name]
    languages = ["en"] if name == "receipt" else ["en", "fr"]
    return rendering.to_pdf(template, {**context, **long_words.facts(name)}, languages=languages).pdf


def outside(pdf: bytes) -> list[str]:
    """Return the letters that are drawn in the margins or off the page."""
    with pypdfium2.PdfDocument(pdf) as document:
        sizes = [page.get_size() for page in document]
    return [
        f"{letter.char} at {letter.x:.0f},{letter.y:.0f}"
        for (width, height), letters in zip(sizes, fidelity.characters(pdf), strict=True)
        for letter in letters
        if not (MARGIN < letter.x < width - MARGIN and MARGIN < letter.y < height - MARGIN)
    ]


@pytest.mark.parametrize("name", long_words.PAPERS)
def test_nothing_overlaps_and_nothing_is_cut(name: str) -> None:
    pdf = printed(name)

    drawn = Counter(letter.char for page in fidelity.characters(pdf) for letter in page)

    assert pdfs.overlaps(pdf) == []
    assert outside(pdf) == []
    # The paper's own words have a few of these letters too.
    assert {letter: drawn[letter] for letter, least in DRAWN[name].items() if drawn[letter] < least} == {}


def test_a_label_stays_on_one_page_and_its_bar_codes_are_free() -> None:
    pdf = printed("labels")

    assert len(pdfs.page_texts(pdf)) == 6
    for page, label in enumerate(long_words.labels()["labels"]):
        assert pdfs.scanned(pdf, page) == [f"(00){label['sscc']}", label["scan"]]


@pytest.mark.parametrize("name", REPLAYED)
def test_replay_breaks_long_words_as_plain_weasyprint_does(name: str) -> None:
    template, context = long_words.PAPERS[name]

    plain, replayed = (
        both_ways.printed(template, {**context, **long_words.facts(name)}, replayed=way) for way in (False, True)
    )

    assert fidelity.shift(fidelity.characters(replayed), fidelity.characters(plain)) < 0.5
    assert fidelity.differing_pixels(replayed, plain) < 0.001
