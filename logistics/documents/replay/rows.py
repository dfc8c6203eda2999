"""The marked rows of one page, as one template of operators with the data for its structure."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from logistics.documents.replay.cells import Cells, Drawing
from logistics.documents.replay.markup import Row, RowKind
from logistics.documents.replay.recording import form, number, spell
from logistics.documents.replay.samples import CellPlace


class PageRows(NamedTuple):
    """Operators of each layer, from the lowest up; and how many ids of marked content each cell of each row takes.

    WeasyPrint draws the backgrounds of a whole table before all its borders, and all borders before the contents of
    cells, which matters where two rows share a row of pixels. The last layer has a hole for each id.
    """

    layers: tuple[bytes, bytes, bytes]
    cells: list[tuple[RowKind, tuple[int, ...]]]

    @property
    def holes(self) -> int:
        return sum(map(sum, (taken for _, taken in self.cells)))


class Painter:
    """Paints rows page by page. Frames of rows of one kind and height are drawn once."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.frames: dict[tuple[RowKind, float], tuple[bytes, bytes]] = {}
        self.drawn: dict[bytes, bytes] = {}  # by name: backgrounds or borders of a frame
        self.taken: dict[tuple[int, ...], tuple[int, ...]] = {}

    def page(self, rows: Sequence[Row], tops: Sequence[float], heights: Sequence[float]) -> PageRows:
        """Paint rows whose tops are given in px from the top of the page."""
        backgrounds: list[bytes] = []
        borders: list[bytes] = []
        parts: list[bytes] = []
        cells = []
        for row, top, height in zip(rows, tops, heights, strict=True):
            drawings = self._drawings(row)
            place = b"q\n1 0 0 1 0 %s cm" % number(top)
            for layer, name in zip((backgrounds, borders), self.frame(row.kind, height), strict=True):
                if name:
                    layer.append(b"%s\n/%s Do\nQ" % (place, name))
            parts += [place, *self._contents(row.kind, drawings, height), b"Q"]
            for drawing in drawings:
                if drawing.spellings:
                    spell(self.cells.recorder.document.fonts, drawing.spellings)
            taken = tuple([drawing.holes for drawing in drawings])
            cells.append((row.kind, self.taken.setdefault(taken, taken)))
        return PageRows((_artifact(backgrounds), _artifact(borders), b"\n".join(filter(None, parts))), cells)

    def _drawings(self, row: Row) -> list[Drawing]:
        columns = self.cells.columns[row.kind]
        return [
            column.drawings[content]  # type: ignore[misc]  # all are drawn
            for column, content in zip(columns, row.contents, strict=True)
        ]

    def frame(self, kind: RowKind, height: float) -> tuple[bytes, bytes]:
        """Return the names of a row's backgrounds and borders, if any. Raises Refused if they cannot be repeated."""
        # Heights are summed in different orders; a difference in the ninth decimal is invisible.
        key = (kind, round(height, 6))
        if key not in self.frames:
            backgrounds, borders = self.cells.frame(kind, height)
            self.frames[key] = self._named(backgrounds), self._named(borders)
        return self.frames[key]

    def _named(self, operators: bytes) -> bytes:
        """Return a name for operators that pages repeat; an empty one for no operators."""
        name = b"row%d" % len(self.drawn) if operators else b""
        if operators:
            self.drawn[name] = operators
        return name

    def forms(self) -> dict[str, Any]:
        """Return the forms of all frames drawn so far, by name."""
        states = self.cells.recorder.states()
        return {name.decode(): form(operators, states) for name, operators in self.drawn.items()}

    def _contents(self, kind: RowKind, drawings: Sequence[Drawing], height: float) -> Iterator[bytes]:
        place = self.cells.places[kind]
        if not place.hangs:
            return chain.from_iterable([drawing.operators for drawing in drawings])
        return chain.from_iterable(
            _shifted(drawing, cell, height) for drawing, cell in zip(drawings, place.cells, strict=True)
        )


def _shifted(drawing: Drawing, cell: CellPlace, height: float) -> Sequence[bytes]:
    """Return the content of a cell, shifted by its vertical alignment."""
    room = height - cell.top - drawing.height - cell.bottom
    shift = {"top": 0.0, "middle": room / 2, "bottom": room}[cell.vertical_align]
    return (b"q\n1 0 0 1 0 %s cm" % number(shift), *drawing.operators, b"Q") if shift else drawing.operators


def _artifact(parts: Sequence[bytes]) -> bytes:
    """Return operators marked as an artifact, where the forms are used: few readers look into forms."""
    return b"/Artifact\nBMC\n%s\nEMC" % b"\n".join(parts) if parts else b""
