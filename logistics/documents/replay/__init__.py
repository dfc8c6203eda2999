"""Long lists by layout replay: WeasyPrint lays out one row of each kind, and every row is painted from that.

    run = replay.find(html)
    document = replay.lay_out(run, sources, lay_out=..., report=...)

A paper is replayed if its template marks rows (`<tr data-row="line">`) and it has many of them. Replay refuses what it
cannot print exactly, and logs why; the paper is then printed by plain WeasyPrint.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from logistics.documents.replay import chrome, limits, markup, slots
from logistics.documents.replay.cells import Cells
from logistics.documents.replay.filled import Forms
from logistics.documents.replay.markup import MARK, RowKind
from logistics.documents.replay.pagination import Group, paginate
from logistics.documents.replay.paper import ReplayedDocument, ReplayedPage
from logistics.documents.replay.paragraphs import TINY, Shapers
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.rows import PageRows, Painter
from logistics.documents.replay.samples import LayOut, Samples, SampleSheet
from logistics.documents.replay.spacers import spacer_html

# Below this the samples cost more than they save (measured).
ROWS_MIN = 60

kept_forms = Forms()
logger = logging.getLogger(__name__)

__all__ = ["ROWS_MIN", "Refused", "fill", "find", "has_slots", "kept_forms", "lay_out", "lay_out_strictly"]


def has_slots(html: str) -> bool:
    """Return whether the template marked texts as slots."""
    return slots.MARK.search(html) is not None


def fill(html: str, sources: Sequence[str], *, lay_out: LayOut) -> Any | None:
    """Fill a paper into a cached form, or lay it out as a new one; None if plain WeasyPrint has to print it."""
    try:
        return kept_forms.fill(html, sources, lay_out=lay_out)
    except Refused as refusal:
        logger.info("Not filled in: %s.", refusal)
        return refusal.document


def find(html: str) -> markup.Run | None:
    """Find the rows that the template marked; None if they are few, or replay cannot print them.

    A run holds its whole paper in less memory, so the caller can release the HTML of a long list.
    """
    if html.count(MARK) < ROWS_MIN:
        return None
    try:
        return markup.find(html)
    except Refused as refusal:
        logger.info("Not replayed: %s.", refusal)
        return None


def lay_out(
    run: markup.Run, sources: Iterable[str], *, lay_out: LayOut, report: Callable[[int], None] = lambda percent: None
) -> Any | None:
    """Lay a paper out by replay, or return None if plain WeasyPrint has to.

    `sources` are the texts of its stylesheets; `lay_out` makes a WeasyPrint document of HTML; `report` is called with
    per cent.
    """
    try:
        return lay_out_strictly(run, sources, lay_out=lay_out, report=report)
    except Refused as refusal:
        logger.info("Not replayed: %s.", refusal)
        return None


def lay_out_strictly(
    run: markup.Run, sources: Iterable[str], *, lay_out: LayOut, report: Callable[[int], None] = lambda percent: None
) -> ReplayedDocument:
    """Lay a paper out by replay. Raises Refused for what it cannot print exactly as WeasyPrint would."""
    rows = [row for group in run.groups for row in group]
    kinds = list(dict.fromkeys(row.kind for row in rows))
    _check(run, sources, kinds)
    samples = Samples(run, sources, lay_out)
    cells = Cells(rows, samples)
    report(35)
    heights = cells.heights(rows)
    report(45)
    each = iter(heights)
    groups = [_group(cells, group, list(islice(each, len(group)))) for group in run.groups]
    around = _around(run, cells, groups, lay_out)
    report(70)
    return _put_together(around, cells, rows, heights, report)


def _check(run: markup.Run, sources: Iterable[str], kinds: list[RowKind]) -> None:
    if any(element in text for element in ("<style", "<link") for text in (run.before, run.after, *run.contents)):
        raise Refused("a stylesheet inside the paper")
    if any("style=" in part for kind in kinds for part in (kind.group_attributes, kind.attributes, *kind.cells)):
        raise Refused("a marked row has a style attribute")
    elements = {tag for tag, _ in markup.ancestors(run.before)}
    # Parts of cells are laid out one by one, so no rule may depend on their position either.
    elements |= {tag for content in run.contents for tag in markup.names(content)}
    marked = " ".join(dict.fromkeys(part for kind in kinds for part in (kind.group_attributes, kind.attributes)))
    limits.check(tuple(sources), elements=frozenset(elements), marked=marked)


def _group(cells: Cells, rows: list[markup.Row], heights: list[float]) -> Group:
    places = [cells.places[row.kind] for row in rows]
    kept = [False] * len(places)
    for index in range(1, len(places)):
        kept[index] = places[index - 1].keep_with_next or places[index].keep_with_previous
    if places[0].keep_with_previous or places[-1].keep_with_next:
        raise Refused("a page break is to be avoided between two groups")
    return Group(heights, kept, places[0].keep_group)


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows on one page: the first row, the one after the last, their tops in px."""

    start: int
    end: int
    tops: list[float]
    height: float
    new_page: bool


def _pieces(pages: list[list[float]], groups: list[Group]) -> list[Piece]:
    """One piece for each page; on the last page, another one for the last rows before which a page may break.

    So what follows the list can pull those rows to the next page, as WeasyPrint would.
    """
    heights = [height for group in groups for height in group.heights]
    pieces, start = [], 0
    for number, tops in enumerate(pages):
        ends = [start + len(tops)]
        last = _rows_that_follow(groups[-1])
        if number == len(pages) - 1 and last < len(tops):
            ends.insert(0, ends[0] - last)
        at = start
        for end in ends:
            of_piece = tops[at - start : end - start]
            height = of_piece[-1] + heights[end - 1] - of_piece[0]
            pieces.append(Piece(at, end, of_piece, height, new_page=number > 0 and at == start))
            at = end
        start = at
    return pieces


def _rows_that_follow(group: Group) -> int:
    """Return how many rows go to the next page if the end of this group has to."""
    if group.whole:
        return len(group.heights)
    count = 1
    while count < len(group.heights) and group.kept[-count]:
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Around:
    """The paper laid out around its rows: a document, its pages, and the pieces of the list in order."""

    document: Any
    pages: list[chrome.Rest]  # one for each page, those in the middle all the same object
    pieces: list[Piece]
    in_the_middle: int  # how many pages these are


def _around(run: markup.Run, cells: Cells, groups: list[Group], lay_out: LayOut) -> Around:
    """Lay out everything but the rows, around spacers.

    Pages in the middle are all alike, so only one of them is laid out, and none if the first page of the list is alike.
    """
    sheet = cells.table.sheet
    columns = next(iter(cells.places.values())).columns
    # A table that begins a page usually begins where it continues on other pages; else its beginning is looked up.
    page, first_top = None, sheet.top
    first_is_alike = sheet.begins_page
    if not sheet.begins_page:
        page, first_top = _beginning(run, cells, groups, columns, lay_out)
    while True:
        pages = paginate(groups, first_top=first_top, top=sheet.top, bottom=sheet.bottom)
        pieces = _pieces(pages, groups)
        in_the_middle = max(0, len(pages) - 2)
        first_is_alike = first_is_alike and in_the_middle > 1
        left_out = range(1 if first_is_alike else 2, in_the_middle + 1)
        wanted = [piece for n, piece in enumerate(pieces) if n not in left_out]
        spacers = [spacer_html(piece.height, columns, new_page=piece.new_page) for piece in wanted]
        rests = chrome.rests(document := _laid_out(run, spacers, lay_out))
        found = chrome.beginning(rests)
        if page is None and abs(found[1] - first_top) >= TINY:
            page, first_top = _beginning(run, cells, groups, columns, lay_out)
            first_is_alike = False
        elif first_is_alike and not chrome.is_like_the_next(rests[found[0]], found[0]):
            first_is_alike = False
        else:
            break
    if page is not None and found[0] != page:
        raise Refused("where the list begins depends on how long it is")
    _check_places(rests, wanted, sheet)
    after_first = found[0] + 1
    middle = [chrome.Rest(*rests[found[0]])] if first_is_alike else rests[after_first:][: min(in_the_middle, 1)]
    after = rests[after_first + (0 if first_is_alike else len(middle)) :]
    return Around(document, [*rests[:after_first], *middle * in_the_middle, *after], pieces, in_the_middle)


def _beginning(run: markup.Run, cells: Cells, groups: list[Group], columns: int, lay_out: LayOut) -> tuple[int, float]:
    """Return the page on which the list begins, and its position there: laid out with the first rows only.

    Raises Refused if WeasyPrint breaks a row: it prefers breaking the first row of a group that stays whole, if one of
    its lines fits, to leaving the table's heading alone on a page.
    """
    found = _beginning_with(_first_height(groups[0]), run, columns, lay_out)
    least = cells.least_height(run.groups[0][0]) if groups[0].whole else None
    if least is not None and _beginning_with(least, run, columns, lay_out)[0] != found[0]:
        first, *others = chrome.first_row(_laid_out(run, [markup.group_html(run.groups[0])], lay_out))
        if others or first[0] != found[0] or abs(first[1] - found[1]) > TINY:
            raise Refused("the first row of the list is broken")
    return found


def _beginning_with(height: float, run: markup.Run, columns: int, lay_out: LayOut) -> tuple[int, float]:
    spacers = [spacer_html(height, columns, new_page=False), spacer_html(1, columns, new_page=True)]
    return chrome.beginning(chrome.rests(_laid_out(run, spacers, lay_out)))


def _laid_out(run: markup.Run, spacers: list[str], lay_out: LayOut) -> Any:
    try:
        return lay_out(f"{run.before}{''.join(spacers)}{run.after}")
    except AssertionError as error:
        raise Refused("WeasyPrint finds no place for what follows the list") from error


def _first_height(group: Group) -> float:
    """Return the height in px of the first rows of a list that no page break may separate.

    For a group that stays whole it is the first row: WeasyPrint breaks the first group of a table rather than move it.
    """
    count = 1
    while count < len(group.heights) and group.kept[count] and not group.whole:
        count += 1
    return sum(group.heights[:count])


def _check_places(rests: list[chrome.Rest], wanted: list[Piece], sheet: SampleSheet) -> None:
    """Check that rows are where they were predicted, except the last ones if what follows the list pulled them."""
    found = [(number, spacer) for number, rest in enumerate(rests) for spacer in rest.spacers]
    if len(found) != len(wanted):
        raise Refused("the list has other pages than predicted")
    page = found[0][0]
    for index, ((number, spacer), piece) in enumerate(zip(found, wanted, strict=True)):
        box = rests[number].page._page_box
        page += piece.new_page
        as_predicted = number == page and abs(spacer.top - piece.tops[0]) < TINY
        followed = index == len(wanted) - 1 and number == page + 1 and abs(spacer.top - sheet.top) < TINY
        if not (as_predicted or (followed and not piece.new_page)) or abs(spacer.height - piece.height) > TINY:
            raise Refused("rows stand elsewhere than predicted")
        if abs(box.content_box_y() + box.height - sheet.bottom) > TINY:
            raise Refused("a page of the list has another height")


def _put_together(
    around: Around, cells: Cells, rows: list[markup.Row], heights: list[float], report: Callable[[int], None]
) -> ReplayedDocument:
    recorder = cells.recorder
    around.document.fonts.update(recorder.document.fonts)
    recorder.document.fonts = around.document.fonts
    shapers = Shapers(recorder.stream())
    painter = Painter(cells)
    # Everything that may still be refused is drawn now, while plain WeasyPrint can still take over.
    for row, height in zip(rows, heights, strict=True):
        painter.frame(row.kind, height)

    def paints(piece: Piece, spacer: chrome.Spacer) -> Callable[[], PageRows]:
        shift = spacer.top - piece.tops[0]
        tops = [top + shift for top in piece.tops]
        part = slice(piece.start, piece.end)
        return lambda: painter.page(rows[part], tops, heights[part])

    pieces = iter(around.pieces)
    first = next(number for number, rest in enumerate(around.pages) if rest.spacers)
    drawn: dict[int, chrome.Chrome] = {}
    pages = []
    for number, rest in enumerate(around.pages):
        if id(rest) not in drawn:
            goes_on = number == first + 1 and around.in_the_middle > 0
            numbers = chrome.slots(rest.page, shapers) if around.in_the_middle > 1 else []
            for slot in numbers:
                slot.operators(len(around.pages), len(around.pages))
            drawn[id(rest)] = chrome.Chrome(rest, numbers, goes_on=goes_on)
        pages.append(ReplayedPage(drawn[id(rest)], [paints(next(pieces), spacer) for spacer in rest.spacers]))
    spans = {kind: [cell.box.colspan for cell in place.cells] for kind, place in cells.places.items()}
    resources = {"ExtGState": recorder.states(), "XObject": painter.forms()}
    return ReplayedDocument(around.document, pages, resources=resources, spans=spans.__getitem__, report=report)
