"""Everything on a page that is not a marked row: laid out and drawn by WeasyPrint, repeated by replay.

The paper is laid out with spacers in place of its rows: one on the first page of the list, one on the last, and one in
between that is the pattern of all middle pages. So headings, totals, signatures, running titles and page breaks after
the list are WeasyPrint's own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from logistics.documents.replay.markup import MARK
from logistics.documents.replay.paragraphs import Shapers
from logistics.documents.replay.recording import Spellings, form, joined, number, spellings
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.spacers import CONTENTS, LAYER_OF_COLOR, SPACER
from logistics.documents.replay.weasyprint_private import Stream, boxes, id_of_marked_content, pydyf

MARKED = re.compile(rb"/[A-Za-z0-9]+\n<</MCID \d+(?:/Lang\([^()]*\))?>>\nBDC")
# Operators that mark content, and those that change how all following content is drawn. No text operators: text
# extractors look for the mark of a text beside it, not around its form.
MARKING = {b"/Artifact", b"BMC", b"EMC"}
LASTING = {b"gs", b"rg"}
ROW = MARK.strip(" =")
LINES_MIN = 20  # below that a form is no shorter
# WeasyPrint's operators that choose a font or show glyphs.
SHOWN = re.compile(rb"/([A-Z]{6}) [0-9.]+ Tf|<([0-9a-f]+)>")
# Contents of margin boxes that are the same on all middle pages of a list, which name no strings and move no elements.
ALIKE = {"string", "string()", "url", "element()"}


class Spacer(NamedTuple):
    """A place for rows. Sizes in px."""

    text_box: Any  # whose operators the rows replace
    top: float
    height: float


class Rest(NamedTuple):
    """A page of the paper without its rows."""

    page: Any
    spacers: list[Spacer]


def rests(document: Any) -> list[Rest]:
    """The pages of a paper that was laid out with spacers."""
    return [_rest(page) for page in document.pages]


def _rest(page: Any) -> Rest:
    spacers = []
    for row in page._page_box.descendants():
        if isinstance(row, boxes.TableRowBox) and row.element is not None and SPACER in row.element.attrib:
            text = next(box for box in row.descendants() if isinstance(box, boxes.TextBox))
            spacers.append(Spacer(text, row.position_y, row.height))
    return Rest(page, spacers)


def beginning(rests: Sequence[Rest]) -> tuple[int, float]:
    """Return the page on which the list begins, counted from 0, and the top of its first row, in px."""
    number, rest = next((number, rest) for number, rest in enumerate(rests) if rest.spacers)
    return number, rest.spacers[0].top


def first_row(document: Any) -> list[tuple[int, float]]:
    """Page and top of the first marked row of a paper that was laid out as it is, and of its other parts if any."""
    rows = [
        (number, box)
        for number, page in enumerate(document.pages)
        for box in page._page_box.descendants()
        if isinstance(box, boxes.TableRowBox) and box.element is not None and ROW in box.element.attrib
    ]
    return [(number, box.position_y) for number, box in rows if box.element is rows[0][1].element]


def is_like_the_next(rest: Rest, number: int) -> bool:
    """Return whether the next page of the list would be like this one, except for its number and its rows.

    That is so if there is nothing on it but the table, which begins there as it would continue.
    """
    page = rest.page
    box = page._page_box
    if number == 0 or page.bookmarks or page.links or page.anchors or any(page.forms.values()):
        return False
    if any(child.style["string_set"] != "none" for child in box.descendants(placeholders=True)):
        return False
    if any("element()" in dict(margin.style["content"]) for margin in _margins(page)):
        return False
    around = box.children[0]
    while not isinstance(around, boxes.TableBox):
        if around.background or _has_border(around) or around.style["outline_width"] or len(around.children) != 1:
            return False
        (around,) = around.children
    return not around.background and not _has_border(around)


@dataclass(frozen=True, slots=True)
class Slot:
    """The page number in a margin box. Sizes in px."""

    text_box: Any
    content: tuple[Any, ...]
    shaper: Any
    left: float
    right: float
    align: str
    baseline: float

    def operators(self, page: int, pages: int) -> bytes:
        text = "".join(
            item if kind == "string" else str({"page": page, "pages": pages}[item[0]]) for kind, item in self.content
        )
        lines = self.shaper.lines(text.strip(" "), 1e6)
        if lines is None:
            raise Refused("a page number that replay cannot write")
        (line,) = lines
        x = {
            "left": self.left,
            "right": self.right - line.width,
            "center": (self.left + self.right - line.width) / 2,
        }[self.align]
        font, size = self.shaper.font
        return b"BT\n/%s %s Tf\n1 0 0 -1 %s %s Tm\n[%s] TJ\nET" % (
            font.encode(),
            number(size),
            number(x),
            number(self.baseline),
            line.glyphs,
        )


def slots(page: Any, shapers: Shapers) -> list[Slot]:
    """The margin boxes of a page that show its number or the number of pages."""
    numbers: list[Any] = []
    others: list[Any] = []
    for margin in _margins(page):
        is_alike = {kind for kind, _ in margin.style["content"]} <= ALIKE
        (others if is_alike else numbers).append(margin)
    for other in others:
        if not other.at_keyword.endswith("-corner") and any(_edge(other) == _edge(number) for number in numbers):
            _check_beside_a_number(other)
    return [_slot(number, shapers) for number in numbers]


def _margins(page: Any) -> list[Any]:
    """The margin boxes of a page that show something."""
    margins = [box for box in page._page_box.children if isinstance(box, boxes.MarginBox)]
    return [margin for margin in margins if isinstance(margin.style["content"], tuple | list)]


def _edge(margin: Any) -> str:
    edge: str = margin.at_keyword.split("-")[0]
    return edge


def _is_at_its_side(margin: Any, style: Any) -> bool:
    align = {"start": "left", "end": "right"}.get(style["text_align_all"], style["text_align_all"])
    is_there: bool = margin.at_keyword.endswith(f"-{align}")
    return is_there


def _check_beside_a_number(margin: Any) -> None:
    """Refuse what would look different beside a page number of more digits, which leaves it less width."""
    drawn = [margin, *margin.descendants()]
    lines = [box for box in drawn if isinstance(box, boxes.LineBox)]
    blocks = [box for box in drawn if isinstance(box, boxes.BlockLevelBox | boxes.MarginBox)]
    if len(lines) > 1 or any(block.background or _has_border(block) for block in blocks):
        raise Refused("what stands beside a page number has several lines, a background or a border")
    if not all(_is_at_its_side(margin, line.style) for line in lines):
        raise Refused("what stands beside a page number is not aligned to its own side")


def _has_border(box: Any) -> bool:
    return any(getattr(box, f"border_{side}_width") for side in ("top", "right", "bottom", "left"))


def _slot(margin: Any, shapers: Shapers) -> Slot:
    content = tuple(margin.style["content"])
    for kind, item in content:
        if not (kind == "string" or (kind == "counter()" and item in (("page", "decimal"), ("pages", "decimal")))):
            raise Refused("a margin box shows more than text and page numbers")
    if margin.background or _has_border(margin):
        raise Refused("a page number has a background or a border")
    texts = [box for box in margin.descendants() if isinstance(box, boxes.TextBox)]
    lines = [box for box in margin.descendants() if isinstance(box, boxes.LineBox)]
    if len(texts) != 1 or len(lines) != 1:
        raise Refused("a page number that is not one line of text")
    # The width of the box follows its text, measured from its side of the page.
    if not _is_at_its_side(margin, margin.style):
        raise Refused("a page number that is not aligned to its own side")
    (text,) = texts
    return Slot(
        text,
        content,
        shapers.of(text.style),
        margin.content_box_x(),
        margin.content_box_x() + margin.width,
        margin.at_keyword.split("-")[1],
        text.position_y + text.baseline,
    )


class Chrome:
    """The operators of one page without its rows and page numbers, drawn once and then repeated.

    What a middle page of the list repeats is an artifact for readers, and its rows continue the table that began on an
    earlier page.
    """

    def __init__(self, rest: Rest, numbers: Sequence[Slot], *, goes_on: bool = False) -> None:
        self.rest, self.numbers, self.goes_on = rest, numbers, goes_on
        box = rest.page._page_box
        self.page_box = box.copy_with_children([]) if goes_on else box  # of which WeasyPrint makes the structure
        self.parts: list[bytes | Slot | int] = []  # a number: the place of that layer of the next spacer's rows
        self.forms: dict[str, Any] = {}  # what its pages draw by name
        self.tags: dict[Any, Any] = {}
        self.spacer_ids: list[int] = []  # the ids of marked content of the spacers, in order
        # The texts of glyphs that are first drawn before the rows, and after them; emptied once they are used.
        self.before: Spellings = ()
        self.after: Spellings = ()

    def repeat(self, stream: Stream, rows: Sequence[Sequence[bytes]], page: int, pages: int) -> None:
        """Put the page on a stream; `rows` are the layers of each spacer, ids of marked content filled in already."""
        next_of = [iter(layer) for layer in zip(*rows, strict=True)]
        for part in self.parts:
            if isinstance(part, int):
                stream.stream.append(next(next_of[part]))
            elif isinstance(part, Slot):
                stream.stream.append(part.operators(page, pages))
            else:
                stream.stream.append(part)

    def draw_once(self, stream: Stream, scale: float) -> None:
        """Let WeasyPrint draw the page on this stream, then take the operators out of it again."""
        if self.parts:
            stream._tags.update({box: dict(tag) for box, tag in self.tags.items()})
            return
        start = len(stream.stream)
        spelled = spellings(stream._fonts, lambda: self.rest.page.paint(stream, scale))
        items = stream.stream[start:]
        del stream.stream[start:]
        self.tags = {box: dict(tag) for box, tag in stream._tags.items()}
        holes: dict[int, Slot | int] = {self.tags[slot.text_box]["mcid"]: slot for slot in self.numbers}
        self.spacer_ids = [self.tags[spacer.text_box]["mcid"] for spacer in self.rest.spacers]
        holes.update(dict.fromkeys(self.spacer_ids, CONTENTS))
        self.parts = _parts(items, holes)
        self._part_spellings(spelled, stream)
        if self.goes_on:
            self.parts = [self._repeated(part, stream) if isinstance(part, bytes) else part for part in self.parts]
            self.tags, self.spacer_ids = {}, [0] * len(self.spacer_ids)
            stream._tags.clear()
        if len([part for part in self.parts if isinstance(part, int)]) != 3 * len(self.rest.spacers):
            raise Refused("rows are drawn in a picture of their own")

    def _part_spellings(self, spelled: Spellings, stream: Stream) -> None:
        """Split them, because WeasyPrint keeps the first text of each glyph, so it matters whether rows came before."""
        end = self.parts.index(CONTENTS) if CONTENTS in self.parts else len(self.parts)
        shown = _glyphs(b"\n".join([part for part in self.parts[:end] if isinstance(part, bytes)]))
        first = [(stream._fonts[font].hash, glyph) in shown for font, glyph, _ in spelled]
        self.before = tuple([each for each, is_first in zip(spelled, first, strict=True) if is_first])
        self.after = tuple([each for each, is_first in zip(spelled, first, strict=True) if not is_first])

    def _repeated(self, part: bytes, stream: Stream) -> bytes:
        """Return a part of a page as artifacts; what can be drawn as a whole becomes a form, stored once per file."""
        part = _as_artifacts(part)
        if (whole := _whole(part.split(b"\n"))) is None:
            return part
        before, drawn, after = whole
        name = f"chrome{len(self.forms)}"
        self.forms[name] = form(drawn, stream._resources["ExtGState"])
        return b"%s\n/Artifact\nBMC\n/%s Do\nEMC\n%s" % (before, name.encode(), after)


def _glyphs(operators: bytes) -> set[tuple[str, int]]:
    """The glyphs that operators show, by the names of their fonts."""
    found: set[tuple[str, int]] = set()
    font = ""
    for name, digits in SHOWN.findall(operators):
        font = name.decode() or font
        found.update((font, int(digits[at : at + 4], 16)) for at in range(0, len(digits), 4))
    return found


def _whole(lines: list[bytes]) -> tuple[bytes, bytes, bytes] | None:
    """Cut operators in three: the middle, from the first artifact to the last, is drawn as a whole; else None.

    A form restores the graphics state, so what the middle sets for the rest is set again after it.
    """
    if b"/Artifact" not in lines or b"EMC" not in lines:
        return None
    start, end = lines.index(b"/Artifact"), len(lines) - lines[::-1].index(b"EMC")
    drawn: list[bytes] = []
    left: dict[bytes, bytes] = {}
    depth = 0
    for line in lines[start:end]:
        operator = line.rpartition(b" ")[2]
        if operator in MARKING:
            continue
        depth += (operator == b"q") - (operator == b"Q")
        if depth == 0 and operator in LASTING:
            left[operator] = line
        elif operator == b"BT" or depth < 0 or (depth == 0 and operator != b"Q"):
            return None
        drawn.append(line)
    if depth or len(drawn) < LINES_MIN:
        return None
    return b"\n".join(lines[:start]), b"\n".join(drawn), b"\n".join([*left.values(), *lines[end:]])


def _parts(items: list[Any], holes: dict[int, Slot | int]) -> list[bytes | Slot | int]:
    """Cut the operators of a page at its holes.

    Of marked content that is a hole, only the colour is kept; of the background and border of a spacer, nothing.
    """
    parts: list[bytes | Slot | int] = []
    kept: list[Any] = []
    index = 0
    while index < len(items):
        item = items[index]
        if (mark := id_of_marked_content(item)) in holes:
            hole = holes[mark]
            begin, end = items.index(b"BT", index), items.index(b"EMC", index)
            tag = kept.pop()
            if hole == CONTENTS:
                parts += [_plain([*kept, *items[index + 2 : begin]]), hole]
                kept = []
            else:
                parts += [_plain([*kept, tag, *items[index:begin]]), hole]
                kept = [b"EMC"]
            index = end + 1
        elif isinstance(item, bytes) and item in LAYER_OF_COLOR:
            layer = LAYER_OF_COLOR[item]
            parts += [_plain(kept[: _start_of_artifact(kept, clipped=layer == 0)]), layer]
            kept = []
            # Backgrounds have their own clip, which is closed after them.
            index = items.index(b"EMC", index) + (2 if layer == 0 else 1)
        else:
            kept.append(item)
            index += 1
    return [*parts, _plain(kept)]


def _as_artifacts(operators: bytes) -> bytes:
    return MARKED.sub(b"/Artifact\nBMC", operators)


def _start_of_artifact(items: list[Any], *, clipped: bool) -> int:
    """Return the start of the artifact with which these operators end, or of the clip around it."""
    index = len(items) - 1
    while items[index] != b"BMC":
        index -= 1
    while clipped and items[index] != b"q":
        index -= 1
    return index if clipped else index - 1


def _plain(items: list[Any]) -> bytes:
    """Return operators that are the same on every page, with the ids of marked content as they are."""
    operators, _ = joined(items)
    return operators % tuple(item["MCID"] for item in items if isinstance(item, pydyf.Dictionary) and "MCID" in item)
