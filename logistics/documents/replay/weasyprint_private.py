"""Every private part of WeasyPrint that replay uses, and why.

Written against WeasyPrint 70.0 and pydyf 0.13.0. These names may change in any release: the pin moves only when
tests/logistics/test_replay_fidelity.py is green. Nothing else in this package imports WeasyPrint or pydyf.

| part | why |
|---|---|
| `formatting_structure.boxes` | to read geometry and styles off the boxes of a laid-out page |
| `pdf.stream.Stream` | to let WeasyPrint itself draw cells, borders, words, and to keep the operators |
| `draw.draw_background`, `draw.draw_border`, `draw.draw_stacking_context`, `stacking.StackingContext` | the same |
| `draw.text.draw_first_line`, `text.line_break.create_layout`, `line_size` | to shape one word as WeasyPrint would |
| `layout.background.layout_box_backgrounds` | backgrounds of a cell that is higher than its sample |
| `layout.LayoutContext`, `layout.inline.iter_line_boxes` | to break the text of a slot into lines as WeasyPrint would |
| `draw.text.draw_text` | to draw such a line |
| `LayoutContext.overflows` | the tolerance at the foot of a page |
| `html.get_html_metadata`, `document.DocumentMetadata` | title and dates of a paper whose body is not laid out again |
| `draw.color.get_color` | the graphics states in which the text of a slot may be drawn |
| `logger.PROGRESS_LOGGER` | to report the progress of a paper that is written without WeasyPrint |
| `pdf._w3c_date_to_pdf` | dates of a filled-in paper as WeasyPrint would write them |
| `pdf.fonts.Font` | a paper's own copy of a form's fonts; its cached subsets |
| `Page._page_box`, `Stream._tags`, `Stream._resources` | the tags and resources of a painted page |
| `Document.fonts`, `Font.to_unicode` | the fonts of samples and paper are the same; the text of glyphs |
| `HTML._ua_stylesheets`, `html.UA` | rules for footnotes add five elements to every element |
| `pydyf._to_bytes` | operators as WeasyPrint would write them |
| `pydyf.PDF.page_references` | replaced by a cached one: it is rebuilt for each element of each page |
| `Stream.marked`, `Page.paint` | replaced: each text has its language, and margins are not part of the paper's text |
| `draw.text.draw_first_line`, `Stream.show_text` | wrapped: a letter of several glyphs is marked with its text |
| `pdf.build_fonts_dictionary` | wrapped: glyphs that are a part of a letter map to nothing, which PDF/A forbids |
| `pdf.fonts.Font.subset` | wrapped: fonts with cubic curves are embedded as TrueType |
| `pydyf.Stream.data` | replaced by one that ends a stream without ambiguity about its last byte |
| `pydyf.PDF.write` | replaced: one object stream of 160,000 structure elements is slow to write and to read |
"""

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from html import unescape
from itertools import groupby
from typing import Any, NamedTuple

import pydyf
import weasyprint.draw.text
import weasyprint.pdf
from pydyf import _to_bytes as to_bytes
from weasyprint import CSS, DEFAULT_OPTIONS, HTML, VERSION
from weasyprint.document import Document, DocumentMetadata, Page
from weasyprint.draw import draw_background, draw_border, draw_stacking_context
from weasyprint.draw.color import get_color
from weasyprint.draw.text import draw_first_line, draw_text
from weasyprint.formatting_structure import boxes
from weasyprint.html import UA, get_html_metadata
from weasyprint.layout import LayoutContext
from weasyprint.layout.background import layout_box_backgrounds
from weasyprint.layout.inline import iter_line_boxes
from weasyprint.logger import PROGRESS_LOGGER
from weasyprint.matrix import Matrix
from weasyprint.pdf import _w3c_date_to_pdf as pdf_date
from weasyprint.pdf.fonts import Font
from weasyprint.pdf.stream import Stream
from weasyprint.stacking import StackingContext
from weasyprint.text.ffi import TO_UNITS, ffi, pango
from weasyprint.text.line_break import create_layout, line_size

from logistics.documents.replay.outlines import Outlines

WRITTEN_FOR = "70.0"
RULES_DROPPED = 5
PAGE_REFERENCES = pydyf.PDF.page_references


def _page_references(pdf: pydyf.PDF) -> tuple[bytes, ...]:
    """Return the references of all pages, built once: WeasyPrint asks for them at each element of a tagged page."""
    kids = pdf.pages["Kids"]
    if len(getattr(pdf, "_page_references", ())) != len(kids) // 3:
        pdf._page_references = PAGE_REFERENCES.fget(pdf)
    references: tuple[bytes, ...] = pdf._page_references
    return references


# The same value, but tags take time proportional to the pages, not to their square.
pydyf.PDF.page_references = property(_page_references)

STREAM_DATA = pydyf.Stream.data
MARKED, PAINT = Stream.marked, Page.paint


class Pagination(pydyf.Dictionary):
    """The mark of a text in a margin, which screen readers skip. WeasyPrint still identifies it by an id."""

    def __init__(self, marked: pydyf.Dictionary) -> None:
        super().__init__({"Type": "/Pagination"})
        self.id = marked["MCID"]


def id_of_marked_content(item: Any) -> int | None:
    """The id in the properties of marked content, None if this is something else in a stream."""
    if isinstance(item, Pagination):
        return item.id
    return item.get("MCID") if isinstance(item, pydyf.Dictionary) else None


@contextmanager
def _marked(stream: Stream, box: Any, tag: str) -> Iterator[None]:
    with MARKED(stream, box, tag):
        if stream._tags is not None:
            properties = stream.stream[-2]
            if box.element is None:
                stream.stream[-3:-1] = ["/Artifact", Pagination(properties)]
            elif box.style["lang"] not in (None, stream.language):
                properties["Lang"] = pydyf.String(box.style["lang"])
        yield


# Characters that the bundled fonts draw as one glyph each, whatever their neighbours (checked by test_spelling.py).
LETTER_BY_LETTER = re.compile(
    "[ -\u01f8\u01fa-\u02af\u0370-\u0482\u048a-\u052f\u1e00-\u1e3e\u1e40-\u1e42\u1e44\u1e46-\u1e62\u1e64-\u1eb8"
    "\u1eba-\u1eca\u1ecc\u1ece-\u1ee4\u1ee6-\u200a\u2010-\u2027"
    "\u202f-\u205f\u20a0-\u20bf\u2100-\u2bff\u2e00-\u3029\u3030-\u3098\u309b-\ua4cf"
    "\uac00-\ud7a3\uf900-\ufaff\uff01-\uffee\U00020000-\U0003ffff]*"
)
PART_OF_A_LETTER = "\u2060"  # the text of a glyph that is marked together with others; it has no width
SHOWN = re.compile(r"<([0-9a-f]*)>|([^<>]+)")


def _build_fonts(pdf: Any, fonts: dict[Any, Any], *arguments: Any) -> Any:
    for font in fonts.values():
        for glyph, text in font.to_unicode.items():
            font.to_unicode[glyph] = text or PART_OF_A_LETTER
    return BUILD_FONTS(pdf, fonts, *arguments)


# PDF/A forbids glyphs that map to nothing.
BUILD_FONTS, weasyprint.pdf.build_fonts_dictionary = weasyprint.pdf.build_fonts_dictionary, _build_fonts


def _subset(font: Any, to_unicode: dict[int, str], hinting: bool) -> None:
    """Keep these glyphs. HarfBuzz keeps 120 kB of nothing of a font with cubic curves; as TrueType it is nearly 0."""
    if font.file_content[:4] == b"OTTO" and to_unicode and not font.missing:
        numbers = range(1, max(to_unicode) + 1)
        whole = Outlines(font.hash, font.file_content)
        font.file_content = whole.subset([number if number in to_unicode else None for number in numbers])
    else:
        SUBSET(font, to_unicode, hinting)


SUBSET, Font.subset = Font.subset, _subset


class Letter(NamedTuple):
    """A letter of a line, or several that share a glyph: its text, its Pango font, and the numbers of its glyphs.

    A map of glyphs to texts cannot express which letter a glyph, such as a shape or its dots, is a part of.
    """

    text: str
    font: Any
    glyphs: list[int]


def letters(layout: Any) -> Iterator[Letter]:
    """Yield the letters that Pango made of a line, in drawing order."""
    line, _ = layout.get_first_line()
    text = layout.text.encode()
    run = line.runs[0]
    while run != ffi.NULL:
        item, glyphs, count = run.data.item, run.data.glyphs, run.data.glyphs.num_glyphs
        starts = [glyphs.log_clusters[index] for index in range(count)]
        from_right = item.analysis.level % 2
        before = item.length
        for start, of_letter in groupby(range(count), key=starts.__getitem__):
            indexes = list(of_letter)
            after = indexes[-1] + 1
            end = before if from_right else starts[after] if after < count else item.length
            numbers = [glyphs.glyphs[index].glyph for index in indexes]
            shown = [number for number in numbers if number != pango.PANGO_GLYPH_EMPTY]
            yield Letter(text[item.offset + start : item.offset + end].decode(), item.analysis.font, shown)
            before = start
        run = run.next


def _draw_first_line(stream: Any, textbox: Any, *arguments: Any) -> Any:
    """Draw a line. A glyph that is only a part of letters maps to nothing; one that is also a letter, to it."""
    stream.composed, stream.glyphs_shown, stream.end_of_letter = [], 0, None
    if not LETTER_BY_LETTER.fullmatch(textbox.text) or any(
        getattr(font, "has_parts", False) for font in stream._fonts.values()
    ):
        drawn = 0
        of_line = list(letters(textbox.pango_layout))
        for letter in of_line:
            if len(letter.glyphs) > 1:
                stream.composed.append((drawn, drawn + len(letter.glyphs), letter.text))
            drawn += len(letter.glyphs)
        for letter in sorted(of_line, key=lambda letter: len(letter.glyphs)):
            font, _ = stream.add_font(letter.font)
            for glyph in letter.glyphs:
                if glyph & pango.PANGO_GLYPH_UNKNOWN_FLAG:
                    continue
                if len(letter.glyphs) > 1:
                    font.has_parts = True
                    font.to_unicode.setdefault(glyph, "")
                elif font.to_unicode.get(glyph) == "":
                    font.to_unicode[glyph] = letter.text
                elif stream.composed:
                    font.to_unicode.setdefault(glyph, letter.text)
    return DRAW_FIRST_LINE(stream, textbox, *arguments)


def _show_text(stream: Stream, shown: str) -> None:
    """Show glyphs, the operand of TJ, and mark letters of several glyphs. A raised dot has its own call."""
    if not stream.composed and stream.end_of_letter is None:
        stream.show_glyphs(shown)
        return
    part = ""
    for token in SHOWN.finditer(shown):
        glyphs = token[1]
        if not glyphs:
            part += token[0]
            continue
        for at in range(0, len(glyphs), 4):
            begins = bool(stream.composed) and stream.glyphs_shown == stream.composed[0][0]
            if part and begins:
                stream.show_glyphs(part)
                part = ""
            if begins:
                _, stream.end_of_letter, text = stream.composed.pop(0)
                actual_text = b"<feff%s>" % text.encode("utf-16-be").hex().encode()
                stream.begin_marked_content("Span", pydyf.Dictionary({"ActualText": actual_text}))
            part += f"<{glyphs[at : at + 4]}>"
            stream.glyphs_shown += 1
            if stream.glyphs_shown == stream.end_of_letter:
                stream.show_glyphs(part)
                stream.end_marked_content()
                stream.end_of_letter, part = None, ""
    if part:
        stream.show_glyphs(part)


DRAW_FIRST_LINE, weasyprint.draw.text.draw_first_line = weasyprint.draw.text.draw_first_line, _draw_first_line
Stream.show_glyphs, Stream.show_text = Stream.show_text, _show_text
Stream.composed, Stream.end_of_letter = (), None


def _paint(page: Page, stream: Stream, scale: float = 1) -> None:
    stream.language = page._page_box.children[0].style["lang"]
    PAINT(page, stream, scale)


# WeasyPrint marks only the language of the whole paper, and marks running titles and page numbers as text.
Stream.language, Stream.marked, Page.paint = None, _marked, _paint


def _stream_data(stream: pydyf.Stream) -> bytes:
    """Return a stream's bytes. If its last byte is 13, it must not look like a part of the line end after it."""
    data: bytes = STREAM_DATA.fget(stream)
    return data.removesuffix(b"\nendstream") + b"\r\nendstream" if data.endswith(b"\r\nendstream") else data


# One stream in 256 ends so, and PDF/A checkers then count one byte less than its length says.
pydyf.Stream.data = property(_stream_data)
overflows = LayoutContext.overflows


# They add five elements to every element, which few papers need: a tenth of the layout time.
RULES_FOR_NOTES = re.compile(r"^::(?:footnote|note)-[^}]*\}\n", re.MULTILINE)
MARKER, OF_LISTS = "\n::marker {", "\nli::marker {"
# The words by which a paper uses them.
SPECIAL = re.compile("footnote|note-|marker|list-item")


@cache
def _rules_for_papers() -> CSS:
    rules, dropped = RULES_FOR_NOTES.subn("", UA)
    if dropped != RULES_DROPPED or MARKER not in rules:
        raise RuntimeError("WeasyPrint has other rules for footnotes and markers now.")
    return CSS(string=rules.replace(MARKER, OF_LISTS))  # counter styles are defined separately


class PaperHTML(HTML):
    """HTML of a paper without footnotes, and without markers except those of `li`."""

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:  # as WeasyPrint calls it
        sheets: list[CSS] = super()._ua_stylesheets(forms)
        return [_rules_for_papers(), *sheets[1:]]


def html_class(*texts: str) -> type[HTML]:
    """Return the class to lay out a paper with these stylesheets and HTML."""
    return HTML if any(map(SPECIAL.search, texts)) else PaperHTML


TITLE = re.compile(r"(?<=<title>)[^<]*")


def metadata_of(head: str) -> DocumentMetadata:
    """Return title, dates and language, as WeasyPrint reads them from the head of a paper."""
    title = TITLE.search(head)
    metadata = copy.deepcopy(_untitled_metadata_of(TITLE.sub("", head)))
    metadata.title = unescape(title[0]) if title else None
    return metadata


@lru_cache(maxsize=64)
def _untitled_metadata_of(head: str) -> DocumentMetadata:
    """Cached, because the heads of most papers of a day differ only in their titles."""
    return DocumentMetadata(**get_html_metadata(HTML(string=f"{head}</html>")))


__all__ = [
    "DEFAULT_OPTIONS",
    "PAGE_REFERENCES",
    "PROGRESS_LOGGER",
    "TO_UNITS",
    "VERSION",
    "WRITTEN_FOR",
    "Document",
    "DocumentMetadata",
    "Font",
    "LayoutContext",
    "Matrix",
    "Page",
    "StackingContext",
    "Stream",
    "boxes",
    "create_layout",
    "draw_background",
    "draw_border",
    "draw_first_line",
    "draw_stacking_context",
    "draw_text",
    "get_color",
    "id_of_marked_content",
    "iter_line_boxes",
    "layout_box_backgrounds",
    "line_size",
    "metadata_of",
    "overflows",
    "pdf_date",
    "pydyf",
    "to_bytes",
]
