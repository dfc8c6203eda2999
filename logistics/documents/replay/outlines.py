"""Subsets of fonts with renumbered glyphs, as TrueType.

HarfBuzz subsets fonts too, but keeps the glyph numbers of the whole font, and each number takes space: 110 kB of
nothing for eleven Chinese characters. Here the glyphs of a paper are numbered from 1 in order of appearance, and each
is cut out of its font once per process. Tables and their names: OpenType 1.9.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from logistics.documents.replay.cubic_outlines import CubicOutlines
from logistics.documents.replay.refusal import Refused

GLYPHS_KEPT = 2048
# Tables of fonts that have more than outlines: colours, pictures, axes.
MORE = {b"fvar", b"COLR", b"CBDT", b"EBDT", b"SVG ", b"sbix"}
CUBIC = b"CFF "
# The tables that a PDF needs of a TrueType font whose glyphs it refers to by number (ISO 32000-1, 9.9).
NEEDED = (b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp")

# Flags of the points of a simple glyph, and of the components of a composite one.
SHORT_X, SHORT_Y, REPEATED, SAME_X, SAME_Y = 0x02, 0x04, 0x08, 0x10, 0x20
WORDS, SCALED, MORE_PARTS, SCALED_TWICE, TURNED, INSTRUCTED = 0x01, 0x08, 0x20, 0x40, 0x80, 0x100

CHECKSUM_OF_FILE = 0xB1B0AFBA
HEAD_CHECKSUM, HEAD_LOCA_FORMAT, HHEA_METRICS, MAXP_GLYPHS, MAXP_HINTS = 8, 50, 34, 4, 14
MAXP = struct.Struct(">L14H")  # version 1.0, which TrueType outlines need
NOTHING = bytes(4)  # advance and bearing of an empty glyph


class Glyph(NamedTuple):
    outline: bytes  # without hints; empty for a space
    advance: int  # in units of the font, as the next one
    bearing: int
    parts: tuple[tuple[int, int], ...]  # of a composite outline: offset of each reference, and its glyph


class Outlines:
    """A font file. Raises Refused for a font that has something else than outlines, or more.

    It equals another one with the same key (WeasyPrint's hash of the font) and the same length.
    """

    def __init__(self, key: str, file: bytes) -> None:
        self.key, self.file = (key, len(file)), file
        (count,) = struct.unpack_from(">H", file, 4)
        entries = [struct.unpack_from(">4s4xLL", file, 12 + 16 * index) for index in range(count)]
        self.tables = {tag: (offset, length) for tag, offset, length in entries}
        self.cubic: CubicOutlines | None = None
        needed = set(NEEDED)
        if file[:4] == b"OTTO":
            needed = {CUBIC, b"head", b"hhea", b"hmtx", b"maxp"}
        elif file[:4] != b"\0\1\0\0":
            raise Refused("a file that is not one font")
        if not self.tables.keys() >= needed or MORE & self.tables.keys():
            raise Refused("a font with more than outlines, or without them")
        if CUBIC in needed:
            offset, length = self.tables[CUBIC]
            self.cubic = CubicOutlines(memoryview(file)[offset : offset + length])
        self.long = struct.unpack_from(">h", file, self.tables[b"head"][0] + HEAD_LOCA_FORMAT)[0] == 1
        (self.metrics,) = struct.unpack_from(">H", file, self.tables[b"hhea"][0] + HHEA_METRICS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outlines) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def table(self, tag: bytes) -> bytearray:
        offset, length = self.tables[tag]
        return bytearray(self.file[offset : offset + length])

    def subset(self, glyphs: Sequence[int | None]) -> bytes:
        """Return a font file in which these glyphs are numbered from 1; None is an empty one, as is glyph 0.

        Components of composite glyphs that are not among them follow.
        """
        order = list(glyphs)
        numbers = {glyph: number for number, glyph in enumerate(order, start=1)}
        outlines, metrics, places, position = [], [NOTHING], [0, 0], 0
        for glyph in order:  # grows meanwhile
            if glyph is None:
                metrics.append(NOTHING)
                places.append(position)
                continue
            outline, advance, bearing, parts = _glyph(self, glyph)
            if parts:
                changed = bytearray(outline)
                for place, part in parts:
                    if part not in numbers:
                        order.append(part)
                        numbers[part] = len(order)
                    struct.pack_into(">H", changed, place, numbers[part])
                outline = bytes(changed)
            outlines.append(outline)
            metrics.append(struct.pack(">Hh", advance, bearing))
            position += len(outline)
            places.append(position)
        long, count = position >= 2 * 0x10000, len(order) + 1
        head, hhea, maxp = self.table(b"head"), self.table(b"hhea"), self.table(b"maxp")
        struct.pack_into(">L", head, HEAD_CHECKSUM, 0)
        struct.pack_into(">h", head, HEAD_LOCA_FORMAT, long)
        struct.pack_into(">H", hhea, HHEA_METRICS, count)
        if self.cubic:
            points, contours = zip(*map(_size, outlines), strict=True) if outlines else ((0,), (0,))
            maxp = bytearray(MAXP.pack(0x10000, count, max(points), max(contours), *[0] * 11))
        struct.pack_into(">H", maxp, MAXP_GLYPHS, count)
        struct.pack_into(">8H", maxp, MAXP_HINTS, 1, *[0] * 7)  # no hints: no zones, functions, stack
        loca = places if long else [place // 2 for place in places]
        return _file(
            {
                b"glyf": b"".join(outlines),
                b"head": head,
                b"hhea": hhea,
                b"hmtx": b"".join(metrics),
                b"loca": struct.pack(f">{len(loca)}{'L' if long else 'H'}", *loca),
                b"maxp": maxp,
            }
        )


@lru_cache(maxsize=GLYPHS_KEPT)
def _glyph(font: Outlines, number: int) -> Glyph:
    parts: tuple[tuple[int, int], ...] = ()
    if font.cubic:
        outline = font.cubic.outline(number)
    else:
        start = font.tables[b"loca"][0] + (4 if font.long else 2) * number
        begins, ends = struct.unpack_from(">2L" if font.long else ">2H", font.file, start)
        if not font.long:
            begins, ends = 2 * begins, 2 * ends
        offset = font.tables[b"glyf"][0]
        outline, parts = _unhinted(font.file[offset + begins : offset + ends])
    metrics = font.tables[b"hmtx"][0]
    (advance,) = struct.unpack_from(">H", font.file, metrics + 4 * min(number, font.metrics - 1))
    # The last glyphs share an advance and have only a bearing.
    place = 4 * number + 2 if number < font.metrics else 4 * font.metrics + 2 * (number - font.metrics)
    (bearing,) = struct.unpack_from(">h", font.file, metrics + place)
    return Glyph(outline + bytes(len(outline) % 2), advance, bearing, parts)


def _size(outline: bytes) -> tuple[int, int]:
    """Return the numbers of points and contours of a simple glyph."""
    if not outline:
        return 0, 0
    (contours,) = struct.unpack_from(">h", outline)
    (last,) = struct.unpack_from(">H", outline, 8 + 2 * contours)
    return last + 1, contours


def _unhinted(outline: bytes) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """Return an outline without its hints and trailing bytes; and its references to other glyphs: offset and glyph."""
    if not outline:
        return b"", ()
    (contours,) = struct.unpack_from(">h", outline)
    if contours < 0:
        return _unhinted_of_parts(outline)
    hints = 10 + 2 * contours
    (points,) = struct.unpack_from(">H", outline, hints - 2)
    (length,) = struct.unpack_from(">H", outline, hints)
    flags = end = hints + 2 + length
    left, size = points + 1, 0
    while left > 0:
        flag, end = outline[end], end + 1
        times = 1
        if flag & REPEATED:
            times, end = 1 + outline[end], end + 1
        left -= times
        size += times * (1 if flag & SHORT_X else 0 if flag & SAME_X else 2)
        size += times * (1 if flag & SHORT_Y else 0 if flag & SAME_Y else 2)
    return outline[:hints] + b"\0\0" + outline[flags : end + size], ()


def _unhinted_of_parts(outline: bytes) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    changed = bytearray(outline)
    parts: list[tuple[int, int]] = []
    position, flags = 10, MORE_PARTS
    while flags & MORE_PARTS:
        flags, part = struct.unpack_from(">HH", outline, position)
        struct.pack_into(">H", changed, position, flags & ~INSTRUCTED)
        parts.append((position + 2, part))
        position += 8 if flags & WORDS else 6
        position += 2 if flags & SCALED else 4 if flags & SCALED_TWICE else 8 if flags & TURNED else 0
    return bytes(changed[:position]), tuple(parts)


def _file(tables: dict[bytes, bytes | bytearray]) -> bytes:
    """Combine tables into a file with checksums."""
    count = len(tables)
    power = count.bit_length() - 1
    directory = [struct.pack(">4sHHHH", b"\0\1\0\0", count, 16 << power, power, 16 * count - (16 << power))]
    position = 12 + 16 * count
    padded = {tag: table + bytes(-len(table) % 4) for tag, table in tables.items()}
    for tag, table in tables.items():
        directory.append(struct.pack(">4sLLL", tag, _sum(padded[tag]), position, len(table)))
        position += len(padded[tag])
    whole = sum(_sum(part) for part in (b"".join(directory), *padded.values()))
    padded[b"head"] = bytearray(padded[b"head"])
    struct.pack_into(">L", padded[b"head"], HEAD_CHECKSUM, (CHECKSUM_OF_FILE - whole) & 0xFFFFFFFF)
    return b"".join([*directory, *padded.values()])


def _sum(table: bytes | bytearray) -> int:
    return sum(struct.unpack(f">{len(table) // 4}L", table)) & 0xFFFFFFFF
