"""Finding the marked rows in the HTML of a paper.

A row is marked by `data-row` on its `tr`. The marked rows of a paper form one run: consecutive whole `tbody` elements
of one table. WeasyPrint itself lays out what is before and after them.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import NamedTuple

from logistics.documents.replay.refusal import Refused

MARK = " data-row="
ATTRIBUTES = r'((?:\s+[\w:-]+(?:="[^"<>]*")?)*)\s*'


def _element(names: str) -> re.Pattern[str]:
    """Match one element with its content up to its end tag; unrolled, because most of a paper passes through here."""
    return re.compile(rf"\s*<({names}){ATTRIBUTES}>([^<]*(?:<(?!/\1>)[^<]*)*)</\1>")


GROUP, ROW = _element("tbody"), _element("tr")
START_OF_CELL = re.compile(rf"\s*<td{ATTRIBUTES}")
START = re.compile("<html[^<>]*>")
TAG = re.compile(r"(<[^<>]*>)")
NAME = re.compile(r"<([a-z]+)")
# What a cell may hold besides text. For a link, an image or a form field, replaying operators is not enough; style
# attributes are excluded because limits.py reads only stylesheets.
INSIDE = re.compile(
    r"(?!.*\s(?:style|id)=)</?(?:i|b|em|strong|span|small|sub|sup|bdi|bdo|code|p|div)(?:\s[^<>]*)?>|<br\s*/?>"
)
WHITE = " \t\n\r\f"
SPACES = re.compile(f"[{WHITE}]+")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class RowKind(NamedTuple):
    """Rows of one kind differ only in the content of their cells."""

    group_attributes: str
    attributes: str
    cells: tuple[str, ...]  # the attributes of each


class Row(NamedTuple):
    kind: RowKind
    contents: tuple[str, ...]  # the HTML inside each cell


@dataclass(frozen=True, slots=True)
class Run:
    before: str
    groups: list[list[Row]]
    after: str
    contents: Collection[str]  # of its cells, each once

    def html(self) -> str:
        """The whole paper again."""
        return "".join([self.before, *map(group_html, self.groups), self.after])


def group_html(group: list[Row]) -> str:
    rows = "".join(map(row_html, group))
    return f"<tbody{group[0].kind.group_attributes}>{rows}</tbody>"


def row_html(row: Row) -> str:
    cells = "".join(
        f"<td{attributes}>{content}</td>" for attributes, content in zip(row.kind.cells, row.contents, strict=True)
    )
    return f"<tr{row.kind.attributes}>{cells}</tr>"


def find(html: str) -> Run:
    """Cut the marked rows out of a paper. Raises Refused if they are not one run of whole groups."""
    start = html.rfind("<tbody", 0, html.find(MARK))
    if start < 0:
        raise Refused("the first marked row stands in no tbody")
    reader = _Reader()
    groups, end = [], start
    while (group := GROUP.match(html, end)) and MARK in group[3]:
        groups.append(reader.rows(group[2], group[3]))
        end = group.end()
    if MARK in html[end:]:
        raise Refused("marked rows do not follow each other, or their markup is not well formed")
    return Run(html[:start], groups, html[end:], reader.texts)


class _Reader:
    """Reads rows. Equal kinds and equal contents become one object, because there are few different ones."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[str, ...], RowKind] = {}
        self.texts: dict[str, str] = {}

    def rows(self, group_attributes: str, body: str) -> list[Row]:
        rows, end = [], 0
        while row := ROW.match(body, end):
            if MARK not in row[2]:
                raise Refused("a row of a marked group is not marked")
            rows.append(self.row(group_attributes, row[2], row[3]))
            end = row.end()
        if body[end:].strip() or not rows:
            raise Refused("a marked group holds something that is not a row")
        return rows

    def row(self, group_attributes: str, attributes: str, body: str) -> Row:
        *cells, after = body.split("</td>")
        parts = [cell.partition(">") for cell in cells]
        key = (group_attributes, attributes, *[start for start, _, _ in parts])
        kind = self.kinds.get(key)
        if kind is None:
            starts = [START_OF_CELL.fullmatch(start) for start, _, _ in parts]
            if not all(starts):
                raise Refused("a marked row holds something that is not a cell")
            kind = RowKind(group_attributes, attributes, tuple(start[1] for start in starts if start))
            self.kinds[key] = kind
        if after.strip():
            raise Refused("a marked row holds something that is not a cell")
        texts = self.texts
        return Row(kind, tuple([texts.setdefault(inner, inner) for _, _, inner in parts]))


def parts(content: str) -> list[str]:
    """Return the outermost texts and elements of a cell. Raises Refused for an unknown element."""
    if "<" not in content:
        return [content] if content.strip(WHITE) else []
    found, depth, element = [], 0, ""
    for number, piece in enumerate(TAG.split(content)):
        if number % 2 and not INSIDE.fullmatch(piece):
            raise Refused(f"a marked cell holds {piece[:30]}")
        if number % 2 and piece.startswith("<br"):
            return [content]
        depth += (-1 if piece.startswith("</") else 1) * (number % 2)
        element += piece
        if depth == 0 and element.strip(WHITE):
            found.append(element)
        if depth == 0:
            element = ""
    return found


def names(content: str) -> list[str]:
    """The names of the elements inside a cell."""
    return NAME.findall(content) if "<" in content else []


def form(part: str) -> str:
    """The markup of a part with an x for each text."""
    if "<" not in part:
        return "x"
    return "".join(
        piece if number % 2 else "x" if piece.strip(WHITE) else piece[:1]
        for number, piece in enumerate(TAG.split(part))
    )


def text(part: str) -> str:
    """The text of a part that is one text, bare or in one element, white space collapsed as in a block of its own."""
    bare = TAG.sub("", part) if "<" in part else part
    return SPACES.sub(" ", unescape(bare)).strip(" ")


class _Opened(HTMLParser):
    """Keeps the elements that are still open, as they were written."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.stack.append((tag, self.get_starttag_text() or ""))

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """<path/> opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack[-1][0] != tag:
            raise Refused(f"</{tag}> closes an element that is not open")
        self.stack.pop()


def ancestors(before: str) -> list[tuple[str, str]]:
    """Name and start tag of each element around the run, outermost first: html, body, ..., table."""
    opened = _Opened()
    opened.feed(before)
    if [tag for tag, _ in opened.stack[:2]] != ["html", "body"] or opened.stack[-1][0] != "table":
        raise Refused("marked rows are not in a table of the body")
    return opened.stack


def beginning_of_table(before: str) -> str:
    """Return the table up to the run. Raises Refused unless it has a thead, which is repeated, and nothing else."""
    table = before[before.rindex("<table") :]
    if "</thead>" not in table or "<tbody" in table or "<tr" in table.partition("</thead>")[2]:
        raise Refused("the table of marked rows needs a thead and nothing between it and them")
    return table


def start_of(html: str) -> str:
    """Return the paper's html start tag, with language and direction, and an empty head."""
    return f"<!DOCTYPE html>{START.search(html)[0]}<head></head>"  # type: ignore[index]  # ancestors() has seen it
