"""Which characters our papers can print.

Doors that take names and texts ask here first, so that nobody learns of an unprintable character only when
their receipt fails.
"""

import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

FONTS = Path(__file__).parent / "assets" / "fonts"
# Control, format, separator characters: they are obeyed, not drawn.
UNDRAWN = {"Cc", "Cf", "Zl", "Zp", "Zs"}


@cache
def printable_codepoints() -> frozenset[int]:
    """Every code point for which one of the bundled fonts has a glyph."""
    points: set[int] = set()
    for path in sorted(FONTS.glob("*.ttf")):
        with TTFont(path, lazy=True) as font:
            points.update(font.getBestCmap())
    return frozenset(points)


def unprintable(text: str) -> list[str]:
    """The characters of a text that no paper of ours can show, each once, in order; usually none."""
    drawn = dict.fromkeys(char for char in text if unicodedata.category(char) not in UNDRAWN)
    return [char for char in drawn if ord(char) not in printable_codepoints()]
