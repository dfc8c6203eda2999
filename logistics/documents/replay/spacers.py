"""Placeholder rows that reserve space for others while WeasyPrint lays out what is around them."""

SPACER = "data-replay-spacer"
BARE = (
    "padding:0;border:0;margin:0;height:auto;font-size:1px;line-height:1px;background:none;text-align:left;"
    "border-radius:0;box-shadow:none;outline:0"
)
# Unlikely colours for the background and border of a spacer, whose operators the rows replace.
UNDER, EDGE = "rgb(12.3457% 65.4321% 31.4159%)", "rgb(12.3457% 65.4321% 27.1828%)"
LAYER_OF_COLOR = {b"0.123457 0.654321 0.314159 rg": 0, b"0.123457 0.654321 0.271828 rg": 1}
CONTENTS = 2
# A row of no height; between two such rows a page may always break.
EMPTY = "data-replay-empty"
EMPTY_ROW = f'<tr {EMPTY} style="break-before:auto;break-after:auto;background:none"></tr>'


def spacer_html(height: float, columns: int, *, new_page: bool) -> str:
    """Return a group as high as the rows that will replace it."""
    before = "page" if new_page else "auto"
    layered = f"{BARE};background:{UNDER};border-left:1px solid {EDGE};visibility:visible;empty-cells:show"
    cells = f'<td style="{layered}" colspan="{columns}">x</td>'
    return (
        f'<tbody style="break-inside:avoid;break-before:{before};break-after:auto;background:none">'
        f'<tr {SPACER} style="break-inside:avoid;height:{height!r}px;background:none">{cells}</tr></tbody>'
    )
