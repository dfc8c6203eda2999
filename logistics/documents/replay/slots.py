"""Finding the slots in the HTML of a paper.

A slot is marked by `data-slot`: on an element that holds one text, or on a `path` of a drawing, whose `d` then differs.
Papers that differ only in their slots have the same form.
"""

import re
from html import unescape
from typing import NamedTuple

from logistics.documents.replay.markup import SPACES, START, WHITE
from logistics.documents.replay.refusal import Refused

# The mark of a text. No paper differs from others of its kind only in its bar code.
MARK = re.compile(r"<(?!path\b)[^<>]* data-slot")
SLOT = re.compile(r"<([a-zA-Z][\w:-]*)((?:\s[^<>]*?)?) data-slot(?:=\"\")?((?:\s[^<>]*?|/)?)>([^<]*)(</\1>)?")
SHAPE = re.compile(r'(.*\sd=")([^"]*)(".*)', re.DOTALL)
# Characters that the HTML parser, or white space handling, would change.
ODD = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
BODY = re.compile(r"<body[\s>]")


class Cut(NamedTuple):
    """A paper, cut at its slots. Equal forms are equal in all but title, dates and contents of slots."""

    head: str
    form: tuple[str, ...]  # the language of the paper, then what is before, between and after the slots
    pieces: list[str]  # the same with the head, and with each slot numbered, to be joined as HTML
    contents: list[str]  # what each slot holds: a text with its white space collapsed, or the `d` of a path
    written: list[str]  # the same, as written in the HTML

    @property
    def html(self) -> str:
        """The paper as HTML, each slot marked with its number."""
        parts = [part for pair in zip(self.pieces, self.written, strict=False) for part in pair]
        return "".join([*parts, self.pieces[-1]])


def cut(html: str) -> Cut:
    """Cut a paper at its slots. A mark on an element that holds other elements is ignored. Raises Refused."""
    body, start = BODY.search(html), START.search(html)
    if not body or not start or "<style" in html or "<link" in html:
        raise Refused("a paper without a body, or with a stylesheet inside")
    if ODD.search(html):
        raise Refused("a character that is not text")
    head, rest = html[: body.start()], html[body.start() :]
    pieces, position = [head], 0
    contents: list[str] = []
    written: list[str] = []
    for match in SLOT.finditer(rest):
        tag, before, after, text, end = match.groups()
        number = f' data-slot="{len(contents)}"'
        shape = SHAPE.fullmatch(after) if tag == "path" else None
        if shape:
            opening, content, closing = f"<{tag}{before}{number}{shape[1]}", shape[2], f"{shape[3]}>"
            value = content
            position_after = match.end() - len(end or "") - len(text)
        elif end and text.strip(WHITE):
            opening, content, closing = f"<{tag}{before}{number}{after}>", text, end
            value = SPACES.sub(" ", unescape(text)).strip(" ")
            position_after = match.end()
        else:
            continue
        pieces[-1] += rest[position : match.start()] + opening
        pieces.append(closing)
        contents.append(value)
        written.append(content)
        position = position_after
    pieces[-1] += rest[position:]
    return Cut(head, (start[0], pieces[0][len(head) :], *pieces[1:]), pieces, contents, written)
