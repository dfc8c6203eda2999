"""Which characters papers can print.

Services check names and texts here first, so that an unprintable character is refused on input and does not make a
receipt fail later.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _
from fontTools.ttLib import TTFont

from logistics.errors import Invalid

FONTS = Path(__file__).parent / "assets" / "fonts"
# Common characters, known without opening the fonts, which takes half a second in each process.
LATIN = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA1, 0x180)])) - {"\u00ad"} | set("–—‘’“”…€")
# Control and separator characters have no glyph, and those format characters that fonts may ignore. Other format
# characters are visible: the signs that enclose Arabic numbers, the controls of hieroglyphs.
UNDRAWN = {"Cc", "Zl", "Zp", "Zs"}
IGNORED = frozenset("\u00ad\u061c\ufeff").union(
    map(chr, [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)])
)


@cache
def printable_codepoints() -> frozenset[int]:
    """Return every code point for which a bundled font has a glyph."""
    points: set[int] = set()
    for path in sorted(FONTS.glob("*.ttf")):
        with TTFont(path, lazy=True) as font:
            points.update(font.getBestCmap())
    return frozenset(points)


def unprintable(text: str) -> list[str]:
    """Return the characters of a text that papers cannot print, each once, in order; usually none."""
    if text.isascii() or LATIN.issuperset(text):
        return []
    drawn = dict.fromkeys(char for char in text if unicodedata.category(char) not in UNDRAWN and char not in IGNORED)
    return [char for char in drawn if ord(char) not in printable_codepoints()]


def named(characters: Sequence[str]) -> str:
    """Return the first ten characters for a message; those without a visible shape by their numbers."""
    # A lone surrogate cannot even be sent back.
    return " ".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in characters[:10])


@dataclass(frozen=True)
class Found:
    """A text that papers cannot print: its place in a context ("packages[2].remark"), and the characters."""

    path: str
    characters: list[str]


def search(context: object, path: str = "") -> Iterator[Found]:
    """Yield each text of a paper's context that cannot be printed, in order."""
    if isinstance(context, str):
        if characters := unprintable(context):
            yield Found(path, characters)
    elif isinstance(context, Mapping):
        for name, value in context.items():
            yield from search(value, f"{path}.{name}" if path else name)
    elif isinstance(context, list | tuple):
        for index, value in enumerate(context):
            yield from search(value, f"{path}[{index}]")


def check(texts: Mapping[str, object], *, path: str = "") -> None:
    """Raise Invalid (`not_printable`) for the first field with unprintable characters, and name them.

    Lists are searched too, other non-text values are skipped; `path` is a prefix of the field names, e.g. "donor.".
    """
    for field, text in texts.items():
        joined = " ".join(
            part for part in (text if isinstance(text, list | tuple) else [text]) if isinstance(part, str)
        )
        if characters := unprintable(joined):
            raise Invalid(
                _("Papers cannot print %(characters)s. Remove these characters.") % {"characters": named(characters)},
                field=f"{path}{field}",
                code="not_printable",
            )
