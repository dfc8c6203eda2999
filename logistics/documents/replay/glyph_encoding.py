"""How a filled-in paper writes its letters: glyphs numbered as they come, in a font that has no others.

WeasyPrint writes each glyph as four digits, its number in the whole font, and after it how far it is from where its
font would put it, which is nearly always 0. Here texts are numbered from 1, those of the form first, so that what the
form says is written once for all of its papers; a glyph has the number of its text in whatever font, so that all fonts
share one list of what codes stand for. Two bytes are a glyph, and a distance of 0 is left out. Drawn is the same
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

LEVEL = 9  # of compression; for so few bytes it takes no longer than any other
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

# Of a font, as WeasyPrint writes them: itself, its codes, its descriptor.
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
    """The glyphs of a font of WeasyPrint's, read once. Raises Refused for a font that `Outlines` cannot cut down."""
    if font.missing or font.bitmap or font.png or font.svg or font.colr or font.index:
        raise Refused("a font that has more than outlines, or less than is needed")
    known = _outlines.get(font.hash)
    if known is None or len(known.file) != len(font.file_content):
        if len(_outlines) >= FONTS_KEPT:
            _outlines.clear()
        known = _outlines[font.hash] = Outlines(font.hash, font.file_content)
    return known


def share_files(fonts: Iterable[Any]) -> None:
    """Have the fonts of all forms hold one copy of each file: that of Chinese has 7 MB.

    Raises Refused as `outlines_of` does.
    """
    for font in fonts:
        known = outlines_of(font)
        if font.file_content == known.file:
            font.file_content = known.file


class GlyphEncoding:
    """The glyphs that a paper shows, and how it writes them.

    `fonts` are WeasyPrint's, which know by the time that a glyph is shown what it stands for. An encoding may go on
    where another one, that of the paper's form, ends.
    """

    def __init__(self, fonts: Iterable[Any], begun: "GlyphEncoding | None" = None) -> None:
        self.fonts = fonts
        self.texts: list[str] = list(begun.texts) if begun else []  # that of code 1 and so on
        # Of each font, by its hash: how a glyph is written, given as the four digits that are its number in the font.
        self.written: dict[str, dict[str, bytes]] = {}
        self.glyphs: dict[str, dict[int, int]] = {}  # of each font: its glyphs by their codes
        if begun:
            self.written = {font: dict(written) for font, written in begun.written.items()}
            self.glyphs = {font: dict(glyphs) for font, glyphs in begun.glyphs.items()}

    def begin(self) -> None:
        """Give codes to all that the fonts show already, in the order of the alphabet: so they compress best."""
        hashes = [font.hash for font in self.fonts]
        known = {
            (text, number, glyph) for number, font in enumerate(self.fonts) for glyph, text in font.to_unicode.items()
        }
        for _, number, glyph in sorted(known):
            digits = f"{glyph:04x}"
            if digits not in self.written.setdefault(hashes[number], {}):
                self._write(hashes[number], digits)

    def shown(self, font: str, told: str) -> bytes:
        """The operator that shows what WeasyPrint tells as, say, "<002c>0<0051>-24.5<0048>0"."""
        written = self.written.setdefault(font, {})
        parts: list[bytes] = []
        distance = 0.0
        for piece in told.replace(">0<", "").split("<"):
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
        told = (each.to_unicode.get(glyph, "") for each in self.fonts if each.hash == font)
        text = next(filter(None, told), PART_OF_A_LETTER)
        glyphs = self.glyphs.setdefault(font, {})
        shared = [] if text == PART_OF_A_LETTER else self.texts  # it may yet turn out to be a letter by itself
        free = (code for code, known in enumerate(shared, start=1) if known == text and code not in glyphs)
        if not (code := next(free, 0)):
            self.texts.append(text)
            code = len(self.texts)
        glyphs[code] = glyph
        written = self.written[font][digits] = BYTES_ESCAPED.sub(_escaped, code.to_bytes(2, "big"))
        return written

    def rewritten(self, operators: bytes) -> bytes:
        """Operators of WeasyPrint's with the letters written anew."""
        font = ""

        def shown(match: re.Match[bytes]) -> bytes:
            nonlocal font
            if match[1]:
                font = match[1].decode()
                return match[0]
            return self.shown(font, match[2].decode())

        return SHOWN.sub(shown, operators)

    def of_font(self, font: str) -> tuple[int | None, ...]:
        """The glyph of each code from 1 to the last that the font has, None where it has none."""
        glyphs = self.glyphs[font]
        return tuple(map(glyphs.get, range(1, max(glyphs) + 1)))

    def meanings(self) -> bytes:
        """What codes stand for, as a stream."""
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
    """Whether a range of codes may go on from one text to another: only the last byte of what they stand for counts."""
    return len(text) == len(other) == 1 and ord(text) + 1 == ord(other) < 0x10000 and ord(other) % 256 != 0


def _entries(kind: bytes, entries: Sequence[bytes]) -> bytes:
    """Entries of a CMap, of which a hundred at most may stand together."""
    parts = [entries[at : at + 100] for at in range(0, len(entries), 100)]
    return b"".join(b"%d begin%s\n%s\nend%s\n" % (len(part), kind, b"\n".join(part), kind) for part in parts)


def _escaped(byte: re.Match[bytes]) -> bytes:
    return b"\\r" if byte[0] == b"\r" else b"\\" + byte[0]


def _distance(thousandths: float) -> bytes:
    return f"{thousandths:.4f}".rstrip("0").rstrip(".").encode()


class EncodedStream(Stream):
    """A stream on which letters are written so."""

    encoding: GlyphEncoding
    font = ""

    def set_font_size(self, font: str, size: float) -> None:
        self.font = font
        super().set_font_size(font, size)

    def show_glyphs(self, shown: str) -> None:
        self.stream.append(self.encoding.shown(self.font, shown))


def packed(content: bytes, extra: bytes = b"") -> bytes:
    """A compressed stream object with this in its dictionary."""
    data = zlib.compress(content, LEVEL)
    # Both characters of a line end, or a reader that looks for one takes a last byte of 13 for the first of them.
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\r\nendstream" % (extra, len(data), data)


@lru_cache(maxsize=SUBSETS_KEPT)
def _file(outlines: Outlines, glyphs: tuple[int | None, ...]) -> bytes:
    file = outlines.subset(glyphs)
    return packed(file, b"/Length1 %d" % len(file))


def embedded(
    fonts: Sequence[Any], glyphs: tuple[int | None, ...], meanings: int, numbers: Sequence[int]
) -> tuple[bytes, list[bytes]]:
    """A font in a PDF: its file as a stream, and the three dictionaries that WeasyPrint writes, the font first.

    `fonts` are WeasyPrint's own that have one file, `glyphs` that of each code from 1, `meanings` the number of the
    object that says what codes stand for, `numbers` those of the four that this makes. Raises Refused for a font that
    cannot be cut down.
    """
    of_glyphs = {glyph: width for each in fonts for glyph, width in each.widths.items()}
    widths = [0 if glyph is None else of_glyphs[glyph] for glyph in glyphs]
    shown = {width for glyph, width in zip(glyphs, widths, strict=True) if glyph is not None}
    font = fonts[0]
    told = {
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
    return _file(outlines_of(font), glyphs), [dictionary % told for dictionary in DICTIONARIES]
