"""The contents of the cells of marked rows, as operators that any page can repeat."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from logistics.documents.replay import markup
from logistics.documents.replay.markup import Row, RowKind
from logistics.documents.replay.paragraphs import CENTER, RIGHT, TINY, Paragraph, Shapers, parts
from logistics.documents.replay.recording import Recorder, Spellings, number
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.samples import Samples, side_by_side
from logistics.documents.replay.shaping import ShapedLine, glyphs_of
from logistics.documents.replay.weasyprint_private import (
    StackingContext,
    Stream,
    draw_background,
    draw_border,
    draw_stacking_context,
    layout_box_backgrounds,
)


class Drawing(NamedTuple):
    """The content of one cell: its height in px, its operators, and how many ids of marked content they need.

    The operators are in pieces, because thousands of cells share most of them.
    """

    height: float
    operators: tuple[bytes, ...]
    holes: int
    spellings: Spellings = ()  # of glyphs that may map to several texts; the first one in the document counts


MIRRORED = set("()[]{}<>«»‹›")  # mirrored in right-to-left text
PartForms = tuple[str, ...]  # of each part of a cell that has lines of its own
Known = tuple[str, list[ShapedLine] | Drawing | None, Paragraph | None]  # a part, what is known of it, and its place


class CellColumn:
    """One cell of one kind of row, and every content that it has in this paper."""

    def __init__(self) -> None:
        self.drawings: dict[str, Drawing | None] = {}
        self.forms: dict[PartForms, list[Paragraph | None] | None] = {}
        self.marked: dict[str, tuple[list[str], PartForms]] = {}  # contents with markup in parts, until they are drawn
        self.waiting: dict[str, list[Known]] = {}  # contents of which WeasyPrint has yet to draw a part
        self.by_weasyprint: dict[str, Drawing | None] = {}  # parts that shaping.py could not write

    def split(self, content: str) -> tuple[list[str], PartForms]:
        """The parts of a content and their form."""
        if "<" not in content:
            return ([content], ("x",)) if content.strip(markup.WHITE) else ([], ())
        if content not in self.marked:
            parts = markup.parts(content)
            self.marked[content] = parts, tuple(map(markup.form, parts))
        return self.marked[content]


class Cells:
    """Draws the cells of all marked rows of a paper."""

    def __init__(self, rows: Sequence[Row], samples: Samples) -> None:
        self.samples = samples
        self.columns: dict[RowKind, list[CellColumn]] = {}
        for row in rows:
            columns = self.columns.get(row.kind)
            if columns is None:
                columns = self.columns[row.kind] = [CellColumn() for _ in row.kind.cells]
            for column, content in zip(columns, row.contents, strict=True):
                column.drawings.setdefault(content)
        self.colors: dict[Any, bytes] = {}
        self.disputed: dict[tuple[int, int], str] = {}  # glyphs, by their fonts, and their text in lines
        self._lay_out_forms()
        self._draw()
        self._lay_out_what_is_left()
        self._settle_disputes()

    def _lay_out_forms(self) -> None:
        """Let WeasyPrint lay out each form of each cell once, with an x in place of every text."""
        forms = {
            kind: [list(dict.fromkeys(column.split(content)[1] for content in column.drawings)) for column in columns]
            for kind, columns in self.columns.items()
        }
        self.table = self.samples.table(
            {kind: [["".join(form) for form in of_cell] for of_cell in of_kind] for kind, of_kind in forms.items()}
        )
        self.places = {kind: self.table.rows[kind] for kind in forms}
        self.recorder = Recorder(self.table.own_document())
        self.shapers = Shapers(self.recorder.stream())
        for kind, of_kind in forms.items():
            for index, (column, of_cell) in enumerate(zip(self.columns[kind], of_kind, strict=True)):
                for form in of_cell:
                    box = self.table.cells[kind, index, "".join(form)]
                    column.forms[form] = parts(box, len(form), self.shapers)

    def _draw(self) -> None:
        """Draw every content whose parts can all be written, and note what WeasyPrint has to draw of the others."""
        for kind, columns in self.columns.items():
            for column, cell in zip(columns, self.places[kind].cells, strict=True):
                for content in column.drawings:
                    known = [self._known(column, *part) for part in self._parts(column, content)]
                    if any(drawn is None for _, drawn, _ in known):
                        column.waiting[content] = known
                    else:
                        column.drawings[content] = self._put_together(known, cell.top)
                column.marked.clear()

    def _parts(self, column: CellColumn, content: str) -> list[tuple[str, Paragraph | None]]:
        """The parts of a content, each with its place if it has lines of its own."""
        parts, form = column.split(content)
        places = column.forms[form]
        return [(content, None)] if places is None else list(zip(parts, places, strict=True))

    def _known(self, column: CellColumn, part: str, place: Paragraph | None) -> Known:
        """The lines of a part; none if WeasyPrint has to draw it."""
        lines = None
        if part not in column.by_weasyprint:
            lines = place.shaper.lines(markup.text(part), place.width) if place else None
            if lines is None:
                column.by_weasyprint[part] = None
        return part, lines, place

    def _put_together(self, known: Sequence[Known], top: float) -> Drawing:
        """Put the parts of a cell one under the other."""
        y, holes = top, 0
        operators: list[bytes] = []
        spellings: Spellings = ()
        for _, drawn, place in known:
            if isinstance(drawn, Drawing):
                operators += b"q\n1 0 0 1 0 %s cm" % number(y), *drawn.operators, b"Q"
                y += drawn.height
                holes += drawn.holes
                spellings += drawn.spellings
            elif drawn and place:
                operators += self._written(drawn, place, y)
                if self.disputed:
                    spellings += self._spelled(drawn, place)
                y += place.line_height * len(drawn)
                holes += 1
        return Drawing(y - top, tuple(operators), holes, spellings)

    def _written(self, lines: list[ShapedLine], place: Paragraph, y: float) -> tuple[bytes, bytes, bytes]:
        place.begin = place.begin or self._begin(place)
        operators = []
        for line in lines:
            x, room = place.x, max(0, place.width - line.width)
            if place.align is RIGHT:
                x += room
            elif place.align is CENTER:
                x += room / 2
            position = number(x), number(y + place.baseline)
            operators.append(b"1 0 0 -1 %s %s Tm\n[%s] TJ" % (*position, line.glyphs.replace(b"%", b"%%")))
            y += place.line_height
        return place.begin, b"\n".join(operators), b"ET\nEMC"

    def _begin(self, place: Paragraph) -> bytes:
        """Open marked content with a hole for its id, and set the colour and the font of a paragraph."""
        font, size = place.shaper.font or ("", 0)
        of_text = self.recorder.mark(place.style), self._color(place.style), font.encode(), number(size)
        return b"/Span\n%s\nBDC\n%s\nBT\n/%s %s Tf" % of_text

    def _color(self, style: Any) -> bytes:
        color = style["color"]
        if color not in self.colors:
            self.colors[color], _ = self.recorder.record(lambda stream: stream.set_color(color))
        return self.colors[color]

    def _lay_out_what_is_left(self) -> None:
        """Have WeasyPrint draw every part that was not written, each once, and complete the waiting contents."""
        left = {kind: [list(column.by_weasyprint) for column in columns] for kind, columns in self.columns.items()}
        wanted = list(side_by_side(left))
        for (kind, contents), place in zip(wanted, self.samples.rows(wanted, self.table), strict=True):
            for column, content, cell in zip(self.columns[kind], contents, place.cells, strict=True):
                if content:
                    column.by_weasyprint[content] = self._drawn(cell.box, place.page)
        for kind, columns in self.columns.items():
            for column, cell in zip(columns, self.places[kind].cells, strict=True):
                while column.waiting:  # popped, to release its memory
                    content, known = column.waiting.popitem()
                    all_known = [(part, drawn or column.by_weasyprint[part], place) for part, drawn, place in known]
                    column.drawings[content] = self._put_together(all_known, cell.top)

    def _settle_disputes(self) -> None:
        """For glyphs that map to different texts in different places, such as brackets, record the text per cell.

        All other glyphs have the same text everywhere, which is recorded once.
        """
        fonts = self.recorder.document.fonts
        texts = {(key, glyph): text for key, font in fonts.items() for glyph, text in font.to_unicode.items()}
        for column in [column for columns in self.columns.values() for column in columns]:
            for drawing in filter(None, column.by_weasyprint.values()):
                for font, glyph, text in drawing.spellings:
                    if text and texts.get((font, glyph), text) != text:
                        self.disputed[font, glyph] = texts[font, glyph]
        if self.samples.is_bidirectional:
            self.disputed |= {glyph: text for glyph, text in texts.items() if text in MIRRORED}
        if not self.disputed:
            return
        for font, glyph in self.disputed:
            del fonts[font].to_unicode[glyph]
        for kind, columns in self.columns.items():
            for column, cell in zip(columns, self.places[kind].cells, strict=True):
                for content in column.drawings:
                    known = [self._known(column, *part) for part in self._parts(column, content)]
                    all_known = [(part, drawn or column.by_weasyprint[part], place) for part, drawn, place in known]
                    column.drawings[content] = self._put_together(all_known, cell.top)

    def _spelled(self, lines: list[ShapedLine], place: Paragraph) -> Spellings:
        glyphs = {glyph for line in lines for glyph in glyphs_of(line)}
        name, _ = place.shaper.font or ("", 0)
        fonts = self.recorder.document.fonts
        return tuple(
            [
                (font, glyph, text)
                for (font, glyph), text in self.disputed.items()
                if glyph in glyphs and fonts[font].hash == name
            ]
        )

    def _drawn(self, cell: Any, page: Any) -> Drawing:
        """Return what WeasyPrint draws inside this cell, the top of its content at 0."""
        bare = cell.copy()
        bare.background = None
        for side in ("top", "right", "bottom", "left"):
            setattr(bare, f"border_{side}_width", 0)

        def draw(stream: Stream) -> None:
            with stream.stacked():
                stream.transform(f=-cell.content_box_y())
                draw_stacking_context(stream, StackingContext.from_box(bare, page))

        operators, holes, spellings = self.recorder.record_spelled(draw)
        return Drawing(cell.content_height, (operators,), holes, spellings)

    def heights(self, rows: Sequence[Row]) -> list[float]:
        """The height of each row, in px."""
        known = {
            kind: [(column.drawings, cell.top, cell.bottom) for column, cell in zip(columns, place.cells, strict=True)]
            for (kind, columns), place in zip(self.columns.items(), self.places.values(), strict=True)
        }
        return [
            max(
                [
                    top + drawings[content].height + bottom  # type: ignore[union-attr]  # all are drawn
                    for (drawings, top, bottom), content in zip(known[row.kind], row.contents, strict=True)
                ]
            )
            for row in rows
        ]

    def least_height(self, row: Row) -> float | None:
        """Return the least height in px of a row broken after the first line of a cell; None if no cell has more."""
        heights, may_break = [], False
        columns = self.columns[row.kind]
        for cell, column, content in zip(self.places[row.kind].cells, columns, row.contents, strict=True):
            for _, place in self._parts(column, content)[:1]:
                line = place.line_height if place else 0
                heights.append(cell.top + line)
                may_break |= column.drawings[content].height > line + TINY  # type: ignore[union-attr]  # all are drawn
        return max(1, min(heights)) if may_break else None

    def frame(self, kind: RowKind, height: float) -> tuple[bytes, bytes]:
        """Return the operators, for artifacts, of backgrounds and borders of a row of this height, its top at 0."""
        place = self.places[kind]
        cells = []
        for cell in place.box.children:
            box = cell.copy()
            box.position_y = 0
            box.height = height - (box.border_height() - box.height)
            cells.append(box)
        row = place.box.copy_with_children(cells)
        row.position_y, row.height = 0, height
        drawn = [row, *cells]
        for box in drawn:
            if any(image[0] != "none" for image in box.style["background_image"]):
                raise Refused("a marked row has a background image")
            layout_box_backgrounds(place.page, box, None, layout_children=False)

        def draw_backgrounds(stream: Stream) -> None:
            stream._tags = None  # the page marks them, all at once
            for box in drawn:
                draw_background(stream, box.background)

        def draw_borders(stream: Stream) -> None:
            stream._tags = None
            for box in cells:
                draw_border(stream, box)

        (backgrounds, _), (borders, _) = map(self.recorder.record, (draw_backgrounds, draw_borders))
        return backgrounds % (), borders % ()
