"""What stands in the cells of the marked rows, as operators that any page can repeat."""

import re
from collections.abc import Sequence
from html import unescape
from typing import Any, NamedTuple

from logistics.documents.replay import markup
from logistics.documents.replay.markup import Row, RowKind
from logistics.documents.replay.recording import Recorder, number
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.samples import CENTER, RIGHT, Paragraph, RowPlace, Samples, Shapers, Wanted, paragraphs
from logistics.documents.replay.weasyprint_private import (
    StackingContext,
    Stream,
    draw_background,
    draw_border,
    draw_stacking_context,
    layout_box_backgrounds,
)

WHITE = re.compile("[ \t\n\r\f]+")


class Drawing(NamedTuple):
    """The content of one cell: its height in px, its operators, and how many ids of marked content they need."""

    height: float
    operators: bytes
    holes: int


EMPTY = Drawing(0.0, b"", 0)


class Column:
    """One cell of one kind of row, and every content that it has in this paper."""

    def __init__(self) -> None:
        self.drawings: dict[str, Drawing | None] = {}
        self.paragraphs: dict[tuple[str, ...], list[Paragraph] | None] = {}


class Cells:
    """Draws the cells of all marked rows of a paper."""

    def __init__(self, rows: Sequence[Row], samples: Samples) -> None:
        self.samples = samples
        self.columns: dict[RowKind, list[Column]] = {}
        for row in rows:
            columns = self.columns.get(row.kind)
            if columns is None:
                columns = self.columns[row.kind] = [Column() for _ in row.kind.cells]
            for column, content in zip(columns, row.contents, strict=True):
                column.drawings.setdefault(content)
        self.places: dict[RowKind, RowPlace] = {}
        self.colors: dict[Any, bytes] = {}
        self._lay_out_samples()
        self._draw_texts()
        self._draw_the_rest()

    def _lay_out_samples(self) -> None:
        """Let WeasyPrint lay out each form of each cell once, with an x in place of every text."""
        forms = {
            kind: [list(dict.fromkeys(map(_form, column.drawings))) for column in columns]
            for kind, columns in self.columns.items()
        }
        wanted: list[Wanted] = [
            (kind, ["".join(of_cell[n]) if n < len(of_cell) else "" for of_cell in of_row])
            for kind, of_row in forms.items()
            for n in range(max(map(len, of_row)))
        ]
        laid_out = self.samples.rows(wanted)
        self.recorder = Recorder(self.samples.document)
        self.shapers = Shapers(self.recorder.stream())
        places = iter(laid_out)
        for kind, of_row in forms.items():
            for n in range(max(map(len, of_row))):
                place = next(places)
                self.places.setdefault(kind, place)
                for column, of_cell, cell in zip(self.columns[kind], of_row, place.cells, strict=True):
                    if n < len(of_cell):
                        column.paragraphs[of_cell[n]] = paragraphs(cell.box, self.shapers)

    def _draw_texts(self) -> None:
        for kind, columns in self.columns.items():
            for column, cell in zip(columns, self.places[kind].cells, strict=True):
                for content in column.drawings:
                    form = _form(content)
                    places = column.paragraphs[form]
                    if places is not None:
                        column.drawings[content] = self._written(_texts(content), places, cell.top)

    def _written(self, texts: list[str], places: list[Paragraph], top: float) -> Drawing | None:
        """Write texts where they go, or return None if WeasyPrint must."""
        if not texts:
            return EMPTY
        y, operators = top, []
        for text, place in zip(texts, places, strict=True):
            lines = place.shaper.lines(text, place.width)
            if lines is None:
                return None
            font, size = place.shaper.font or ("", 0)
            operators.append(b"%s\n/%s %s Tf" % (self._color(place.style), font.encode(), number(size)))
            for line in lines:
                x = place.x
                if place.align is RIGHT:
                    x += place.width - line.width
                elif place.align is CENTER:
                    x += (place.width - line.width) / 2
                position = b"1 0 0 -1 %s %s Tm" % (number(x), number(y + place.baseline))
                operators.append(b"%s\n[%s] TJ" % (position, line.glyphs.encode()))
                y += place.line_height
        body = b"\n".join(operators)
        return Drawing(y - top, b"/Span\n<</MCID %%d>>\nBDC\nBT\n%s\nET\nEMC" % body, 1)

    def _color(self, style: Any) -> bytes:
        color = style["color"]
        if color not in self.colors:
            self.colors[color], _ = self.recorder.record(lambda stream: stream.set_color(color))
        return self.colors[color]

    def _draw_the_rest(self) -> None:
        """Give to WeasyPrint every cell that was not written, each content once."""
        left = {
            kind: [[content for content, drawing in c.drawings.items() if drawing is None] for c in columns]
            for kind, columns in self.columns.items()
        }
        wanted: list[Wanted] = [
            (kind, [column[n] if n < len(column) else "" for column in columns])
            for kind, columns in left.items()
            for n in range(max(map(len, columns)))
        ]
        if not wanted:
            return
        for (kind, contents), place in zip(wanted, self.samples.rows(wanted), strict=True):
            for column, content, cell in zip(self.columns[kind], contents, place.cells, strict=True):
                if content and column.drawings[content] is None:
                    column.drawings[content] = self._drawn(cell.box, cell.top, place.page)

    def _drawn(self, cell: Any, top: float, page: Any) -> Drawing:
        """Return what WeasyPrint draws inside this cell."""
        for box in cell.descendants(placeholders=True):
            if box.style["position"] in ("absolute", "fixed") or box.style["string_set"] != "none":
                raise Refused("a marked cell holds something placed elsewhere")
        bare = cell.copy()
        bare.background = None
        for side in ("top", "right", "bottom", "left"):
            setattr(bare, f"border_{side}_width", 0)

        def draw(stream: Stream) -> None:
            with stream.stacked():
                stream.transform(f=top - cell.content_box_y())
                draw_stacking_context(stream, StackingContext.from_box(bare, page))

        operators, holes = self.recorder.record(draw)
        return Drawing(cell.content_height, operators, holes)

    def height(self, row: Row) -> float:
        """The height of a row, in px."""
        place, columns = self.places[row.kind], self.columns[row.kind]
        return max(
            cell.top + column.drawings[content].height + cell.bottom  # type: ignore[union-attr]  # all are drawn
            for cell, column, content in zip(place.cells, columns, row.contents, strict=True)
        )

    def frame(self, kind: RowKind, height: float) -> bytes:
        """Backgrounds and borders of a row of this height, its top at 0: what WeasyPrint draws, as artifacts."""
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

        def draw(stream: Stream) -> None:
            for box in drawn:
                draw_background(stream, box.background)
            for box in cells:
                draw_border(stream, box)

        operators, _ = self.recorder.record(draw)
        return operators


def _form(content: str) -> tuple[str, ...]:
    """The tags of a cell with an x for each text between them."""
    if "<" not in content:
        return ("x",) if WHITE.sub("", content) else ("",)
    parts = markup.pieces(content)
    return tuple(
        part if n % 2 else "x" if (bare := WHITE.sub(" ", part)).strip(" ") else bare for n, part in enumerate(parts)
    )


def _texts(content: str) -> list[str]:
    """The texts of a cell in order, white space collapsed as in a block of its own."""
    parts = markup.pieces(content)[::2] if "<" in content else [content]
    bare = [WHITE.sub(" ", unescape(part)).strip(" ") for part in parts]
    return [text for text in bare if text]
