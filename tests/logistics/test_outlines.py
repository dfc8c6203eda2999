"""Subset fonts: the remaining glyphs are drawn unchanged, and the font's tables are correct."""

import io
from random import Random

import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.pens.areaPen import AreaPen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

from logistics.documents import fonts
from logistics.documents.replay.outlines import Outlines
from logistics.documents.replay.refusal import Refused

FILES = sorted(fonts.FONTS.glob("*.ttf"))
CUBIC = fonts.FONTS / "NotoSansCJKhk-Regular.otf"
NEAR = 3  # of a thousand units of the font size: the curves are other ones, their ends are rounded


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
    count = whole["maxp"].numGlyphs
    glyphs = Random(7).sample(range(1, count), min(count // 4, 200 if count > 2000 else 30))

    subset = TTFont(io.BytesIO(Outlines(path.stem, file).subset(glyphs)), checkChecksums=2)

    assert len(subset.reader.file.getvalue()) < len(file)
    for number, glyph in enumerate(glyphs, start=1):
        assert drawn(subset, number) == drawn(whole, glyph)


def measured(draw) -> tuple:
    """Return the area and the bounds of what is drawn."""
    area, bounds = AreaPen(), BoundsPen(None)
    draw(area)
    draw(bounds)
    return abs(area.value), bounds.bounds or (0, 0, 0, 0)


def test_cubic_curves_become_quadratic_ones_within_a_thousandth_of_the_font_size():
    file = CUBIC.read_bytes()
    whole = CFFFontSet()
    reader = TTFont(io.BytesIO(file), lazy=True).reader
    whole.decompile(io.BytesIO(reader["CFF "]), None)
    names = whole.topDictIndex[0].CharStrings
    letters = "張刘陈髙﨑김철수國際救援會々〆ヶがぱーａＺ，。「」□①㍿"
    characters = TTFont(io.BytesIO(file), lazy=True)["cmap"].getBestCmap()
    wanted = [characters[ord(letter)] for letter in letters]

    subset = TTFont(io.BytesIO(Outlines("x", file).subset([int(name[3:]) for name in wanted])), checkChecksums=2)

    assert subset["maxp"].tableVersion == 0x10000
    assert subset["maxp"].maxPoints == max(len(subset["glyf"][name].coordinates) for name in subset.getGlyphOrder()[1:])
    for number, name in enumerate(wanted, start=1):
        area, bounds = measured(names[name].draw)
        ours, our_bounds = measured(subset.getGlyphSet()[subset.getGlyphName(number)].draw)
        assert ours == pytest.approx(area, rel=0.02)
        assert our_bounds == pytest.approx(bounds, abs=NEAR)
        assert subset["glyf"][subset.getGlyphName(number)].numberOfContours > 0


def test_a_space_of_a_cubic_font_is_empty():
    font = TTFont(CUBIC, lazy=True)
    space = int(font["cmap"].getBestCmap()[0x3000][3:])

    subset = TTFont(io.BytesIO(Outlines("x", CUBIC.read_bytes()).subset([space])))

    assert drawn(subset, 1) == ([], (1000, 0))


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


@pytest.mark.parametrize("change", [(0, b"OTTO"), (0, b"ttcf"), (4, b"\0\0"), (12, b"fvar")])
def test_fonts_with_something_else_than_outlines_are_refused(change):
    at, what = change
    file = bytearray(FILES[0].read_bytes())
    file[at : at + len(what)] = what

    with pytest.raises(Refused):
        Outlines("x", bytes(file))
