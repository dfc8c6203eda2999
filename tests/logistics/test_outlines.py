"""Subset fonts: the remaining glyphs are drawn unchanged, and the font's tables are correct."""

import io
from random import Random

import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

from logistics.documents import fonts
from logistics.documents.replay.outlines import Outlines
from logistics.documents.replay.refusal import Refused

FILES = sorted(fonts.FONTS.glob("*.ttf"))


def drawn(font: TTFont, glyph: int) -> tuple:
    """Return outline, advance and bearing of a glyph, with its components resolved."""
    name = font.getGlyphName(glyph)
    pen = DecomposingRecordingPen(font.getGlyphSet())
    font.getGlyphSet()[name].draw(pen)
    return pen.value, font["hmtx"][name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_glyph_is_drawn_as_in_the_whole_font(path):
    file = path.read_bytes()
    whole = TTFont(io.BytesIO(file))
    glyphs = Random(7).sample(range(1, whole["maxp"].numGlyphs), 200)

    subset = TTFont(io.BytesIO(Outlines(path.stem, file).subset(glyphs)), checkChecksums=2)

    assert len(subset.reader.file.getvalue()) < len(file) / 3
    for number, glyph in enumerate(glyphs, start=1):
        assert drawn(subset, number) == drawn(whole, glyph)


def test_a_code_missing_from_the_font_draws_nothing():
    path = FILES[0]
    subset = TTFont(io.BytesIO(Outlines(path.stem, path.read_bytes()).subset([None, 40])))

    assert drawn(subset, 1) == drawn(subset, 0) == ([], (0, 0))
    assert drawn(subset, 2)[0]


def test_hints_are_removed():
    file = FILES[0].read_bytes()
    subset = TTFont(io.BytesIO(Outlines("x", file).subset(range(1, 100))))

    assert not {"fpgm", "prep", "cvt "} & set(subset.keys())
    assert subset["maxp"].maxSizeOfInstructions == subset["maxp"].maxFunctionDefs == 0
    for name in subset.getGlyphOrder():
        assert not getattr(subset["glyf"][name], "program", None)


@pytest.mark.parametrize("change", [(0, b"OTTO"), (4, b"\0\0"), (12, b"fvar")])
def test_fonts_other_than_plain_truetype_are_refused(change):
    at, what = change
    file = bytearray(FILES[0].read_bytes())
    file[at : at + len(what)] = what

    with pytest.raises(Refused):
        Outlines("x", bytes(file))
