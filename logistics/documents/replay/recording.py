"""Operators recorded from WeasyPrint, with a hole for each number that differs from page to page."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.weasyprint_private import Stream, pydyf, to_bytes

# Font (WeasyPrint's key), glyph, and the text that the glyph maps to.
Spellings = tuple[tuple[int, int, str], ...]
FAR = 14400  # px; the longest side of a page
MARKED_CONTENT_ID = b"<</MCID %d>>"
IN_ANOTHER_LANGUAGE = b"<</MCID %%d/Lang(%s)>>"


class Recorder:
    """Makes streams that share only the fonts of one document."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.resources = {
            "ExtGState": pydyf.Dictionary(),
            "XObject": pydyf.Dictionary(),
            "Pattern": pydyf.Dictionary(),
            "Shading": pydyf.Dictionary(),
            "ColorSpace": None,
        }

    def stream(self) -> Stream:
        """Return an empty stream that marks content, as the streams of a tagged page do."""
        document = self.document
        stream = Stream(
            document.fonts, (0, 0, 0, 0), self.resources, {}, {}, document.color_profiles, document.output_intent
        )
        stream.language = document.metadata.lang
        return stream

    def mark(self, style: Any) -> bytes:
        """The properties of a text of this style as marked content, with a hole for its id."""
        if style["lang"] == self.document.metadata.lang:
            return MARKED_CONTENT_ID
        return IN_ANOTHER_LANGUAGE % style["lang"].encode()

    def record(self, draw: Callable[[Stream], None]) -> tuple[bytes, int]:
        """Return what is drawn as one template of operators, and the number of its holes.

        Each hole is the id of a piece of marked content, in order. Raises Refused for a picture, a gradient or a mask.
        """
        stream = self.stream()
        draw(stream)
        return joined(stream.stream)

    def record_spelled(self, draw: Callable[[Stream], None]) -> tuple[bytes, int, Spellings]:
        """Record, and return also the text of each drawn glyph, as if it were the first in the document."""
        recorded: list[tuple[bytes, int]] = []
        spelled = spellings(self.document.fonts, lambda: recorded.append(self.record(draw)))
        return *recorded[0], spelled

    def states(self) -> dict[str, Any]:
        """Return the graphics states by name, which the replaying page needs. Raises Refused for other resources."""
        if any(self.resources[kind] for kind in ("XObject", "Pattern", "Shading")):
            raise Refused("a marked row draws a picture, a gradient or a shadow")
        states: dict[str, Any] = self.resources["ExtGState"]
        # A name like s0 is a mask or a blend mode, numbered page by page.
        if any(name[0] not in "aA" for name in states):
            raise Refused("a marked row draws a mask")
        return states


def spellings(fonts: dict[int, Any], draw: Callable[[], None]) -> Spellings:
    """Draw, and return the text of each drawn glyph; the fonts' own maps stay unchanged."""
    known = {key: font.to_unicode for key, font in fonts.items()}
    for font in fonts.values():
        font.to_unicode = {}
    draw()
    spelled = []
    for key, font in fonts.items():
        spelled += [(key, glyph, text) for glyph, text in font.to_unicode.items()]
        font.to_unicode = known.get(key, {})
    return tuple(spelled)


def spell(fonts: dict[int, Any], spelled: Spellings) -> None:
    """Map glyphs to these texts, unless they have one already. A part of a letter has none."""
    for font, glyph, text in spelled:
        fonts[font].to_unicode[glyph] = fonts[font].to_unicode.get(glyph) or text


def form(operators: bytes, states: dict[str, Any]) -> Any:
    """Return operators as a form XObject, which pages draw by name; it is not clipped by its box."""
    return pydyf.Stream(
        [operators],
        pydyf.Dictionary(
            {
                "Type": "/XObject",
                "Subtype": "/Form",
                "BBox": pydyf.Array([-FAR, -FAR, FAR, FAR]),
                "Resources": pydyf.Dictionary({"ExtGState": pydyf.Dictionary(states)}),
            }
        ),
        compress=True,
    )


def joined(items: list[Any]) -> tuple[bytes, int]:
    """Make one template of the items of a stream, with a hole for each id of marked content."""
    holes, parts = 0, []
    for item in items:
        if isinstance(item, pydyf.Dictionary) and "MCID" in item:
            holes += 1
            entries = [b"/%s%s" % (name.encode(), to_bytes(value)) for name, value in item.items() if name != "MCID"]
            parts.append(b"<</MCID %%d%s>>" % b"".join(entries).replace(b"%", b"%%"))
        else:
            parts.append(to_bytes(item).replace(b"%", b"%%"))
    return b"\n".join(parts), holes


@lru_cache(maxsize=4096)
def number(value: float) -> bytes:
    """Format a length for an operator; a ten-thousandth of a px is far below what a printer can draw."""
    return f"{value:.4f}".rstrip("0").rstrip(".").encode()
