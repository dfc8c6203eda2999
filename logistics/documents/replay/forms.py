"""A paper laid out once, with empty slots.

WeasyPrint lays out the paper with the contents of the first request. That layout holds for every paper whose slots have
the same number of lines: nothing else of it depends on their contents. This is checked on the boxes, not assumed: a
slot must be in blocks and fixed tables, whose width does not depend on their content.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from logistics.documents.replay.paragraphs import TINY
from logistics.documents.replay.recording import joined
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.vector_paths import steps
from logistics.documents.replay.weasyprint_private import (
    LayoutContext,
    Stream,
    boxes,
    draw_text,
    get_color,
    id_of_marked_content,
    iter_line_boxes,
    pydyf,
)

# For each line of a text its height and its baseline, in px: all that affects the rest of the layout.
Lines = tuple[tuple[float, float], ...]
PLAIN = (boxes.PageBox, boxes.BlockBox, boxes.TableBox, boxes.TableRowGroupBox, boxes.TableRowBox, boxes.TableCellBox)
# Styles of the elements around a slot with which its text stays in place and is not repeated elsewhere.
AROUND = {
    "bookmark_level": "none",
    "string_set": "none",
    "float": "none",
    "column_count": "auto",
    "column_width": "auto",
    "overflow": "visible",
    "visibility": "visible",
}


class Hole(NamedTuple):
    """A place in the operators of a page for one line of a slot."""

    slot: int
    line: int
    id: int  # of its marked content


class Text:
    """A slot for a text. Its boxes are those of the sample, in their place on the page."""

    def __init__(self, block: Any) -> None:
        self.block = block
        self.line = block.children[0]
        self.drawn = [line.children[0] for line in block.children]  # the sample's own, one for each line
        (text,) = self.line.children
        self.text = text.copy()
        self.text.justification_spacing = 0
        self.context = LayoutContext(None, _no_picture, None, None, None)
        self.context.create_block_formatting_context()

    def forget(self) -> None:
        """Keep the boxes, but not their texts."""
        for text in (self.text, *self.drawn):
            text.text, text.pango_layout = "x", None

    def lines(self, text: str) -> list[Any]:
        """Let WeasyPrint break a text into lines in this place."""
        source = self.line.copy_with_children([self.text.copy_with_text(text)])
        y = self.block.content_box_y()
        found = iter_line_boxes(self.context, source, y, 0, None, self.block, [], [], None, None)
        return [line for line, _ in found]

    def draw(self, stream: Stream, line: Any, mark: int) -> None:
        """Draw one line as WeasyPrint would, as the marked content of that id; colours end with it."""
        properties = pydyf.Dictionary({"MCID": mark})
        if (language := self.text.style["lang"]) not in (None, stream.language):
            properties["Lang"] = pydyf.String(language)
        stream.begin_marked_content("Span", properties)
        with stream.stacked():
            for text in line.children:
                draw_text(stream, text, text.position_x - line.position_x, "clip", "none")
        stream.end_marked_content()

    def tell_states(self, stream: Stream) -> None:
        """Register the graphics states of this slot with a stream."""
        for style in (self.text.style["color"], get_color(self.text.style, "text_decoration_color")):
            stream.set_color(style)
            stream.set_color(style, stroke=True)


class Shape:
    """A slot for the path of a drawing, such as a QR code."""

    def __init__(self, box: Any) -> None:
        self.box = box


def _no_picture(**_: Any) -> None:
    raise Refused("a slot asks for a picture")


def lines_of(lines: Sequence[Any]) -> Lines:
    return tuple((round(line.height, 6), round(line.baseline, 6)) for line in lines)


def find(document: Any, count: int) -> list[tuple[int, Text | Shape]]:
    """Return, for each slot in order, its page index and boxes. Raises Refused for a slot that could move others."""
    found: dict[int, tuple[int, Text | Shape]] = {}
    for number, page in enumerate(document.pages):
        for box, around in _with_ancestors(page._page_box, ()):
            if box.is_floated():
                raise Refused("lines may have to go around something that floats")
            if isinstance(box, boxes.ReplacedBox):
                slots: list[tuple[str, Text | Shape]] = [(mark, Shape(box)) for mark in _marks_of_shapes(box)]
            elif isinstance(box, boxes.BlockContainerBox) and box.element is not None and box.element.get("data-slot"):
                slots = [(box.element.get("data-slot"), _text(box, around))]
            else:
                continue
            for mark, slot in slots:
                if int(mark) in found:
                    raise Refused("a slot is broken over two pages")
                found[int(mark)] = number, slot
    if sorted(found) != list(range(count)):
        raise Refused("a slot stands where replay does not look")
    return [found[index] for index in range(count)]


def _with_ancestors(box: Any, around: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    yield box, around
    if isinstance(box, boxes.ParentBox):
        for child in box.children:
            if isinstance(child, boxes.Box):
                yield from _with_ancestors(child, (*around, box))


def _marks_of_shapes(box: Any) -> list[str]:
    return (
        [mark for element in box.element.iter() if (mark := element.get("data-slot"))]
        if box.element is not None
        else []
    )


def _text(block: Any, around: Sequence[Any]) -> Text:
    for box in (*around, block):
        if type(box) not in PLAIN or any(box.style[name] != value for name, value in AROUND.items()):
            raise Refused("a slot stands in something that is not a plain block or table")
        if isinstance(box, boxes.TableBox) and (box.style["table_layout"] != "fixed" or box.style["width"] == "auto"):
            raise Refused("a slot stands in a table whose columns depend on its content")
        if box.style["max_lines"] != "none":
            raise Refused("a slot stands in something that is cut off after some lines")
    for line in block.children:
        plain = isinstance(line, boxes.LineBox) and [type(child) for child in line.children] == [boxes.TextBox]
        if not plain or line.text_overflow != "clip" or line.block_ellipsis != "none":
            raise Refused("a slot that is more than one text, or is cut off")
    return Text(block)


class Form:
    """The pages of a paper with holes in their operators.

    Raises Refused if the paper has something that cannot be repeated in another one.
    """

    def __init__(self, document: Any, contents: Sequence[str]) -> None:
        self.document = document
        self.skeleton: tuple[Any, Any] | None = None  # what the files of its papers share, kept here by `filled`
        placed = find(document, len(contents))
        self.slots = [slot for _, slot in placed]
        self.lines = self._check(contents)
        self.fonts: dict[Any, Any] = {}
        self.states: dict[str, Any] = {}
        self.tags: list[dict[Any, Any]] = []
        self.pages: list[list[bytes | Hole]] = []
        for number, page in enumerate(document.pages):
            if page.links or page.anchors or any(page.forms.values()):
                raise Refused("links or fields on a paper with slots")
            here = {index: slot for index, (at, slot) in enumerate(placed) if at == number}
            self.pages.append(self._record(page, here, contents))
        if any(font.missing for font in self.fonts.values()):
            raise Refused("characters that no font has")
        # The contents of the first paper must not be kept for others.
        for slot in self.slots:
            if isinstance(slot, Text):
                slot.forget()

    def _check(self, contents: Sequence[str]) -> dict[int, Lines]:
        """Lay out the sample's texts again: their positions must be the same."""
        found: dict[int, Lines] = {}
        for index, (slot, content) in enumerate(zip(self.slots, contents, strict=True)):
            if isinstance(slot, Text):
                lines = slot.lines(content)
                if [_place(line) for line in lines] != [_place(line) for line in slot.block.children]:
                    raise Refused("a slot's text is laid out in a way that replay does not know")
                found[index] = lines_of(lines)
        return found

    def _record(self, page: Any, here: dict[int, Text | Shape], contents: Sequence[str]) -> list[bytes | Hole]:
        """Let WeasyPrint draw a page without the contents of its slots, and cut the operators there."""
        document = self.document
        holes = {
            text: (index, number)
            for index, slot in here.items()
            if isinstance(slot, Text)
            for number, text in enumerate(slot.drawn)
        }
        resources = {kind: pydyf.Dictionary() for kind in ("ExtGState", "XObject", "Pattern", "Shading")}
        stream = Stream(
            self.fonts,
            (0, 0, page.width, page.height),
            {**resources, "ColorSpace": None},
            {},
            {},
            document.color_profiles,
            document.output_intent,
        )
        with _hidden(holes):
            page.paint(stream, 0.75)
        if any(resources[kind] for kind in ("XObject", "Pattern", "Shading")) or any(
            name[0] not in "aA" for name in resources["ExtGState"]
        ):
            raise Refused("a picture, a gradient, a shadow or a mask on a paper with slots")
        self.states.update(resources["ExtGState"])
        self.tags.append(dict(stream._tags))
        ids = {stream._tags[text]["mcid"]: hole for text, hole in holes.items()}
        shapes: dict[int, list[tuple[int, list[bytes]]]] = {}
        for index, slot in here.items():
            if isinstance(slot, Shape):
                shapes.setdefault(stream._tags[slot.box]["mcid"], []).append((index, steps(contents[index])))
        return list(_cut(stream.stream, ids, shapes))


@contextmanager
def _hidden(texts: Iterable[Any]) -> Iterator[None]:
    """Hide texts without changing the layout."""
    styles = {text: text.style for text in texts}
    for text in styles:
        text.style = text.style.copy()
        text.style["visibility"] = "hidden"
    yield
    for text, style in styles.items():
        text.style = style


def _place(line: Any) -> tuple[float, ...]:
    (text,) = line.children
    places = (line.position_x, line.position_y, line.height, text.position_x, text.position_y + text.baseline)
    return (len(text.text), *[round(place / TINY) for place in places])


def _cut(
    items: list[Any], ids: dict[int, tuple[int, int]], shapes: dict[int, list[tuple[int, list[bytes]]]]
) -> Iterator[bytes | Hole]:
    """Cut the operators of a page: at pieces of marked content that are lines of slots, and at paths in drawings."""
    kept: list[Any] = []
    index = 0
    waiting: list[tuple[int, list[bytes]]] = []
    while index < len(items):
        item = items[index]
        mark = id_of_marked_content(item)
        if mark in ids:
            kept.pop()  # its tag
            yield _operators(kept)
            yield Hole(*ids[mark], id=mark)
            kept, index = [], items.index(b"EMC", index) + 1
            continue
        if mark in shapes:
            waiting = shapes.pop(mark)
        if waiting and items[index : index + len(waiting[0][1])] == waiting[0][1]:
            slot, path = waiting.pop(0)
            yield _operators(kept)
            yield Hole(slot, 0, id=0)
            kept, index = [], index + len(path)
            continue
        kept.append(item)
        index += 1
    if waiting or shapes:
        raise Refused("a path in a slot is drawn otherwise than expected")
    yield _operators(kept)


def _operators(items: list[Any]) -> bytes:
    operators, _ = joined(items)
    return operators % tuple(item["MCID"] for item in items if isinstance(item, pydyf.Dictionary) and "MCID" in item)
