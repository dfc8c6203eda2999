"""A paper composed of pages that WeasyPrint laid out and rows that replay painted."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from logistics.documents.replay.chrome import Chrome
from logistics.documents.replay.recording import spell
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.rows import PageRows
from logistics.documents.replay.structure import Ids, PackedStream, StructuredPDF
from logistics.documents.replay.weasyprint_private import Document, Page, Stream

# The attributes of a page that WeasyPrint reads, besides its operators.
PAGE_ATTRIBUTES = ("width", "height", "bleed", "bookmarks", "links", "anchors", "forms", "_page_box")


class ReplayedPage(Page):
    """A page of a replayed paper. WeasyPrint treats it as one of its own."""

    def __init__(self, chrome: Chrome, paint_rows: Sequence[Callable[[], PageRows]]) -> None:
        for name in PAGE_ATTRIBUTES:
            setattr(self, name, getattr(chrome.rest.page, name))
        self._page_box = chrome.page_box
        self.chrome = chrome
        self.paint_rows = paint_rows
        self.rows: list[tuple[PageRows, Ids]] = []  # for each spacer its rows, and their ids of marked content
        self.number = self.pages = 0
        self.resources: dict[str, dict[str, Any]] = {}  # resources used by the operators of rows, by kind
        self.drawn: Callable[[], None] = lambda: None  # called when everything before the rows is drawn
        self.painted: Callable[[], None] = lambda: None

    def paint(self, stream: Stream, scale: float = 1) -> None:
        """Write the page to its stream, compressed at once, to save memory on long papers."""
        self.chrome.draw_once(stream, scale)
        spell(stream._fonts, self.chrome.before)
        self.drawn()
        layers = []
        used = len(stream._tags)
        for paint, first in zip(self.paint_rows, self.chrome.spacer_ids, strict=True):
            rows = paint()
            # The rows replace the spacer: its id goes to their first cell. If the table only continues, nothing else
            # has an id.
            used = max(used, 1)
            ids = Ids(first, range(used, used + rows.holes - 1))
            used = ids.others.stop
            *frames, contents = rows.layers
            layers.append([b"q\n%s\nQ" % layer for layer in (*frames, contents % tuple(ids))])
            # The operators are on the page now, so they are not kept.
            self.rows.append((rows._replace(layers=(b"", b"", b"")), ids))
        spell(stream._fonts, self.chrome.after)
        self.chrome.before = self.chrome.after = ()  # needed only once
        self.chrome.repeat(stream, layers, self.number, self.pages)
        for kind, named in (*self.resources.items(), ("XObject", self.chrome.forms)):
            stream._resources[kind].update(
                {name: it for name, it in named.items() if name not in stream._resources[kind]}
            )
        PackedStream.pack(stream)
        self.paint_rows = ()  # releases the contents of all rows after the last page
        self.painted()


class ReplayedDocument(Document):
    """A document whose pages are replayed. Made of one that WeasyPrint laid out."""

    def __init__(
        self,
        document: Any,
        pages: Sequence[ReplayedPage],
        *,
        resources: dict[str, dict[str, Any]],
        spans: Callable[[Any], list[int]],
        report: Callable[[int], None],
    ) -> None:
        super().__init__(
            list(pages),
            document.metadata,
            document.url_fetcher,
            document.font_config,
            document.color_profiles,
            document.output_intent,
        )
        self.fonts = document.fonts
        self.spans = spans
        for number, page in enumerate(self.pages, start=1):
            page.number, page.pages, page.resources = number, len(self.pages), resources
            # Painting is WeasyPrint's step 6: from 75 to 90 per cent of the work.
            page.painted = partial(report, 75 + 14 * number // len(self.pages))

        first = next(page for page in self.pages if page.paint_rows)
        first.drawn = self._spell_as_read()

    def _spell_as_read(self) -> Callable[[], None]:
        """Clear the texts of glyphs until the first rows are drawn.

        WeasyPrint keeps the first text of each glyph, such as e with an accent, or e and an accent. The rows were
        shaped before the first page, but are read after what is above them.
        """
        known = {key: dict(font.to_unicode) for key, font in self.fonts.items()}
        for font in self.fonts.values():
            font.to_unicode.clear()

        def remember() -> None:
            for key, glyphs in known.items():
                spell(self.fonts, tuple([(key, glyph, text) for glyph, text in glyphs.items()]))

        return remember

    def write_pdf(self, target: Any = None, zoom: float = 1, finisher: Any = None, **options: Any) -> Any:
        """Write a tagged PDF with the rows in its structure. A finisher is called before they are added."""
        if zoom != 1:
            raise Refused("zoom")

        def finish(document: Any, pdf: Any) -> None:
            if finisher is not None:
                finisher(document, pdf)
            StructuredPDF.adopt(pdf, [page.rows for page in self.pages], self.spans)

        return super().write_pdf(target, finisher=finish, **options)
