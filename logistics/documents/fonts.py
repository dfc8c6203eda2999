"""Which characters papers can print.

Services check the texts of staff here first, so that an unprintable character is refused on input and does not make a
paper fail later. A donor's name is never refused: what no font has is printed as a square (`printed`).

The characters of the fonts are listed in a file, because opening seventy fonts takes a second in each process.
`python -m logistics.documents.fonts` writes it after a change of the fonts; a test compares both.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.utils.translation import gettext as _

from logistics.errors import Invalid

FONTS = Path(__file__).parent / "assets" / "fonts"
LIST = FONTS.parent / "characters.txt"
# Printed in place of a character that no font has, as most programs do.
FALLBACK = "\N{WHITE SQUARE}"
# Common characters, known without the list.
LATIN = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA1, 0x180)])) - {"\u00ad"} | set("–—‘’“”…€")
# Control and separator characters have no glyph, and those format characters that fonts may ignore. Other format
# characters are visible: the signs that enclose Arabic numbers, the controls of hieroglyphs.
UNDRAWN = {"Cc", "Zl", "Zp", "Zs"}
IGNORED = frozenset("\u00ad\u061c\u180e\ufeff").union(
    map(chr, [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]),
    # They choose among the forms of the character before, as in Japanese names; a font without that form draws its own.
    map(chr, [*range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]),
)
# What follows an emoji and belongs to its picture: its colour, a keycap, and after a joiner another emoji.
OF_A_PICTURE = re.compile("[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]|\u200d.")
OF_A_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")


def of_the_fonts() -> frozenset[int]:
    """Return every code point for which a bundled font has a glyph; slow."""
    from fontTools.ttLib import TTFont

    points: set[int] = set()
    for path in sorted(FONTS.glob("*.[ot]tf")):
        with TTFont(path, lazy=True) as font:
            points.update(font.getBestCmap())
    return frozenset(points)


def written(points: frozenset[int]) -> str:
    """Return code points as the list has them: ranges of hexadecimal numbers, one a line."""
    ordered = sorted(points)
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after > before + 1)]
    ends = [*(before for before, after in pairwise(ordered) if after > before + 1), ordered[-1]]
    return "".join(f"{start:04X}-{end:04X}\n" for start, end in zip(starts, ends, strict=True))


@cache
def printable_codepoints() -> frozenset[int]:
    """Return every code point for which a bundled font has a glyph."""
    ranges = [line.split("-") for line in LIST.read_text("ascii").split()]
    return frozenset(point for start, end in ranges for point in range(int(start, 16), int(end, 16) + 1))


def unprintable(text: str) -> list[str]:
    """Return the characters of a text that papers cannot print, each once, in order; usually none."""
    if text.isascii() or LATIN.issuperset(text):
        return []
    drawn = dict.fromkeys(char for char in text if unicodedata.category(char) not in UNDRAWN and char not in IGNORED)
    return [char for char in drawn if ord(char) not in printable_codepoints()]


def printed(text: str) -> tuple[str, list[str]]:
    """Return a text as papers print it, and what they cannot print: each is a square, an emoji of several parts one."""
    unknown = set(unprintable(text))
    if not unknown:
        return text, []
    kept: list[str] = []
    lost: dict[str, None] = {}
    at = 0
    while at < len(text):
        start, at = at, at + 1
        if text[start] not in unknown:
            kept.append(text[start])
            continue
        if OF_A_FLAG.match(text, start) and OF_A_FLAG.match(text, at):
            at += 1
        while part := OF_A_PICTURE.match(text, at):
            at = part.end()
        kept.append(FALLBACK)
        lost[text[start:at]] = None
    return "".join(kept), list(lost)


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


if __name__ == "__main__":
    LIST.write_text(written(of_the_fonts()), "ascii")
