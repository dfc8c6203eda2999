"""Places in a cell for text, and the shapers that write there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from logistics.documents.replay.shaping import Shaper
from logistics.documents.replay.weasyprint_private import Stream, boxes

TINY = 1e-6  # px; smaller differences are ignored
# Styles with which a text has the letters, positions and lines that shaping.py computes.
ORDINARY = {
    "letter_spacing": "normal",
    "word_spacing": 0,
    "white_space": "normal",
    "text_decoration_line": "none",
    "text_transform": "none",
    "direction": "ltr",
    "visibility": "visible",
    "word_break": "normal",
    "position": "static",
    "opacity": 1,
    "overflow": "visible",
    "max_lines": "none",
}
LEFT, RIGHT, CENTER = ("left", "start"), ("right", "end"), ("center",)


@dataclass(slots=True)
class Paragraph:
    """A place for a text that shares its lines with no other. Sizes in px."""

    shaper: Shaper
    style: Any
    x: float
    width: float
    line_height: float
    baseline: float  # below the top of its line
    align: Sequence[str]
    begin: bytes = b""  # the operators before its lines, once they are known


class Shapers:
    """One shaper for each computed style of text in a document."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.by_style: dict[str, Shaper] = {}

    def of(self, style: Any) -> Shaper:
        names = ("font_size", "font_family", "font_weight", "font_style", "font_stretch", "lang", "direction")
        variants = sorted(name for name in style if name.startswith(("font_variant", "font_feature", "font_kerning")))
        key = repr([style[name] for name in (*names, "overflow_wrap", *variants)])
        if key not in self.by_style:
            self.by_style[key] = Shaper(style, self.stream)
        return self.by_style[key]


def parts(cell: Any, count: int, shapers: Shapers) -> list[Paragraph | None] | None:
    """Return the places of the parts of a cell that was laid out with an x for each text, from its top down.

    None if its parts share lines or have margins; None for a part that only WeasyPrint can lay out.
    """
    found: list[Paragraph | None] = []
    y = cell.content_box_y()
    blocks = [cell] if cell.children and isinstance(cell.children[0], boxes.LineBox) else cell.children
    if len(blocks) != count:
        return None
    for block in blocks:
        if block is cell:
            top, height = y, cell.content_height
        else:
            top, height = block.position_y, block.margin_height()
            if type(block) is not boxes.BlockBox or block.is_floated() or any(_margins(block)):
                return None
        if abs(top - y) > TINY:
            return None
        found.append(_paragraph(block, shapers, height))
        y += height
    return found if abs(y - cell.content_box_y() - cell.content_height) < TINY else None


def _paragraph(block: Any, shapers: Shapers, height: float) -> Paragraph | None:
    if len(block.children) != 1 or not isinstance(block.children[0], boxes.LineBox):
        return None
    (line,) = block.children
    if len(line.children) != 1 or not isinstance(line.children[0], boxes.TextBox) or line.background:
        return None
    (text,) = line.children
    is_plain = isinstance(block, boxes.TableCellBox) or (not block.background and abs(height - line.height) < TINY)
    if text.text != "x" or not is_plain or not _ordinary(text.style) or not _ordinary(block.style):
        return None
    align = next((a for a in (LEFT, RIGHT, CENTER) if block.style["text_align_all"] in a), None)
    if align is None or block.style["text_align_last"] not in ("auto", block.style["text_align_all"]):
        return None
    # Rounded, because its last bits depend on the position of the sample, and samples are cached.
    baseline = round(text.position_y + text.baseline - line.position_y, 6)
    shaper = shapers.of(text.style)
    return Paragraph(shaper, text.style, block.content_box_x(), block.width, line.height, baseline, align)


def _ordinary(style: Any) -> bool:
    return (
        all(style[name] == value for name, value in ORDINARY.items())
        and not style["transform"]
        and style["hyphens"] in ("manual", "none")
        and not style["text_indent"].value
        and style["font_size"] > 0
    )


def _margins(box: Any) -> Iterator[float]:
    for side in ("top", "right", "bottom", "left"):
        yield getattr(box, f"margin_{side}")
