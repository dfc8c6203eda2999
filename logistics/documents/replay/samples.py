"""One row of each kind, laid out by WeasyPrint, and what is measured on it."""

import copy
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from logistics.documents.replay import markup
from logistics.documents.replay.markup import Row, RowKind, Run
from logistics.documents.replay.paragraphs import ORDINARY, TINY
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.spacers import EMPTY, EMPTY_ROW, SPACER, spacer_html
from logistics.documents.replay.weasyprint_private import boxes

LayOut = Callable[[str], Any]
AVOID = ("avoid", "avoid-page")
KEPT_MAX, CELLS_MAX = 8, 2000  # tables that a process keeps, and cells in each; a list has some dozens
FROM_RIGHT_TO_LEFT = re.compile("rtl|[\u0590-\u08ff\ufb1d-\ufefc]")
COLUMN = re.compile("<col(?![a-z])(?![^>]* span=)")


@dataclass(slots=True)
class CellPlace:
    """Where the content of a cell goes, in px. `top` and `bottom` are border and padding."""

    box: Any
    top: float
    bottom: float
    vertical_align: str


@dataclass(slots=True)
class RowPlace:
    box: Any
    page: Any
    cells: list[CellPlace]
    keep_with_next: bool
    keep_with_previous: bool
    keep_group: bool

    @property
    def columns(self) -> int:
        """The number of table columns that its cells take."""
        return sum(cell.box.colspan for cell in self.cells)

    @property
    def hangs(self) -> bool:
        """Whether a cell moves when its row grows."""
        return any(cell.vertical_align != "top" for cell in self.cells)


@dataclass(frozen=True, slots=True)
class SampleSheet:
    """Where the rows of a page begin and must end if the list continues from the previous page, in px."""

    top: float
    bottom: float
    width: float
    begins_page: bool  # whether the table always begins on a page of its own


class Table:
    """A table of one design, and the cells that were laid out in it with an x for each text.

    It holds nothing of any particular paper, so it is kept for the next one.
    """

    def __init__(self, document: Any, sheet: SampleSheet) -> None:
        self.document, self.sheet = document, sheet
        self.rows: dict[RowKind, RowPlace] = {}
        self.cells: dict[tuple[RowKind, int, str], Any] = {}  # boxes by kind of row, column, and HTML inside

    def lacks(self, kind: RowKind, columns: Sequence[Sequence[str]]) -> list[list[str]]:
        """Return the contents, by cell of a kind of row, that were not laid out yet."""
        return [
            [content for content in contents if (kind, column, content) not in self.cells]
            for column, contents in enumerate(columns)
        ]

    def add(self, kind: RowKind, contents: Sequence[str], place: RowPlace) -> None:
        self.rows.setdefault(kind, place)
        for column, (content, cell) in enumerate(zip(contents, place.cells, strict=True)):
            self.cells.setdefault((kind, column, content), cell.box)

    def has_columns_of(self, kind: RowKind, place: RowPlace) -> bool:
        """Return whether a row laid out without the table's heading has the same columns as with it."""
        return all(
            abs(cell.box.position_x - same.box.position_x) < TINY and abs(cell.box.width - same.box.width) < TINY
            for cell, same in zip(place.cells, self.rows[kind].cells, strict=True)
        )

    def own_document(self) -> Any:
        """Return the document of the samples for one paper, with its own fonts."""
        document = copy.copy(self.document)
        document.fonts = {}
        return document


KEPT: OrderedDict[tuple[str, ...], Table] = OrderedDict()  # by the HTML around their rows, and stylesheets


class Samples:
    """Lays out sample rows in the table of one paper."""

    def __init__(self, run: Run, sources: Iterable[str], lay_out: LayOut) -> None:
        table = markup.beginning_of_table(run.before)
        around = markup.ancestors(run.before)
        start = markup.start_of(run.before) + "".join(tag for _, tag in around[1:-1])
        # On a page where the table continues, `@page :first` does not apply, nor do margins above the table.
        pages = spacer_html(1, 1, new_page=False) + spacer_html(1, 1, new_page=True)
        self.before = f"{start}{table}{pages}"
        self.without_heads = start + table[: table.index("<thead")]
        self.after = "".join(f"</{tag}>" for tag, _ in reversed(around))
        self.lay_out = lay_out
        self.key = (self.before, *sources)
        self.is_bidirectional = any(map(FROM_RIGHT_TO_LEFT.search, (run.before, run.after, *self.key)))

    def table(self, forms: dict[RowKind, list[list[str]]]) -> Table:
        """Return a cached or new table that has these forms of content for the cells of each kind of row."""
        table = KEPT.get(self.key)
        if table is None or len(table.cells) > CELLS_MAX:
            wanted = list(side_by_side(forms, at_least=1))
            document, (_, (row, page, _), *rows) = self._laid_out(self.before, wanted)
            table = Table(document, _sheet(page, row))
            places = [_place(*row) for row in rows]
        else:
            missing = {kind: table.lacks(kind, columns) for kind, columns in forms.items()}
            new = {kind: columns for kind, columns in missing.items() if kind not in table.rows}
            wanted = [*side_by_side(new, at_least=1), *side_by_side({k: missing[k] for k in missing if k not in new})]
            places = self.rows(wanted, table)
        for (kind, contents), place in zip(wanted, places, strict=True):
            table.add(kind, contents, place)
        KEPT[self.key] = table
        KEPT.move_to_end(self.key)
        while len(KEPT) > KEPT_MAX:
            KEPT.popitem(last=False)
        return table

    def rows(self, wanted: Sequence[Row], table: Table) -> list[RowPlace]:
        """Lay out rows and return how each is built; without the table's heading, if that changes nothing."""
        if not wanted:
            return []
        columns = len(COLUMN.findall(self.without_heads))  # columns whose widths are known without the heading
        known = [table.rows[row.kind] for row in wanted if row.kind in table.rows]
        if len(known) == len(wanted) and all(place.columns == columns for place in known):
            _, rows = self._laid_out(self.without_heads, wanted)
            places = [_place(*row) for row in rows]
            if all(table.has_columns_of(row.kind, place) for row, place in zip(wanted, places, strict=True)):
                return places
        _, (_, _, *rows) = self._laid_out(self.before, wanted)
        return [_place(*row) for row in rows]

    def _laid_out(self, before: str, wanted: Sequence[Row]) -> tuple[Any, list[tuple[Any, Any, Any]]]:
        """Return the document, and each non-empty row of its table with its page and group."""
        html = "".join([before, *map(_group_html, wanted), self.after])
        try:
            document = self.lay_out(html)
        except AssertionError as error:
            # WeasyPrint's way to say that nothing fits on a page.
            raise Refused("a row does not fit on a page") from error
        rows = [(row, page._page_box, group) for page in document.pages for row, group in _body_rows(page._page_box)]
        filled = [row for row in rows if EMPTY not in row[0].element.attrib]
        if len(rows) - len(filled) != 2 * len(wanted) or len(filled) != len(wanted) + before.count(SPACER):
            raise Refused("a row does not fit on a page")
        return document, filled


def side_by_side(columns_of: dict[RowKind, list[list[str]]], *, at_least: int = 0) -> Iterator[Row]:
    """Yield the fewest rows that show every content of every cell of each kind, but `at_least` this many per kind."""
    for kind, columns in columns_of.items():
        for index in range(max(at_least, *map(len, columns))):
            yield Row(kind, tuple(contents[index] if index < len(contents) else "" for contents in columns))


def _group_html(row: Row) -> str:
    # Empty rows around, so that rows that are kept with their neighbours are not kept with other samples.
    return f"<tbody{row.kind.group_attributes}>{EMPTY_ROW}{markup.row_html(row)}{EMPTY_ROW}</tbody>"


def _body_rows(page_box: Any) -> Iterator[tuple[Any, Any]]:
    for group in page_box.descendants():
        if isinstance(group, boxes.TableRowGroupBox) and not group.is_header:
            yield from ((row, group) for row in group.children)


def _sheet(page_box: Any, first_row: Any) -> SampleSheet:
    chain = _chain(page_box, first_row)
    for box in chain:
        if isinstance(box, boxes.TableBox):
            _check_table(box)
        elif type(box) is not boxes.BlockBox:
            raise Refused("the table of marked rows stands in something that is not a plain block")
        if box.padding_bottom or box.border_bottom_width or (box.margin_bottom and box is not chain[0]):
            raise Refused("something around the marked rows keeps a distance from the foot of the page")
        if box.style["break_inside"] in AVOID or box.style["break_after"] in AVOID:
            raise Refused("something around the marked rows must not break")
        if box.style["opacity"] != 1:
            raise Refused("something around the marked rows is translucent")
    begins_page = any(box.style["break_before"] in ("always", "page") for box in chain[-2:])
    return SampleSheet(first_row.position_y, page_box.content_box_y() + page_box.height, first_row.width, begins_page)


def _chain(page_box: Any, row: Any) -> list[Any]:
    """Return the boxes around a row, from the root element to the table."""
    chain, box = [], page_box.children[0]
    while True:
        chain.append(box)
        if isinstance(box, boxes.TableBox):
            return chain
        box = next(
            child for child in box.children if isinstance(child, boxes.ParentBox) and row in list(child.descendants())
        )


def _check_table(table: Any) -> None:
    style = table.style
    drawn = [table, *table.column_groups, *[c for g in table.column_groups for c in g.children]]
    if style["border_collapse"] != "separate" or any(style["border_spacing"]):
        raise Refused("borders of the table collapse or have a distance")
    if style["table_layout"] != "fixed" or style["width"] == "auto":
        raise Refused("the table's columns depend on its content")
    if style["direction"] != "ltr":
        raise Refused("the table runs from right to left")
    if any(box.background for box in drawn):
        raise Refused("the table or a column has a background")
    if table.border_left_width or table.border_right_width or table.border_top_width:
        raise Refused("the table has a border")
    if not table.children[0].is_header or table.children[-1].is_footer:
        raise Refused("the table has no repeated head, or has a foot")


def _place(row: Any, page_box: Any, group: Any) -> RowPlace:
    """Read how a row of this kind is built. Raises Refused if it holds what replay cannot place."""
    style = row.style
    if style["break_inside"] not in AVOID or style["height"] != "auto" or style["string_set"] != "none":
        raise Refused("a marked row may break, has a height, or names a string")
    if group.background or group.style["break_before"] != "auto" or group.style["break_after"] != "auto":
        raise Refused("a marked group has a background or asks for page breaks")
    if not all(map(_in_place, (group, row, *row.children))):
        raise Refused("a marked cell is placed, clipped or outlined")
    _check_contents(row)
    cells = []
    for cell in row.children:
        align = cell.style["vertical_align"]
        if align not in ("top", "middle", "bottom"):
            raise Refused("cells of marked rows must be aligned at top, middle or bottom")
        if cell.rowspan != 1 or cell.style["height"] != "auto" or cell.style["empty_cells"] != "show":
            raise Refused("a marked cell spans rows, has a height or hides when empty")
        top = cell.border_top_width + _px(cell.style["padding_top"])
        bottom = cell.border_bottom_width + _px(cell.style["padding_bottom"])
        cells.append(CellPlace(cell, top, bottom, align))
    breaks = {style["break_before"], style["break_after"]} - {"auto", *AVOID}
    if breaks:
        raise Refused("a marked row asks for a page break")
    return RowPlace(
        row,
        page_box,
        cells,
        keep_with_next=style["break_after"] in AVOID,
        keep_with_previous=style["break_before"] in AVOID,
        keep_group=group.style["break_inside"] in AVOID,
    )


def _in_place(box: Any) -> bool:
    style = box.style
    moved = any(style[name] != ORDINARY[name] for name in ("position", "opacity", "overflow")) or style["transform"]
    return not moved and not style["outline_width"]


def _check_contents(row: Any) -> None:
    """Raise Refused for content that does not stay in its cell, or is drawn out of order."""
    drawn = set()
    for box in row.descendants(placeholders=True):
        drawn.add(box.element)
        style = box.style
        if style["float"] != "none" or style["position"] != "static" or style["string_set"] != "none":
            raise Refused("a marked cell holds something placed elsewhere")
    for element in row.element.iter():
        if (element.text or "").strip() and element not in drawn:
            raise Refused("a marked cell holds something that is not shown in it")


def _px(length: Any) -> float:
    if length.unit != "px":
        raise Refused("the padding of a marked cell is not a length")
    value: float = length.value
    return value
