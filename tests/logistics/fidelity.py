"""Compare two PDFs: characters, their positions, pages, pixels."""

import ctypes
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import ImageChops

DPI = 72
QUARTER = 64  # of 256 grey levels


class Character(NamedTuple):
    char: str
    x: float  # pt, of its origin
    y: float


def characters(pdf: bytes) -> list[list[Character]]:
    """Return every drawn character, page by page, in reading order, without spaces."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [_characters(page.get_textpage()) for page in document]


def _characters(page: pypdfium2.PdfTextPage) -> list[Character]:
    found = []
    x, y = ctypes.c_double(), ctypes.c_double()
    for index in range(page.count_chars()):
        char = chr(pdfium.FPDFText_GetUnicode(page, index))
        if not char.isspace() and not pdfium.FPDFText_IsGenerated(page, index):
            pdfium.FPDFText_GetCharOrigin(page, index, x, y)
            found.append(Character(char, x.value, y.value))
    return found


def shift(one: list[list[Character]], other: list[list[Character]]) -> float:
    """Return the largest distance in pt between corresponding characters. Fails at the first that differs."""
    assert len(one) == len(other), f"{len(one)} pages, {len(other)} pages"
    largest = 0.0
    for number, (page, other_page) in enumerate(zip(one, other, strict=True), start=1):
        text, other_text = ("".join(c.char for c in chars) for chars in (page, other_page))
        assert text == other_text, f"page {number}: {_first_difference(text, other_text)}"
        for char, other_char in zip(page, other_page, strict=True):
            largest = max(largest, abs(char.x - other_char.x), abs(char.y - other_char.y))
    return largest


def _first_difference(text: str, other: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    return f"{text[max(0, at - 20) : at + 30]!r} instead of {other[max(0, at - 20) : at + 30]!r}"


def differing_pixels(one: bytes, other: bytes) -> float:
    """Return the share of pixels that differ by more than a quarter of black."""
    differing = total = 0
    with pypdfium2.PdfDocument(one) as document, pypdfium2.PdfDocument(other) as other_document:
        for page, other_page in zip(document, other_document, strict=True):
            images = [p.render(scale=DPI / 72, grayscale=True).to_pil() for p in (page, other_page)]
            histogram = ImageChops.difference(*images).histogram()
            total += sum(histogram)
            differing += sum(histogram[QUARTER:])
    return differing / total
