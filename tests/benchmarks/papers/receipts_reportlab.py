"""The receipt by ReportLab: in its own style of flowing parts, and drawn by hand."""

import io
from functools import cache, partial
from typing import Any

import fontTools.ttLib
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from reportlab.graphics import renderPDF
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

from tests.benchmarks.papers import FONTS
from tests.benchmarks.papers.receipts import GENUINE, THANKS, Texts, contexts, texts

MM = 72 / 25.4
LEFT, RIGHT, INDENTED, SIDE = 22 * MM, 188 * MM, 31 * MM, 24 * MM
MARGINS = {"leftMargin": LEFT, "rightMargin": LEFT, "topMargin": 17 * MM, "bottomMargin": 14 * MM}
FLUSH = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
HEAD = [*FLUSH, ("LINEBELOW", (0, 0), (-1, -1), 1.6, "#0b3c5d")]
GIFT = [("BACKGROUND", (0, 0), (-1, -1), "#eaf0f4"), ("LINEBEFORE", (0, 0), (0, -1), 3, "#d98e04")]
DETAILS = [*FLUSH, ("LINEBELOW", (0, 0), (-1, -1), 0.5, "#d5dde2")]
FOOT = [*FLUSH, ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]


@cache
def _register_fonts() -> None:
    for name, file in [("Noto", "NotoSans-Regular"), ("NotoBold", "NotoSans-Bold")]:
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{file}.ttf"))
    pdfmetrics.registerFont(TTFont("NotoHK", _chinese()))


def _chinese() -> io.BytesIO:
    """Return the Chinese font with quadratic curves, the only ones that ReportLab reads, and only the charity's name.

    That spares ReportLab most of its work with this font.
    """
    font = fontTools.ttLib.TTFont(FONTS / "NotoSansCJKhk-Regular.otf", lazy=True)
    asked = Subsetter(Options(layout_features=[]))
    asked.populate(text=contexts(1)[0]["charity"]["name_local"])
    asked.subset(font)
    glyphs, order = font.getGlyphSet(), font.getGlyphOrder()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
        outlines[name] = pen.glyph()
    builder = FontBuilder(font=font)
    builder.isTTF, font.sfntVersion = True, "\0\1\0\0"
    del font["CFF "]
    builder.setupGlyf(outlines)
    builder.setupMaxp()
    builder.setupPost(keepGlyphNames=False)
    file = io.BytesIO()
    font.save(file)
    file.seek(0)
    return file


def _style(size: float, color: str, font: str = "Noto", **more: Any) -> Any:
    return ParagraphStyle("", fontName=font, fontSize=size, leading=size * 1.4, textColor=color, **more)


@cache
def _styles() -> dict[str, Any]:
    return {
        "charity": _style(15, "#0b3c5d", "NotoBold"),
        "local": _style(12, "#0b3c5d", "NotoHK"),
        "address": _style(8.2, "#44525f", alignment=2),
        "h1": _style(23, "#14202b", spaceBefore=11 * MM),
        "number": _style(11, "#5a6874", spaceBefore=MM),
        "small": _style(8.6, "#5a6874"),
        "donor": _style(14, "#14202b", "NotoBold"),
        "text": _style(10, "#44525f"),
        "amount": _style(30, "#0b3c5d", "NotoBold", spaceBefore=4 * MM),
        "bold": _style(10, "#14202b", "NotoBold"),
        "law": _style(8.8, "#2b3a47", spaceAfter=1.6 * MM),
        "check": _style(7.6, "#5a6874", alignment=2, rightIndent=4 * MM),
    }


def _lines(style: str, *parts: str) -> list[Any]:
    return [Paragraph(part, _styles()[style]) for part in parts]


def _code(url: str) -> Drawing:
    code = Drawing(SIDE, SIDE)
    code.add(QrCodeWidget(url, barWidth=SIDE, barHeight=SIDE, barLevel="M", barBorder=0))
    return code


def platypus(context: dict[str, Any]) -> bytes:
    """Paragraphs and tables, as its users' guide has it."""
    _register_fonts()
    told, out = texts(context), io.BytesIO()
    head = [[_lines("charity", told.charity) + _lines("local", told.charity_local), _lines("address", *told.address)]]
    gift = _lines("small", THANKS) + _lines("donor", told.donor) + _lines("text", *told.donor_address)
    details = [[*_lines("small", label), *_lines("bold", value)] for label, value in told.details]
    foot = [[_lines("small", *told.signed), _lines("check", GENUINE, told.fingerprint), _code(told.verify_url)]]
    parts = [
        Table(head, [102 * MM, 64 * MM], style=HEAD),
        *_lines("h1", "Donation receipt"),
        *_lines("number", told.number),
        Spacer(1, 7 * MM),
        Table([[gift + _lines("amount", told.amount)]], [166 * MM], style=GIFT),
        Spacer(1, 7 * MM),
        Table(details, [48 * MM, 118 * MM], style=DETAILS),
        Spacer(1, 7 * MM),
        *_lines("law", *told.law),
        Spacer(1, 7 * MM),
        Table(foot, [96 * MM, 46 * MM, 24 * MM], style=FOOT),
    ]
    SimpleDocTemplate(out, pagesize=A4, title=f"Donation receipt {told.number}", **MARGINS).build(parts)
    return out.getvalue()


def by_hand(context: dict[str, Any]) -> bytes:
    """At fixed places; only the law and the words beside the code are broken into lines."""
    _register_fonts()
    told, out = texts(context), io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    canvas.setTitle(f"Donation receipt {told.number}")
    _draw_head(canvas, told)
    _draw_gift(canvas, told)
    _draw_details(canvas, told)
    _draw_foot(canvas, told)
    canvas.save()
    return out.getvalue()


def _write(canvas: Canvas, x: float, y: float, text: str, **style: Any) -> None:
    canvas.setFont(style.get("font", "Noto"), style["size"])
    canvas.setFillColor(style["color"])
    draw = canvas.drawRightString if style.get("right") else canvas.drawString
    draw(x, y * MM, text)


def _draw_head(canvas: Canvas, told: Texts) -> None:
    _write(canvas, LEFT, 274, told.charity, size=15, color="#0b3c5d", font="NotoBold")
    _write(canvas, LEFT, 267, told.charity_local, size=12, color="#0b3c5d", font="NotoHK")
    for n, line in enumerate(told.address):
        _write(canvas, RIGHT, 276 - 4.2 * n, line, size=8.2, color="#44525f", right=True)
    canvas.setStrokeColor("#0b3c5d")
    canvas.setLineWidth(1.6)
    canvas.line(LEFT, 246 * MM, RIGHT, 246 * MM)
    _write(canvas, LEFT, 228, "Donation receipt", size=23, color="#14202b")
    _write(canvas, LEFT, 221, told.number, size=11, color="#5a6874")


def _draw_gift(canvas: Canvas, told: Texts) -> None:
    for color, width in (("#eaf0f4", RIGHT - LEFT), ("#d98e04", 3)):
        canvas.setFillColor(color)
        canvas.rect(LEFT, 162 * MM, width, 52 * MM, stroke=0, fill=1)
    write = partial(_write, canvas, INDENTED)
    write(205, THANKS, size=8.6, color="#5a6874")
    write(198, told.donor, size=14, color="#14202b", font="NotoBold")
    for n, line in enumerate(told.donor_address):
        write(192 - 5 * n, line, size=10, color="#44525f")
    write(170, told.amount, size=30, color="#0b3c5d", font="NotoBold")


def _draw_details(canvas: Canvas, told: Texts) -> None:
    canvas.setStrokeColor("#d5dde2")
    canvas.setLineWidth(0.5)
    for n, (label, value) in enumerate(told.details):
        y = 148 - 8 * n
        _write(canvas, LEFT, y, label, size=8.8, color="#5a6874")
        _write(canvas, 70 * MM, y, value, size=10, color="#14202b", font="NotoBold")
        canvas.line(LEFT, (y - 2) * MM, RIGHT, (y - 2) * MM)


def _draw_foot(canvas: Canvas, told: Texts) -> None:
    y = 104.0
    for paragraph in told.law:
        for line in simpleSplit(paragraph, "Noto", 8.8, RIGHT - LEFT):
            _write(canvas, LEFT, y, line, size=8.8, color="#2b3a47")
            y -= 4.7
        y -= 1.6
    for n, line in enumerate(told.signed):
        _write(canvas, LEFT, 60 - 5 * n, line, size=8.6, color="#5a6874")
    for n, line in enumerate([*simpleSplit(GENUINE, "Noto", 7.6, 42 * MM), told.fingerprint]):
        _write(canvas, 160 * MM, 55 - 4 * n, line, size=7.6, color="#5a6874", right=True)
    renderPDF.draw(_code(told.verify_url), canvas, RIGHT - SIDE, 44 * MM)
