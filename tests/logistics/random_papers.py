"""Generate papers with a list of random columns, styles and surroundings: templates, stylesheets and contexts."""

from dataclasses import dataclass
from html import escape
from random import Random
from typing import Any

from tests.logistics.random_texts import Texts

# Kinds of cell: template fragment (V is the value), and the method of Texts that makes the value.
FORMS = {
    "text": ("{{ V }}", "text"),
    "number": ("{% number V %}", "number"),
    "code": ("{{ V }}", "code"),
    "pair": ("{% stack V %}", "pair"),
    "noted": ("{{ V.en }}{% if V.fr %}<small>{{ V.fr }}</small>{% endif %}", "pair"),
    "flagged": ('{{ V.text }}{% for flag in V.flags %} <i class="flag">{{ flag }}</i>{% endfor %}', "flagged"),
    "strong": ("<b>{{ V }}</b>", "text"),
    "inline": ('{{ V.en }} <b>{{ V.fr }}</b><i class="or"> / </i>', "pair"),
    "spoken": ("{% pair V %}", "pair"),
    "broken": ("{{ V.en }}<br>{{ V.fr }}", "pair"),
    "blocks": ("<p>{{ V.en }}</p><p>{{ V.fr }}</p>", "pair"),
    "styled": ('<span class="styled">{{ V }}</span>', "text"),
}
COMMON = ["text", "text", "number", "code", "pair", "noted", "flagged"]
RARE = {
    "text-transform: uppercase": 1,
    "letter-spacing: 0.3pt": 1,
    "font-style: italic": 1,
    "text-decoration: underline": 1,
    "font-variant-caps: small-caps": 1,
    "text-align: justify": 1,
    "hyphens: auto": 1,
    "white-space: nowrap": 1,
    "overflow-wrap: anywhere": 2,
    "text-indent: 2mm": 1,
    "line-height: normal": 2,
    "word-spacing: 1pt": 1,
    "white-space: pre-wrap": 1,
    "direction: rtl": 1,
    "font-family: 'Noto Sans Arabic', 'Noto Sans'": 1,
    "border-radius: 2pt": 1,
    "opacity: 0.5": 0,
}
COLORS = ["#14202b", "#0b3c5d", "#a3341f", "rgba(20, 32, 43, 0.6)", "#000", "rgb(10% 40% 30%)"]
LINES = ["solid", "solid", "dashed", "dotted", "double"]
PALE = ["#eaf0f4", "#fff6e0", "rgba(11, 60, 93, 0.08)", "#d5dde2"]


@dataclass(frozen=True)
class RandomPaper:
    """The body of a template, its stylesheet and a context; `rows` of its list are marked."""

    body: str
    style: str
    context: dict[str, Any]


class Papers:
    """Generate papers from one random source."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.columns = random.randint(2, 9)
        self.texts = Texts(random, words_most=25 if self.columns < 5 else 6)
        self.rules: list[str] = []
        self.forms: dict[str, list[str]] = {}  # for each kind of row, what makes the values of its cells

    def paper(self, rows: int) -> RandomPaper:
        """Return a paper with this many rows in its list."""
        self._page()
        before, after, in_table = self._before(), self._after(), self._end_of_table()
        table = self._table(in_table)
        groups = self._groups(rows)
        return RandomPaper(f"{before}{table}{after}", "\n".join(self.rules), {"groups": groups})

    def maybe(self, share: float, text: str) -> str:
        return text if self.random.random() < share else ""

    def length(self, least: float, most: float, unit: str = "mm") -> str:
        value = self.random.uniform(least, most)
        return f"{value:.{self.random.choice([0, 1, 2, 3])}f}{unit}"

    def _text(self) -> str:
        return escape(self.texts.text())

    def rule(self, selector: str, *declarations: str) -> None:
        self.rules.append(f"{selector} {{ {'; '.join(filter(None, declarations))} }}")

    # The page and its running content

    def _page(self) -> None:
        choose, maybe = self.random.choice, self.maybe
        margins = " ".join(self.length(9, 24) for _ in range(4))
        side = choose(["left", "right", "right", "center"])
        first, between = choose(["", '"No. "']), choose(['" / "', '" of "'])
        middle, bold = maybe(0.5, "vertical-align: middle;"), maybe(0.3, "font-weight: bold;")
        boxes = [
            f"@top-{side} {{ content: {first} counter(page) {between} counter(pages); {middle} {bold} }}",
            maybe(0.5, "@bottom-left { content: string(motto); vertical-align: top; padding-top: 2mm; }"),
            maybe(0.3, "@bottom-right { content: 'مواد غذائية 陳大文 Ɲɛta'; border-top: 1pt solid #a3341f; }"),
            maybe(0.3, "@bottom-center { content: url(asset:mark.svg); vertical-align: top }"),
            maybe(0.3, "@left-middle { content: url(asset:mark.png); width: 6mm }"),
        ]
        if side != "left":
            boxes.append(maybe(0.4, "@top-left { content: element(running) }"))
        size = choose(["A4", "A4", "A5" if self.columns < 5 else "A3", "Letter"])
        size += maybe(0.5, " landscape") if self.columns < 6 else " landscape"
        self.rule("@page", f"size: {size}; margin: {margins}; font-size: {self.length(5, 9, 'pt')}", *boxes)
        self.rules.append(maybe(0.5, "@page :first { @bottom-left { content: none } }"))
        self.rules.append(maybe(0.2, f"@page :first {{ margin-top: {self.length(5, 40)} }}"))
        self.rule(".motto", "position: absolute; visibility: hidden; string-set: motto content()")
        self.rule(".running", "position: running(running)", "white-space: nowrap")
        self.rule("html", f"font-size: {self.length(6, 10, 'pt')}", f"line-height: {self.length(1.1, 1.7, '')}")
        self.rule(".qr", f"width: {self.length(8, 30)}; height: 20mm")
        self.rule(".flag", "border: 0.6pt solid #14202b; border-radius: 1.2pt; padding: 0 1.4pt; font-size: 80%")
        self.rule("small", f"font-size: {self.length(5, 8, 'pt')}; color: #44525f", maybe(0.8, "display: block"))
        self.rule(".under", f"color: {choose(COLORS)}", maybe(0.8, "display: block"))
        self.rule(".styled", *self._rare(0.8))

    def _before(self) -> str:
        picture = self.random.choice(["png", "svg"])
        parts = [
            '<p class="motto">Humanitarian aid, Ɲɛta 陳</p>',
            f'<div class="running">{self._text()} {self.maybe(0.5, self._qr())}</div>',
            self.maybe(0.7, "<h1>Packing list</h1>"),
            self.maybe(0.3, f'<img src="asset:mark.{picture}" alt="A mark">'),
            self.maybe(0.4, self._qr()),
            self.maybe(0.6, f'<div style="height: {self.length(0, 150)}">{self._text()}</div>'),
            self.maybe(0.5, f"<p>{self._text()}</p>" * self.random.randint(1, 40)),
        ]
        return "".join(parts)

    def _qr(self) -> str:
        return '{% qr "https://relief.example.org/verify/q1w2e3r4" "QR: verify this paper" %}'

    def _after(self) -> str:
        cells = "".join(f"<td>{self._text()}</td>" for _ in range(3))
        high = f"break-inside: avoid; height: {self.length(5, 80)}"
        place = self.random.choice(["avoid", "page"])
        return self.random.choice(
            [
                "",
                f"<p>{self._text()}</p>",
                f"<p>{self._text()}</p>" * self.random.randint(5, 60),
                f'<section style="{high}">Signed {self._text()}</section>',
                f"<table><thead><tr><th>A</th><th>B</th><th>C</th></tr></thead>"
                f"<tbody>{f'<tr>{cells}</tr>' * self.random.randint(1, 12)}</tbody></table>",
                f'<section style="break-before: {place}">{self._text()}</section>',
            ]
        )

    # The list

    def _table(self, in_table: str) -> str:
        choose, maybe = self.random.choice, self.maybe
        self.rule(".goods", "table-layout: fixed", maybe(0.3, "break-before: page"))
        self.rule(".goods", maybe(0.3, f"width: {self.length(80, 130)}"))
        self.rule(".goods", maybe(0.3, f"margin-top: {self.length(0, 9)}"))
        self.rule(".goods", maybe(0.2, f"margin-left: {self.length(0, 9)}"))
        self.rule(".goods tr", "break-inside: avoid")
        self.rule(".goods tbody.whole", "break-inside: avoid")
        self.rule(".goods .head", maybe(0.7, "break-after: avoid"))
        self.rule(".goods .subtotal", maybe(0.5, "break-before: avoid"))
        self.rule(".goods th", self._cell_style(), maybe(0.5, "vertical-align: bottom"))
        self.rule(".goods td", self._cell_style())
        for kind in ("head", "line", "subtotal"):
            self.rule(f".goods .{kind}", maybe(0.3, f"background: {choose(PALE)}"))
            self.rule(f".goods .{kind} td", *self._kind_style())
        for column in range(self.columns):
            self.rule(f".goods .k{column}", self._cell_style(), *self._rare(0.25))
        rows = "".join(f'{{% if row.kind == "{kind}" %}}{self._row(kind)}{{% endif %}}' for kind in self._kinds())
        return (
            f'<table class="goods">{self._cols()}<thead>{self._heads()}</thead>'
            '{% for group in groups %}<tbody class="{{ group.how }}">{% for row in group.rows %}'
            f"{rows}{{% endfor %}}</tbody>{{% endfor %}}{in_table}</table>"
        )

    def _kinds(self) -> list[str]:
        return ["head", "line", "subtotal"]

    def _cols(self) -> str:
        if self.random.random() < 0.2:
            return ""
        columns = [f'<col style="width: {self._width()}">' for _ in range(self.columns)]
        return f"<colgroup>{''.join(columns)}</colgroup>"

    def _width(self) -> str:
        length = self.random.choice([self.length(9, 45), self.length(8, 30, "%"), self.length(25, 90, "pt")])
        return self.random.choice(["auto", length])

    def _heads(self) -> str:
        cells = "".join(f'<th class="k{n}">{{% stack_words "{self._word()}" %}}</th>' for n in range(self.columns))
        if self.random.random() < 0.6:
            return f"<tr>{cells}</tr>"
        span = self.random.randint(1, self.columns)
        first = f'<th colspan="{span}">Goods {self._text()}</th>' + "<th></th>" * (self.columns - span)
        return f"<tr>{first}</tr><tr>{cells}</tr>"

    def _word(self) -> str:
        return self.random.choice(["No.", "Marks", "Kind", "Item", "Description", "Qty", "Unit", "Remark"])

    def _row(self, kind: str) -> str:
        cells: list[str] = []
        column = 0
        while column < self.columns:
            span = 1
            if kind == "subtotal" or self.random.random() < 0.1:
                span = self.random.randint(1, self.columns - column)
            form = self.random.choice(COMMON if self.random.random() < 0.7 else list(FORMS))
            template, make = FORMS[form]
            value = f"row.cells.{len(cells)}"
            self.forms.setdefault(kind, []).append(make)
            spans = f' colspan="{span}"' if span > 1 else ""
            cells.append(f'<td class="k{column}"{spans}>{template.replace("V", value)}</td>')
            column += span
        return f'<tr class="{kind}" data-row="{kind}">{"".join(cells)}</tr>'

    def _end_of_table(self) -> str:
        if self.random.random() < 0.5:
            return ""
        avoid = self.maybe(0.5, ' style="break-before: avoid"')
        return f'<tbody{avoid}><tr><td colspan="{self.columns}"><b>Total</b> {self._text()}</td></tr></tbody>'

    def _groups(self, rows: int) -> list[dict[str, Any]]:
        groups = []
        size = self.random.choice([1, 3, 8, 30, 1000])
        while rows > 0:
            count = min(rows, self.random.randint(1, size))
            rows -= count
            kinds = ["line"] * count
            # A lone head is kept with the next group, which replay leaves to plain WeasyPrint.
            if count > 1 and self.random.random() < 0.6:
                kinds[0] = "head"
            if count > 1 and self.random.random() < 0.4:
                kinds[-1] = "subtotal"
            whole = count < 7 and self.random.random() < 0.7
            groups.append({"how": "whole" if whole else "long", "rows": [self._values(kind) for kind in kinds]})
        return groups

    def _values(self, kind: str) -> dict[str, Any]:
        return {"kind": kind, "cells": [getattr(self.texts, make)() for make in self.forms[kind]]}

    # Styles

    def _cell_style(self) -> str:
        choose, maybe = self.random.choice, self.maybe
        padding = f"{self.length(0, 1.5)} {self.length(0, 2)} {self.length(0, 1.5)} {self.length(0, 2)}"
        declarations = [
            f"padding: {padding}",
            maybe(0.4, f"font-size: {self.length(5, 9, 'pt')}"),
            maybe(0.3, f"font-weight: {choose(['bold', '700', 'normal', '500'])}"),
            maybe(0.5, f"text-align: {choose(['left', 'right', 'center', 'end'])}"),
            maybe(0.5, f"vertical-align: {choose(['top', 'middle', 'bottom'])}"),
            maybe(0.3, f"line-height: {choose([self.length(1, 2, ''), self.length(8, 16, 'pt')])}"),
            maybe(0.2, f"border-left: {self.length(0.2, 2, 'pt')} {choose(LINES)} {choose(COLORS)}"),
            maybe(0.3, f"border-bottom: {self.length(0.2, 2, 'pt')} solid {choose(COLORS)}"),
            maybe(0.15, f"background: {choose(PALE)}"),
            maybe(0.2, f"color: {choose(COLORS)}"),
        ]
        return "; ".join(filter(None, declarations))

    def _kind_style(self) -> list[str]:
        choose, maybe = self.random.choice, self.maybe
        return [
            maybe(0.4, f"border-top: {self.length(0.2, 2, 'pt')} solid {choose(COLORS)}"),
            maybe(0.3, "font-weight: bold"),
            maybe(0.2, f"background: {choose(PALE)}"),
            maybe(0.2, f"font-size: {self.length(5, 10, 'pt')}"),
        ]

    def _rare(self, share: float) -> list[str]:
        if self.random.random() > share:
            return []
        return self.random.choices(list(RARE), weights=list(RARE.values()))
