"""Words, shaped once by WeasyPrint's own code and cached as PDF operators.

A line composed of cached words is the line that WeasyPrint would have drawn, operator for operator, as long as no glyph
depends on a neighbour outside the part that was shaped together. That is checked, not assumed: the words of a line meet
at spaces, so kerning with the space is tested for each letter; digits and codes are composed of single characters, so
each pair of characters is tested. Anything that fails a check, or has another font, a combining mark, or a line break
that is not at a space, is `None` here, and WeasyPrint lays out that cell itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from logistics.documents.replay.weasyprint_private import (
    LETTER_BY_LETTER,
    TO_UNITS,
    Matrix,
    Stream,
    create_layout,
    draw_first_line,
    letters,
    line_size,
)

# Scripts that run left to right, glyph by glyph, with known line breaks. No soft hyphens or combining marks.
PLAIN = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u024f\u0250-\u02af\u0386-\u03ff\u0400-\u0482\u048a-\u052f\u1e00-\u1eff"
    "\u2010-\u2015\u2018-\u2022\u2026\u2030\u20a0-\u20bf\u2116\u2122\u2190-\u2193\u2460-\u2473]*"
)
# Between these characters a line can end only at a space (UAX 14).
SAFE = re.compile("[0-9A-Za-z.,:;'’()%&\u00a0\u00b2\u00b3\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]*")
# No line ends between these either: rule LB25.
INSIDE_A_NUMBER = re.compile("(?<=[0-9A-Za-z])[-/](?=[0-9])")
# Words of these are mostly numbers and codes, which differ in every line.
CODE = re.compile("(?=.*[0-9])[0-9A-Z.,/#:~\u00a0\u00d7–-]+")
ZERO = re.compile(">0(?=<|$)")
ONE_GLYPH = re.compile(rb"(?:\\.|[^\\]){2}", re.DOTALL)  # inside a string
STRING, ESCAPED = re.compile(rb"\(((?:[^\\)]|\\.)*)\)", re.DOTALL), re.compile(rb"\\(.)", re.DOTALL)
CODES_MAX = 4096
# Widths of lines are whole Pango units; closer to the limit than this, rounding matters, so WeasyPrint decides.
NEAR = 4 / TO_UNITS

Font = tuple[str, float]


class Shaped(NamedTuple):
    glyphs: bytes  # the operand of TJ without its brackets: strings of two bytes a glyph, and kerning between them
    width: float  # px


class ShapedLine(NamedTuple):
    glyphs: bytes
    width: float


def _literal(shown: str) -> bytes:
    """Rewrite the operand of TJ as WeasyPrint writes it, <002a>0<002b>12<0030>, in half the bytes: (..)12(..).

    WeasyPrint writes a kerning of zero if a width is not quite whole.
    """
    pieces = ZERO.sub(">", shown).replace("><", "").split("<")
    kerned = [pieces[0].encode()]
    for piece in pieces[1:]:
        digits, _, kerning = piece.partition(">")
        kerned.append(b"(%s)%s" % (_escaped(bytes.fromhex(digits)), kerning.encode()))
    return b"".join(kerned)


def _escaped(glyphs: bytes) -> bytes:
    """Escape glyphs for a string (ISO 32000-1, 7.3.4.2)."""
    for special, written in ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r")):
        glyphs = glyphs.replace(special, written)
    return glyphs


def glyphs_of(line: ShapedLine) -> Iterator[int]:
    """The numbers of the glyphs that a line shows."""
    for string in STRING.findall(line.glyphs):
        codes = ESCAPED.sub(lambda escaped: escaped[1].replace(b"r", b"\r"), string)
        yield from (int.from_bytes(codes[at : at + 2], "big") for at in range(0, len(codes), 2))


def _joined(parts: Iterable[bytes]) -> bytes:
    """Join operands of TJ."""
    return b"".join(parts).replace(b")(", b"")


def _adds_up(whole: Shaped | None, parts: Sequence[Shaped | None]) -> bool:
    """Return whether parts side by side look the same as alone."""
    known = [part for part in parts if part is not None]
    if whole is None or len(known) < len(parts):
        return False
    return (
        _joined(part.glyphs for part in known) == whole.glyphs
        and abs(sum(part.width for part in known) - whole.width) < 1e-6
    )


class _Listener:
    """A substitute for a stream that records what WeasyPrint writes while it draws one word."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.ink_rect, self.logical_rect = stream.ink_rect, stream.logical_rect
        self.fonts: list[Font] = []
        self.shown: list[str] = []
        self.raised = False

    def set_text_matrix(self, *matrix: float) -> None:
        """We place the word ourselves."""

    def add_font(self, pango_font: Any) -> Any:
        return self.stream.add_font(pango_font)

    def set_font_size(self, font: str, size: float) -> None:
        self.fonts.append((font, size))

    def show_text(self, text: str) -> None:
        self.shown.append(text)

    def set_text_rise(self, rise: float) -> None:
        self.raised = True


class _TextBox:
    def __init__(self, text: str, style: Any, layout: Any) -> None:
        self.text, self.style, self.pango_layout = text, style, layout
        self.baseline = 0


class Shaper:
    """The words of one computed style."""

    def __init__(self, style: Any, stream: Stream) -> None:
        self.style, self.stream = style, stream
        # One layout for all texts takes half the time of one per text.
        self.layout = create_layout("x", style, None, None, 0)
        self.words: dict[str, Shaped | None] = {}
        self.codes: dict[str, Shaped | None] = {}
        self.joints: dict[str, bool] = {}  # pairs of characters: whether they look the same as alone
        self.ends: dict[str, bool] = {}  # first and last letters of words: the same beside spaces
        font, x = self._shape("x")
        self.font = font
        self.plain = x is not None
        # Otherwise WeasyPrint breaks a word that is wider than its line. Words that fit are laid out alike.
        self.keeps_words = style["overflow_wrap"] == "normal"

    def lines(self, text: str, width: float) -> list[ShapedLine] | None:
        """Break a text into lines no wider than `width` px; None if only WeasyPrint can."""
        if not self.plain or not PLAIN.fullmatch(text):
            return None
        space = self._space()
        words = text.split(" ")
        shaped = [part for word in words if (part := self._part(word))]
        if space is None or len(shaped) < len(words):
            return None
        return self._broken(words, shaped, space, width)

    def _broken(self, words: list[str], shaped: list[Shaped], space: Shaped, width: float) -> list[ShapedLine] | None:
        """Put as many words on each line as fit; None if a word does not fit, or a line only just fits."""
        if len(words) == 1 and (
            shaped[0].width < width - NEAR
            # A single word that cannot be broken overflows.
            or (self.keeps_words and shaped[0].width > width + NEAR and SAFE.fullmatch(words[0]))
        ):
            return [ShapedLine(*shaped[0])]
        lines = []
        glyphs, taken = [shaped[0].glyphs], shaped[0].width
        for word, part in zip(words[1:], shaped[1:], strict=True):
            wanted = taken + space.width + part.width
            if abs(wanted - width) < NEAR:
                return None
            if wanted > width:
                if self._may_break_inside(word, width - taken - space.width):
                    return None
                lines.append(ShapedLine(_joined(glyphs), taken))
                glyphs, taken = [part.glyphs], part.width
            else:
                glyphs += space.glyphs, part.glyphs
                taken = wanted
        lines.append(ShapedLine(_joined(glyphs), taken))
        return None if any(line.width > width - NEAR for line in lines) else lines

    def _may_break_inside(self, word: str, room: float) -> bool:
        """Return whether the beginning of a word might fit into the `room` px left on a line."""
        end = SAFE.match(INSIDE_A_NUMBER.sub("0", word)).end()  # type: ignore[union-attr]  # matches anything
        if end == len(word):
            return False
        beginning = self.word(word[:end]) if end else None
        return beginning is None or beginning.width < room + NEAR

    def _space(self) -> Shaped | None:
        """Return the space between two words, derived from "x x"."""
        if " " not in self.words:
            x, both = self.word("x"), self._shape("x x")[1]
            space = None
            if x and both:
                inner = both.glyphs.removeprefix(x.glyphs[:-1]).removesuffix(x.glyphs[1:])
                if ONE_GLYPH.fullmatch(inner):
                    space = Shaped(b"(%s)" % inner, both.width - 2 * x.width)
            self.words[" "] = space
        return self.words[" "]

    def _part(self, word: str) -> Shaped | None:
        """Return a word that can be placed between spaces; None if it cannot."""
        ends = word[0] + word[-1]
        if ends not in self.ends:
            self.ends[ends] = self._free(f"x {word[0]}") and self._free(f"{word[-1]} x")
        if not self.ends[ends]:
            return None
        if word not in self.words and CODE.fullmatch(word) and (composed := self._code(word)):
            return composed
        return self.word(word)

    def _code(self, word: str) -> Shaped | None:
        """Return a number or a code, composed of its characters. Only CODES_MAX are cached."""
        if word not in self.codes:
            if len(self.codes) == CODES_MAX:
                self.codes.clear()
            self.codes[word] = self._composed(word)
        return self.codes[word]

    def _free(self, three: str) -> bool:
        """Return whether neither letter changes beside the space: glyphs and widths just add up."""
        if three not in self.joints:
            parts = [self.word(three[0]), self._space(), self.word(three[2])]
            self.joints[three] = _adds_up(self._shape(three)[1], parts)
        return self.joints[three]

    def _composed(self, word: str) -> Shaped | None:
        joints = self.joints
        for pair in map("".join, pairwise(word)):
            if pair not in joints:
                joints[pair] = _adds_up(self._shape(pair)[1], [self.word(pair[0]), self.word(pair[1])])
            if not joints[pair]:
                return None
        parts = [part for part in map(self.word, word) if part]
        if len(parts) < len(word):
            return None
        return Shaped(_joined([part.glyphs for part in parts]), sum([part.width for part in parts]))

    def word(self, word: str) -> Shaped | None:
        if word not in self.words:
            font, shaped = self._shape(word)
            self.words[word] = shaped if font == self.font else None
        return self.words[word]

    def _shape(self, text: str) -> tuple[Font | None, Shaped | None]:
        self.layout.set_text(text)
        first_line, _ = self.layout.get_first_line()
        if not LETTER_BY_LETTER.fullmatch(text) and any(len(letter.glyphs) > 1 for letter in letters(self.layout)):
            return None, None
        width, _ = line_size(first_line, self.style)
        listener = _Listener(self.stream)
        emojis = draw_first_line(listener, _TextBox(text, self.style, self.layout), "clip", "none", Matrix(d=-1))
        if emojis or listener.raised or len(listener.fonts) != 1 or len(listener.shown) != 1:
            return None, None
        return listener.fonts[0], Shaped(_literal(listener.shown[0]), width)
