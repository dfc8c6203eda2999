"""Which characters our papers can print.

Doors that take names and texts ask here first, so that nobody learns of an unprintable character only when
their receipt fails.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from fontTools.ttLib import TTFont

from logistics.errors import Invalid

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
    if text.isascii():
        return []  # without opening the fonts, which takes half a second in each process
    drawn = dict.fromkeys(char for char in text if unicodedata.category(char) not in UNDRAWN)
    return [char for char in drawn if ord(char) not in printable_codepoints()]


def check(texts: Mapping[str, Any], *, path: str = "") -> None:
    """Raise Invalid (`not_printable`) for the first field with characters that no paper can show, and name them.

    What is not text is passed over; `path` is what stands before the fields' names, e.g. "donor.".
    """
    for field, text in texts.items():
        if isinstance(text, str) and (characters := unprintable(text)):
            # Some have no shape to show, and half a pair (a lone surrogate) cannot even be sent back.
            named = " ".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in characters[:10])
            raise Invalid(
                _("Papers cannot show %(characters)s. Write it without.") % {"characters": named},
                field=f"{path}{field}",
                code="not_printable",
            )
