"""The same packing list by each engine.

Others print the table only: the same texts in both languages, in the same font, embedded and subset, with repeated
heads and page numbers. They leave out the first page, the totals, bold and coloured texts, packages that stay together,
PDF/A and the embedded manifest; ReportLab leaves out tags as well, and its cells do not break lines of their own.
Plain WeasyPrint and Chromium (chromium.py) print our own template, whole.

Each engine is imported when it prints, so that no process holds another one's.
"""

import io
import json
from typing import Any, cast

from tests.benchmarks.papers import FONTS, lists

MM = 72 / 25.4
WIDTHS = [8, 32, 14, 23, 15, 8, 19, 61, 12, 11, 17, 10, 12, 15, 17]  # mm
RIGHT = {0, 4, 11, 13, 14}
HEADS = [
    "No.",
    "Marks",
    "Kind",
    "Size",
    "Gross",
    "Site",
    "Item",
    "Description",
    "HS",
    "Origin",
    "Condition",
    "Qty",
    "Unit",
    "Net",
    "Value",
]
SIZE, LEADING = 7, 9
TEMPLATE = "shipments/papers/packing_list.html"


def ours(context: dict[str, Any]) -> bytes:
    from logistics.documents import rendering

    return rendering.to_pdf(TEMPLATE, context, languages=lists.LANGUAGES).pdf


def weasyprint(context: dict[str, Any]) -> bytes:
    from tests.benchmarks.papers import plain

    return plain.as_everyone(TEMPLATE, context, lists.LANGUAGES)


def weasyprint_shared(context: dict[str, Any]) -> bytes:
    from tests.benchmarks.papers import plain

    return plain.shared(TEMPLATE, context, lists.LANGUAGES)


def _reportlab_fonts() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("Noto", FONTS / "NotoSans-Regular.ttf"))


def reportlab_platypus(context: dict[str, Any]) -> bytes:
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import LongTable, SimpleDocTemplate, TableStyle

    _reportlab_fonts()
    out = io.BytesIO()
    table = LongTable([HEADS, *lists.table(context)], colWidths=[width * MM for width in WIDTHS], repeatRows=1)
    right = [("ALIGN", (column, 0), (column, -1), "RIGHT") for column in RIGHT]
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), "Noto", SIZE, LEADING),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEABOVE", (0, 0), (-1, -1), 0.3, "#d5dde2"),
                *[(f"{side}PADDING", (0, 0), (-1, -1), 1.5) for side in ("TOP", "BOTTOM", "LEFT", "RIGHT")],
                *right,
            ]
        )
    )

    def number(canvas: Any, document: Any) -> None:
        canvas.setFont("Noto", SIZE)
        canvas.drawRightString(285 * MM, 200 * MM, str(document.page))

    document = SimpleDocTemplate(out, pagesize=landscape(A4), leftMargin=11 * MM, rightMargin=11 * MM)
    document.build([table], onFirstPage=number, onLaterPages=number)
    return out.getvalue()


def reportlab_canvas(context: dict[str, Any]) -> bytes:
    """Drawn by hand, text by text: as far as ReportLab goes."""
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.pdfgen.canvas import Canvas

    _reportlab_fonts()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=landscape(A4))
    lefts = [11 + sum(WIDTHS[:column]) for column in range(len(WIDTHS))]

    def row(cells: list[str], y: float) -> None:
        for column, cell in enumerate(cells):
            for n, text in enumerate(cell.split("\n")):
                x, below = lefts[column] * MM, y - LEADING * (n + 1)
                if column in RIGHT:
                    x += WIDTHS[column] * MM - 3 - stringWidth(text, "Noto", SIZE)
                canvas.drawString(x + 1.5, below, text)
        canvas.line(11 * MM, y, 285 * MM, y)

    y = 0.0
    for cells in lists.table(context):
        height = LEADING * max(cell.count("\n") + 1 for cell in cells) + 3
        if y - height < 15 * MM:
            if canvas.getPageNumber() > 1 or y:
                canvas.showPage()
            canvas.setFont("Noto", SIZE)
            canvas.setLineWidth(0.3)
            canvas.drawRightString(285 * MM, 200 * MM, str(canvas.getPageNumber()))
            row(HEADS, 196 * MM)
            y = 190 * MM
        row(cells, y)
        y -= height
    canvas.save()
    return out.getvalue()


def typst(context: dict[str, Any]) -> bytes:
    import typst as compiler

    columns = ", ".join(f"{width}mm" for width in WIDTHS)
    align = ", ".join("right" if column in RIGHT else "left" for column in range(len(WIDTHS)))
    source = f"""
#set page(paper: "a4", flipped: true, margin: 11mm, numbering: "1 / 1")
#set text(font: "Noto Sans", size: {SIZE}pt)
#let rows = json(bytes(sys.inputs.rows))
#let rule = (x: none, bottom: none, top: 0.3pt + rgb("d5dde2"))
#table(columns: ({columns}), align: ({align}), inset: 1.5pt, stroke: rule,
  table.header(..json(bytes(sys.inputs.heads))), ..rows.flatten())
"""
    inputs = {"rows": json.dumps(lists.table(context)), "heads": json.dumps(HEADS)}
    fonts = compiler.Fonts(False, False, [FONTS])
    pdf = compiler.Compiler(font_paths=fonts).compile(source.encode(), sys_inputs=inputs)
    return cast(bytes, pdf)


ENGINES = {f.__name__: f for f in (ours, weasyprint, weasyprint_shared, reportlab_platypus, reportlab_canvas, typst)}
