"""The text encoding of a filled-in paper: glyphs numbered in order of appearance, in a font that has no others.

WeasyPrint writes each glyph as four hex digits, its number in the whole font, followed by its offset from the position
given by the font, which is nearly always 0. Here texts are numbered from 1, those of the form first, so that the form's
own texts are encoded once for all of its papers; a glyph has the number of its text in every font, so that all fonts
share one ToUnicode map. A glyph takes two bytes, and an offset of 0 is left out. The result looks the same
(ISO 32000-1, 9.4.3).
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from logistics.documents.replay.outlines import Outlines
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.weasyprint_private import (
    PART_OF_A_LETTER,
    Stream,
    pydyf,
    to_bytes,
)

LEVEL = 9  # of compression; for so few bytes it is as fast as any other
FONTS_KEPT = 32
SUBSETS_KEPT = 64
BYTES_ESCAPED = re.compile(rb"[()\\\r]")
SHOWN = re.compile(rb"/([A-Z]{6}) [0-9.]+ Tf|\[([^\]]*)\] TJ")

TO_UNICODE = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def
/CMapName/Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000><ffff>
endcodespacerange
%sendcmap
CMapName currentdict/CMap defineresource pop
end
end"""

# The dictionaries of a font, as WeasyPrint writes them: Type0 font, CIDFont, descriptor.
DICTIONARIES = (
    b"<</Type/Font/Subtype/Type0/BaseFont%(name)s/ToUnicode %(meanings)d 0 R/Encoding/Identity-H"
    b"/DescendantFonts[%(of_codes)d 0 R]>>",
    b"<</Type/Font/Subtype/CIDFontType2/BaseFont%(name)s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
    b"/Supplement 0>>/CIDToGIDMap/Identity/W[1[%(widths)s]]/FontDescriptor %(descriptor)d 0 R>>",
    b"<</Type/FontDescriptor/FontName%(name)s/FontFamily%(family)s/Flags %(flags)d"
    b"/FontBBox[0 %(descent)d %(widest)s %(ascent)d]/ItalicAngle %(italic_angle)d/Ascent %(ascent)d"
    b"/Descent %(descent)d/CapHeight %(ascent)d/StemV %(stemv)d/StemH %(stemh)d/FontFile2 %(file)d 0 R>>",
)
FIXED_PITCH = 1  # of the flags of a font

_outlines: dict[str, Outlines] = {}


def outlines_of(font: Any) -> Outlines:
    """Return the glyphs of a WeasyPrint font, read once. Raises Refused for a font that `Outlines` cannot subset."""
    if font.missing or font.bitmap or font.png or font.svg or font.colr or font.index:
        raise Refused("a font that has more than outlines, or less than is needed")
    known = _outlines.get(font.hash)
    if known is None or len(known.file) != len(font.file_content):
        if len(_outlines) >= FONTS_KEPT:
            _outlines.clear()
        known = _outlines[font.hash] = Outlines(font.hash, font.file_content)
    return known


def share_files(fonts: Iterable[Any]) -> None:
    """Make the fonts of all forms share one copy of each file: the Chinese one has 13 MB.

    Raises Refused as `outlines_of` does.
    """
    for font in fonts:
        known = outlines_of(font)
        if font.file_content == known.file:
            font.file_content = known.file


class GlyphEncoding:
    """The glyphs that a paper shows, and their codes.

    `fonts` are WeasyPrint's, which know the text of a glyph by the time it is shown. An encoding can continue another
    one, that of the paper's form.
    """

    def __init__(self, fonts: Iterable[Any], begun: "GlyphEncoding | None" = None) -> None:
        self.fonts = fonts
        self.texts: list[str] = list(begun.texts) if begun else []  # of code 1, 2 ...
        # By font hash: the bytes of a glyph, keyed by the four hex digits of its number in the font.
        self.written: dict[str, dict[str, bytes]] = {}
        self.glyphs: dict[str, dict[int, int]] = {}  # by font hash: glyphs by code
        if begun:
            self.written = {font: dict(written) for font, written in begun.written.items()}
            self.glyphs = {font: dict(glyphs) for font, glyphs in begun.glyphs.items()}

    def begin(self) -> None:
        """Give codes to all glyphs that the fonts show already, in alphabetical order, which compresses best."""
        hashes = [font.hash for font in self.fonts]
        known = {
            (text, number, glyph) for number, font in enumerate(self.fonts) for glyph, text in font.to_unicode.items()
        }
        for _, number, glyph in sorted(known):
            digits = f"{glyph:04x}"
            if digits not in self.written.setdefault(hashes[number], {}):
                self._write(hashes[number], digits)

    def shown(self, font: str, operand: str) -> bytes:
        """Return the operator for a text that WeasyPrint writes as, say, "<002c>0<0051>-24.5<0048>0"."""
        written = self.written.setdefault(font, {})
        parts: list[bytes] = []
        distance = 0.0
        for piece in operand.replace(">0<", "").split("<"):
            digits, _, number = piece.rpartition(">")
            if digits:
                if distance:
                    parts.append(_distance(distance))
                    distance = 0.0
                glyphs = [digits[at : at + 4] for at in range(0, len(digits), 4)]
                parts.append(b"(%s)" % b"".join([written.get(glyph) or self._write(font, glyph) for glyph in glyphs]))
            if number:
                distance += float(number)
        if distance:
            parts.append(_distance(distance))
        if len(parts) == 1 and parts[0][:1] == b"(":
            return parts[0] + b"Tj"
        return b"[%s]TJ" % b"".join(parts)

    def _write(self, font: str, digits: str) -> bytes:
        """Give a glyph a code: that of its text, unless another glyph of the font has it."""
        glyph = int(digits, 16)
        texts = (each.to_unicode.get(glyph, "") for each in self.fonts if each.hash == font)
        text = next(filter(None, texts), PART_OF_A_LETTER)
        glyphs = self.glyphs.setdefault(font, {})
        shared = [] if text == PART_OF_A_LETTER else self.texts  # it may turn out to be a letter of its own later
        free = (code for code, known in enumerate(shared, start=1) if known == text and code not in glyphs)
        if not (code := next(free, 0)):
            self.texts.append(text)
            code = len(self.texts)
        glyphs[code] = glyph
        written = self.written[font][digits] = BYTES_ESCAPED.sub(_escaped, code.to_bytes(2, "big"))
        return written

    def rewritten(self, operators: bytes) -> bytes:
        """Return WeasyPrint's operators with their texts re-encoded."""
        font = ""

        def shown(match: re.Match[bytes]) -> bytes:
            nonlocal font
            if match[1]:
                font = match[1].decode()
                return match[0]
            return self.shown(font, match[2].decode())

        return SHOWN.sub(shown, operators)

    def of_font(self, font: str) -> tuple[int | None, ...]:
        """Return the glyph of each code from 1 to the font's last, None for codes of other fonts."""
        glyphs = self.glyphs[font]
        return tuple(map(glyphs.get, range(1, max(glyphs) + 1)))

    def meanings(self) -> bytes:
        """Return the ToUnicode map as a stream."""
        for font in self.fonts:
            for code, glyph in self.glyphs.get(font.hash, {}).items():
                if self.texts[code - 1] == PART_OF_A_LETTER:
                    self.texts[code - 1] = font.to_unicode.get(glyph) or PART_OF_A_LETTER
        first, single, several = 1, [], []
        for code in range(1, len(self.texts) + 1):
            if code < len(self.texts) and _follows(self.texts[code - 1], self.texts[code]) and (code + 1) % 256:
                continue
            stands_for = self.texts[first - 1].encode("utf-16-be").hex()
            if first == code:
                single.append(b"<%04x> <%s>" % (code, stands_for.encode()))
            else:
                several.append(b"<%04x> <%04x> <%s>" % (first, code, stands_for.encode()))
            first = code + 1
        return packed(TO_UNICODE % (_entries(b"bfchar", single) + _entries(b"bfrange", several)))


def _follows(text: str, other: str) -> bool:
    """Return whether a code range can continue from one text to the next: only the last byte may be incremented."""
    return len(text) == len(other) == 1 and ord(text) + 1 == ord(other) < 0x10000 and ord(other) % 256 != 0


def _entries(kind: bytes, entries: Sequence[bytes]) -> bytes:
    """Return the entries of a CMap, in blocks of a hundred at most."""
    parts = [entries[at : at + 100] for at in range(0, len(entries), 100)]
    return b"".join(b"%d begin%s\n%s\nend%s\n" % (len(part), kind, b"\n".join(part), kind) for part in parts)


def _escaped(byte: re.Match[bytes]) -> bytes:
    return b"\\r" if byte[0] == b"\r" else b"\\" + byte[0]


def _distance(thousandths: float) -> bytes:
    return f"{thousandths:.4f}".rstrip("0").rstrip(".").encode()


class EncodedStream(Stream):
    """A stream that uses a GlyphEncoding."""

    encoding: GlyphEncoding
    font = ""

    def set_font_size(self, font: str, size: float) -> None:
        self.font = font
        super().set_font_size(font, size)

    def show_glyphs(self, shown: str) -> None:
        self.stream.append(self.encoding.shown(self.font, shown))


def packed(content: bytes, extra: bytes = b"") -> bytes:
    """Return a compressed stream object with `extra` in its dictionary."""
    data = zlib.compress(content, LEVEL)
    # Both line-end characters, or a reader would take a last data byte of 13 for a part of the line end.
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\r\nendstream" % (extra, len(data), data)


@lru_cache(maxsize=SUBSETS_KEPT)
def _file(outlines: Outlines, glyphs: tuple[int | None, ...]) -> bytes:
    file = outlines.subset(glyphs)
    return packed(file, b"/Length1 %d" % len(file))


def embedded(
    fonts: Sequence[Any], glyphs: tuple[int | None, ...], meanings: int, numbers: Sequence[int]
) -> tuple[bytes, list[bytes]]:
    """Return an embedded font: its file as a stream, and its three dictionaries as WeasyPrint writes them, font first.

    `fonts` are WeasyPrint's fonts that share one file, `glyphs` the glyph of each code from 1, `meanings` the object
    number of the ToUnicode map, `numbers` those of the four objects made here. Raises Refused for a font that cannot be
    subset.
    """
    of_glyphs = {glyph: width for each in fonts for glyph, width in each.widths.items()}
    widths = [0 if glyph is None else of_glyphs[glyph] for glyph in glyphs]
    shown = {width for glyph, width in zip(glyphs, widths, strict=True) if glyph is not None}
    font = fonts[0]
    values = {
        b"name": font.name,
        b"meanings": meanings,
        b"file": numbers[0],
        b"of_codes": numbers[2],
        b"descriptor": numbers[3],
        b"widths": b" ".join(map(to_bytes, widths)),
        b"family": pydyf.String(font.family).data,
        b"flags": font.flags | (FIXED_PITCH if len(shown) == 1 and len(glyphs) - glyphs.count(None) > 1 else 0),
        b"widest": to_bytes(max(shown)),
        **{name.encode(): getattr(font, name) for name in ("ascent", "descent", "italic_angle", "stemv", "stemh")},
    }
    return _file(outlines_of(font), glyphs), [dictionary % values for dictionary in DICTIONARIES]
