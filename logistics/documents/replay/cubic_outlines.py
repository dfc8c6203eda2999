"""The glyphs of an OpenType font with cubic curves (CFF), each drawn as TrueType's quadratic ones when it is needed.

The Chinese, Japanese and Korean font has 65,535 glyphs in one table. fontTools reads all of their names first, which
takes seconds; here only the bytes of a glyph that is shown are read. Format: Adobe Technical Notes 5176 and 5177.
"""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from fontTools.misc.psCharStrings import T2CharString
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen

from logistics.documents.replay.refusal import Refused

# In thousandths of the font size: at 14 points a two-hundredth of a millimetre.
LARGEST_ERROR = 1.0
# Operators of dictionaries; those after an escape (12) have 256 added.
CHAR_STRINGS, PRIVATE, SUBROUTINES, FONTS, FONT_OF_GLYPH, KIND_OF_CHAR_STRINGS = 17, 18, 19, 256 + 36, 256 + 37, 256 + 6
ESCAPE, SHORT, LONG, REAL = 12, 28, 29, 30


class Index(Sequence[bytes]):
    """An INDEX of a CFF table: many pieces of bytes, read one by one."""

    def __init__(self, table: memoryview, at: int) -> None:
        self.table = table
        (self.length,) = struct.unpack_from(">H", table, at)
        self.width = table[at + 2] if self.length else 0
        self.offsets = at + 3
        self.data = self.offsets + (self.length + 1) * self.width - 1  # offsets begin at 1
        self.end = self.data + self._offset(self.length) if self.length else at + 2

    def _offset(self, number: int) -> int:
        start = self.offsets + number * self.width
        return int.from_bytes(self.table[start : start + self.width], "big")

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < self.length:
            raise IndexError(number)
        return bytes(self.table[self.data + self._offset(number) : self.data + self._offset(number + 1)])


class Subroutines(Index):
    """Pieces of outlines that several glyphs share, as fontTools executes them."""

    def __getitem__(self, number: Any) -> Any:
        return T2CharString(bytecode=super().__getitem__(number))


class Private:
    """What the glyphs of one part of the font share. Widths are read from another table."""

    nominalWidthX = defaultWidthX = 0  # as fontTools calls them

    def __init__(self, table: memoryview, of_font: dict[int, list[int]]) -> None:
        self.Subrs: Sequence[bytes] = ()
        if PRIVATE in of_font:
            size, at = of_font[PRIVATE]
            if SUBROUTINES in (operators := _dictionary(table[at : at + size])):
                self.Subrs = Subroutines(table, at + operators[SUBROUTINES][0])


class CubicOutlines:
    """The table of a font's outlines. Raises Refused for one that is not drawn by Type 2 charstrings."""

    def __init__(self, table: memoryview) -> None:
        names = Index(table, table[2])
        tops = Index(table, names.end)
        self.shared = Subroutines(table, Index(table, tops.end).end)
        top = _dictionary(tops[0])
        if len(tops) != 1 or top.get(KIND_OF_CHAR_STRINGS, [2]) != [2]:
            raise Refused("a font with outlines of an unknown kind")
        self.glyphs = Index(table, top[CHAR_STRINGS][0])
        fonts = [_dictionary(font) for font in Index(table, top[FONTS][0])] if FONTS in top else [top]
        self.private = [Private(table, font) for font in fonts]
        ranges = _ranges(table, top[FONT_OF_GLYPH][0], len(self.glyphs)) if FONT_OF_GLYPH in top else [(0, 0)]
        self.firsts, self.parts = zip(*ranges, strict=True)

    def outline(self, glyph: int) -> bytes:
        """Return a glyph as TrueType has it, without hints; empty for a space."""
        private = self.private[self.parts[bisect_right(self.firsts, glyph) - 1]]
        drawing = T2CharString(bytecode=self.glyphs[glyph], private=private, globalSubrs=self.shared)
        pen = TTGlyphPen(None)
        drawing.draw(Cu2QuPen(pen, LARGEST_ERROR, reverse_direction=True))
        drawn = pen.glyph()
        if drawn.numberOfContours == 0:
            return b""
        drawn.recalcBounds(None)
        outline: bytes = drawn.compile(None, recalcBBoxes=False)
        return outline


def _dictionary(data: bytes | memoryview) -> dict[int, list[int]]:
    """Return the operands of each operator, without real numbers, which are not needed here."""
    found: dict[int, list[int]] = {}
    operands: list[int] = []
    at = 0
    while at < len(data):
        byte, at = data[at], at + 1
        if byte <= 21:
            if byte == ESCAPE:
                byte, at = 256 + data[at], at + 1
            found[byte], operands = operands, []
        elif byte == SHORT:
            operands.append(struct.unpack_from(">h", data, at)[0])
            at += 2
        elif byte == LONG:
            operands.append(struct.unpack_from(">i", data, at)[0])
            at += 4
        elif byte == REAL:
            while data[at] & 15 != 15:
                at += 1
            at += 1
        elif byte <= 246:
            operands.append(byte - 139)
        else:
            operands.append(
                (byte - 247) * 256 + data[at] + 108 if byte <= 250 else -(byte - 251) * 256 - data[at] - 108
            )
            at += 1
    return found


def _ranges(table: memoryview, at: int, glyphs: int) -> list[tuple[int, int]]:
    """Return the first glyph of each range of glyphs of one part of the font, and that part."""
    if table[at] == 0:
        return list(enumerate(table[at + 1 : at + 1 + glyphs]))
    (count,) = struct.unpack_from(">H", table, at + 1)
    return [struct.unpack_from(">HB", table, at + 3 + 3 * number) for number in range(count)]
