"""Bar codes as vector drawings: QR (ISO/IEC 18004) and GS1-128 (ISO/IEC 15417, GS1 General Specifications 5.4)."""

import re
from typing import Any

import zxingcpp

DARK = re.compile(b"\\0+")  # runs of dark modules of a QR code
# Widths of bar, space, bar, space, bar, space in modules, for symbol values 0 to 105; 106 is the stop.
# fmt: off
_WIDTHS = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213", "221312",
    "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132", "221231", "213212",
    "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211", "212123", "212321", "232121",
    "111323", "131123", "131321", "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331",
    "132131", "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131", "311123",
    "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422", "121124",
    "121421", "141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114",
    "413111", "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112",
    "421211", "212141", "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232", "2331112",
]
# fmt: on
_START_C, _FNC1, _STOP = 105, 102, 106


def gs1_128(digits: str) -> list[int]:
    """Return the widths, in modules, of alternating bars and spaces that encode FNC1 and these digits.

    For an SSCC: "00" (its application identifier) and the 18 digits. Raises ValueError unless `digits` is an even
    number of ASCII digits.
    """
    if len(digits) % 2 or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"GS1-128 in code set C takes pairs of digits, not {digits!r}.")
    values = [_FNC1, *(int(digits[i : i + 2]) for i in range(0, len(digits), 2))]
    check = (_START_C + sum(place * value for place, value in enumerate(values, start=1))) % 103
    return [int(width) for value in (_START_C, *values, check, _STOP) for width in _WIDTHS[value]]


def svg_path(widths: list[int]) -> tuple[int, str]:
    """Return the whole width in modules, and one SVG path of all bars in a box one unit high."""
    path, x = [], 0
    for index, width in enumerate(widths):
        if index % 2 == 0:
            path.append(f"M{x} 0h{width}v1h-{width}z")
        x += width
    return x, "".join(path)


def qr_path(text: str) -> tuple[int, str]:
    """Return the number of modules per side of a QR code, and one SVG path to be stroked one unit wide.

    15 % of the code may be lost (level M). There is no quiet zone: the template must leave four modules free.
    """
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    drawing: Any = code.to_image(scale=1, add_quiet_zones=False)  # the stubs do not know that it is a buffer
    modules = memoryview(drawing)
    side, drawn = len(modules), bytes(modules)
    rows = (drawn[start : start + side] for start in range(0, side * side, side))
    return side, "".join(
        [
            f"M{dark.start()} {y}.5h{dark.end() - dark.start()}"
            for y, row in enumerate(rows)
            for dark in DARK.finditer(row)
        ]
    )
