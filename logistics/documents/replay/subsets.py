"""Embedded fonts: subset once per set of glyphs, however many papers use it."""

import copy
import struct
from functools import lru_cache
from typing import Any

from logistics.documents.replay.weasyprint_private import Font

# The tables that a PDF needs of a TrueType font whose glyphs it refers to by number (ISO 32000-1, 9.9).
NEEDED = (b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp")
SUBSETS_KEPT = 64


class PaperFont(Font):
    """A font of one paper. It starts with the glyphs of the paper's form and holds nothing of other papers."""

    @classmethod
    def of(cls, font: Any) -> "PaperFont":
        own: PaperFont = copy.copy(font)
        own.__class__ = cls
        own.widths, own.to_unicode, own.missing = dict(font.widths), dict(font.to_unicode), dict(font.missing)
        return own

    def subset(self, to_unicode: dict[int, str], hinting: bool) -> None:
        """Keep these glyphs, and the tables that PDF readers use."""
        if self.missing or not to_unicode:
            super().subset(to_unicode, hinting)
        else:
            self.file_content = _subset(_Whole(self), tuple(sorted(to_unicode)), hinting)


class _Whole:
    """A font with all its glyphs, equal to the same font in another paper."""

    def __init__(self, font: PaperFont) -> None:
        self.font = font

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Whole) and other.font.hash == self.font.hash

    def __hash__(self) -> int:
        return hash(self.font.hash)


@lru_cache(maxsize=SUBSETS_KEPT)
def _subset(whole: _Whole, glyphs: tuple[int, ...], hinting: bool) -> bytes:
    font = copy.copy(whole.font)
    Font.subset(font, dict.fromkeys(glyphs, ""), hinting)
    return lean(font.file_content)


def lean(file: bytes) -> bytes:
    """Return a TrueType file with only the tables that a PDF needs; any other file unchanged."""
    (count,) = struct.unpack_from(">H", file, 4)
    entries = [struct.unpack_from(">4sLLL", file, 12 + 16 * index) for index in range(count)]
    kept = [entry for entry in entries if entry[0] in NEEDED]
    if file[:4] != b"\0\1\0\0" or len(kept) < len(NEEDED):
        return file
    power = len(kept).bit_length() - 1
    directory = [struct.pack(">4sHHHH", file[:4], len(kept), 16 << power, power, 16 * len(kept) - (16 << power))]
    tables, position = [], 12 + 16 * len(kept)
    for tag, checksum, offset, length in kept:
        directory.append(struct.pack(">4sLLL", tag, checksum, position, length))
        tables.append(file[offset : offset + length] + bytes(-length % 4))
        position += len(tables[-1])
    return b"".join([*directory, *tables])
