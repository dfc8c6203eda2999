"""Which characters our papers can print.

Doors that take names and texts ask here first, so that nobody learns of an unprintable character only when
their receipt fails.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _
from fontTools.ttLib import TTFont

from logistics.errors import Invalid

FONTS = Path(__file__).parent / "assets" / "fonts"
# What most texts are made of: no need to open the fonts, which takes half a second in each process.
LATIN = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA1, 0x180)])) - {"\u00ad"} | set("–—‘’“”…€")
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
    if text.isascii() or LATIN.issuperset(text):
        return []
    drawn = dict.fromkeys(char for char in text if unicodedata.category(char) not in UNDRAWN)
    return [char for char in drawn if ord(char) not in printable_codepoints()]


def check(texts: Mapping[str, object], *, path: str = "") -> None:
    """Raise Invalid (`not_printable`) for the first field with characters that no paper can show, and name them.

    Lists are looked through, what is not text is passed over; `path` is what stands before the fields'
    names, e.g. "donor.".
    """
    for field, text in texts.items():
        said = " ".join(part for part in (text if isinstance(text, list | tuple) else [text]) if isinstance(part, str))
        if characters := unprintable(said):
            # Some have no shape to show, and half a pair (a lone surrogate) cannot even be sent back.
            named = " ".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in characters[:10])
            raise Invalid(
                _("Papers cannot print %(characters)s. Remove these characters.") % {"characters": named},
                field=f"{path}{field}",
                code="not_printable",
            )
