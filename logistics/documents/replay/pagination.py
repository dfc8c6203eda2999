"""Page breaks of a list: the rules of WeasyPrint's tables, for rows of known heights."""

from collections.abc import Sequence
from dataclasses import dataclass

from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.weasyprint_private import overflows


@dataclass(frozen=True, slots=True)
class Group:
    """A tbody: the heights of its rows in px; rows before which a page must not break; whether it stays whole."""

    heights: Sequence[float]
    kept: Sequence[bool]
    whole: bool


def paginate(groups: Sequence[Group], *, first_top: float, top: float, bottom: float) -> list[list[float]]:
    """Spread rows over pages: for each page the tops of its rows, in px.

    A group that stays whole moves to the next page if it does not fit, and is broken only if no page can hold it.
    Raises Refused for a row higher than a page, and for a list that starts so low that nothing fits under its heading.
    """
    pages: list[list[float]] = [[]]
    y = first_top
    for group in groups:
        if group.kept[0]:
            raise Refused("a page break is to be avoided between two groups")
        if max(group.heights) > bottom - top:
            raise Refused("a row is higher than a page")
        start = 0
        while start < len(group.heights):
            is_first = not pages[-1]
            tops, end = _fitting(group, start, y, bottom, at_least_one=is_first and group.whole)
            if end == len(group.heights):
                pages[-1] += tops
                y = tops[-1] + group.heights[-1]
                break
            cut = end
            while cut > start and group.kept[cut]:
                cut -= 1
            if is_first and group.whole:
                # It is the first below the table's heading: WeasyPrint breaks it where it must, on any page.
                cut = cut if cut > start else end
            elif group.whole or cut == start:
                cut = start
                if is_first:
                    raise Refused("nothing fits under the head of the list")
            pages[-1] += tops[: cut - start]
            pages.append([])
            start, y = cut, top
    return pages


def _fitting(group: Group, start: int, y: float, bottom: float, *, at_least_one: bool) -> tuple[list[float], int]:
    """Tops of the rows from `start` on that fit above `bottom`, and the index of the first that does not."""
    tops: list[float] = []
    for index in range(start, len(group.heights)):
        below = y + group.heights[index]
        if overflows(bottom, below) and not (at_least_one and not tops):
            return tops, index
        tops.append(y)
        y = below
    return tops, len(group.heights)
