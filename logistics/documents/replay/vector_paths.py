"""Paths of drawings in slots, such as QR codes, as operators of a page."""

import re
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.weasyprint_private import to_bytes

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
STEP = re.compile(rf"([Mhvz])(?:({NUMBER})(?: ({NUMBER}))?)?")
STRAIGHT = re.compile(rf"(?:M{NUMBER} {NUMBER}|[hv]{NUMBER}|z)+")
# Strokes from left to right through the middles of modules, as a QR code has them.
MODULES = re.compile(r"(?:M[0-9]+ [0-9]+\.5h[0-9]+)+")
STROKE = re.compile(r"M([0-9]+) ([0-9]+)\.5h([0-9]+)")
# Strokes one unit wide, with butt caps, not dashed, in the fill colour: they cover rectangles.
AS_AREAS = re.compile(rb"/a([0-9.]+) gs\n([0-9. ]+) rg\n/A\1 gs\n\2 RG\n1 w\n\[\] 0 d\n0 J\n[012] j\n[0-9.]+ M\n?$")
PAINTED = re.compile(rb"(S|B)\n")


@lru_cache(maxsize=1024)
def _coordinate(value: float) -> bytes:
    written: bytes = to_bytes(value)
    return written


def check(shape: str) -> None:
    """Raise Refused unless a path consists of straight lines, written as our tags write them."""
    if not STRAIGHT.fullmatch(shape):
        raise Refused("a slot for a path that is not of straight lines")


def steps(shape: str) -> list[bytes]:
    """Return the operators of a path of straight lines, as WeasyPrint writes them. Raises Refused for other paths."""
    check(shape)
    x = y = first_x = first_y = 0.0
    operators = [b"0 0 m"]
    for letter, one, other in STEP.findall(shape):
        if letter == "h":
            x += float(one)
        elif letter == "v":
            y += float(one)
        elif letter == "M":
            x, y = first_x, first_y = float(one), float(other)
        else:
            x, y = first_x, first_y
            operators.append(b"h")
            continue
        operators.append(b"%s %s %s" % (_coordinate(x), _coordinate(y), b"m" if letter == "M" else b"l"))
    return operators


class Painting(NamedTuple):
    """How a path in a hole of a page is painted."""

    operator: bytes
    as_areas: bool  # whether rectangles may replace strokes

    @classmethod
    def of(cls, before: bytes, after: bytes) -> tuple["Painting", bytes]:
        """Read the painting from the operators around the hole; return it, and the operators after it without it."""
        painted = PAINTED.match(after)
        if not painted:
            return cls(b"", as_areas=False), after
        return cls(painted[1], as_areas=AS_AREAS.search(before) is not None), after[painted.end() :]

    def painted(self, shape: str) -> list[bytes]:
        """Return the operators of a path and its painting.

        Strokes through modules are written as rectangles: the same area in half as many bytes, and in even fewer if
        equal ones are next to each other. All are one path, or seams would show between them.
        """
        if self.as_areas and MODULES.fullmatch(shape):
            strokes = sorted(STROKE.findall(shape), key=itemgetter(2, 0))
            return [*(f"{x} {y} {length} 1 re".encode() for x, y, length in strokes), b"f"]
        return [*steps(shape), self.operator] if self.operator else steps(shape)
