"""The paths of drawings that stand in slots, such as QR codes, as operators of a page."""

import re
from collections.abc import Iterator
from functools import lru_cache

from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.weasyprint_private import to_bytes

NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
STEP = re.compile(rf"([Mhvz])(?:({NUMBER})(?: ({NUMBER}))?)?")
STRAIGHT = re.compile(rf"(?:M{NUMBER} {NUMBER}|[hv]{NUMBER}|z)+")
# Strokes from left to right, at whole numbers; the height of a row may have one decimal.
ROWS = re.compile(r"(?:M[0-9]+ [0-9]*\.?[0-9]h[0-9]+)+")
STROKE = re.compile(r"M([0-9]+) ([0-9.]+)h([0-9]+)")
# A path is stroked, and after that a state is restored: what is moved meanwhile moves nothing else.
STROKED = re.compile(rb"([SB])\nQ\b")


@lru_cache(maxsize=1024)
def _coordinate(value: float) -> bytes:
    written: bytes = to_bytes(value)
    return written


def check(shape: str) -> None:
    """Raise Refused for a path that is not one of straight lines, written as our tags write them."""
    if not STRAIGHT.fullmatch(shape):
        raise Refused("a slot for a path that is not of straight lines")


def steps(shape: str) -> list[bytes]:
    """The operators of a path of straight lines, as WeasyPrint writes them. Raises Refused for other paths."""
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


def rows_of_strokes(shape: str, after: bytes) -> list[bytes]:
    """The operators of a path, a third as long where it is rows of strokes; `after` is what stands after them.

    Each row then is a path of its own at a height of 0, in a space that is moved down from row to row: "3 0 m 5 0 l" is
    the same in each of them, which compresses better than "3 7.5 m 5 7.5 l".
    """
    painted = STROKED.match(after)
    if not painted or not ROWS.fullmatch(shape):
        return steps(shape)
    return list(_rows(shape, painted[1]))


def _rows(shape: str, paint: bytes) -> Iterator[bytes]:
    height, row = 0.0, ""
    for x, y, length in STROKE.findall(shape):
        if y != row:
            if row:
                yield paint
            yield b"1 0 0 1 0 %s cm" % _coordinate(float(y) - height)
            height, row = float(y), y
        yield b"%s 0 m %d 0 l" % (x.encode(), int(x) + int(length))
