"""The sheet of an uploaded workbook. The file is not trusted, so another process reads it: see reader.py."""

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from logistics.confined import once

READER = "shipments.imports.reader"
SHEET = "lines"
# 10,000 lines take 0.4 s of CPU and 150 MB of address space; see tests/benchmarks.
LIMITS = once.Limits(memory_mb=400, cpu_seconds=20, wall_seconds=60, answer_max_bytes=64_000_000)
_one_at_a_time = threading.Lock()

# What the codes of the reader mean.
REASONS = {
    "not_a_spreadsheet": _("This is not an .xlsx file. Save it as Excel workbook (.xlsx) and send it again."),
    "unreadable": _("The file is damaged or not a spreadsheet. Open it, save it again and resend it."),
    "password": _("The file has a password. Save it without one."),
    "too_large_unpacked": _("Unpacked, the file is far larger than a manifest can be."),
    "too_many_rows": _("There are cells far outside the table: below row 29,999 or right of column AZ. Delete them."),
    "unknown_sheet": _('The workbook must have one sheet named "lines" and no other with data.'),
    "no_rows": _("There are no lines below the column names."),
    "empty_sheet": _("The sheet is empty."),
}
TOO_MANY_LINES = _("There are %(rows)d lines; the maximum is %(most)d.")
EMPTY_CELLS = {
    "formula_error": _("The formula here has an error. Enter the value instead."),
    "formula_without_value": _(
        "This formula has no value. Open the file, save it, and send it again, or write the value."
    ),
    "unreadable_cell": _("This cell cannot be read. Type its value again."),
    "merged_cells": _("Cells %(range)s are merged. Split them, and enter the value in each row that it is for."),
}


class Unreadable(Exception):
    """The file cannot be read as a manifest; `code` says why."""

    def __init__(self, code: str, detail: str, *, sheet: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.sheet = code, detail, sheet


@dataclass(frozen=True)
class Moment:
    """A cell with a date or time, which no column takes."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Sheet:
    """A sheet: the first row is `header`; `rows` are the numbers of the others, `columns` the cells of these."""

    name: str
    header: Sequence[object]
    rows: Sequence[int]
    columns: Sequence[Sequence[object]]


@dataclass(frozen=True)
class NoValue:
    """A cell that a reader returns as empty although it is not; `code` says why."""

    row: int
    column: int  # from 0
    code: str
    covered: str  # the range of merged cells

    @property
    def is_merged_down(self) -> bool:
        """Whether a value is merged with cells below it only."""
        first, _colon, last = re.sub("[0-9]", "", self.covered).partition(":")
        return bool(self.covered) and first == last

    def reason(self) -> tuple[str, str]:
        detail = str(EMPTY_CELLS[self.code])
        return self.code, detail % {"range": self.covered} if self.covered else detail


def read(content: bytes) -> tuple[Sheet, list[NoValue]]:
    """Return the sheet of lines, and its cells that only look empty. Raises Unreadable, ChildDied."""
    try:
        with _one_at_a_time:
            answer: dict[str, Any] = once.ask(READER, {}, content, LIMITS)
    except once.OverLimit:
        raise _unreadable("too_large_unpacked") from None
    if "refused" in answer:
        raise _unreadable(answer["refused"], answer["sheet"], answer["values"])
    sheet = Sheet(
        answer["name"], _cells(answer["header"]), answer["rows"], [_cells(column) for column in answer["columns"]]
    )
    return sheet, [NoValue(*empty) for empty in answer["empty"]]


def _cells(cells: list[object]) -> list[object]:
    return (
        [Moment(cell[0]) if isinstance(cell, list) else cell for cell in cells] if list in map(type, cells) else cells
    )


def _unreadable(code: str, sheet: str = "", values: dict[str, object] | None = None) -> Unreadable:
    detail = TOO_MANY_LINES if values else REASONS.get(code, REASONS["unreadable"])
    code = {"empty_sheet": "no_rows"}.get(code, code) if code in REASONS else "unreadable"
    return Unreadable(code, str(detail) % values if values else str(detail), sheet=sheet)
