"""The sheet of an uploaded workbook. The file is not trusted, so another process reads it: see reader.py."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from logistics.confined import once

READER = "shipments.imports.reader"
SHEET = "lines"
# 10,000 lines take 0.6 s of CPU and 150 MB of address space; see tests/benchmarks.
LIMITS = once.Limits(memory_mb=400, cpu_seconds=20, wall_seconds=60, answer_max_bytes=64_000_000)
_one_at_a_time = threading.Lock()


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
    """A sheet: the first row is `header`; `rows` are pairs of row number and cells."""

    name: str
    header: Sequence[object]
    rows: Sequence[tuple[int, Sequence[object]]]


@dataclass(frozen=True)
class NoValue:
    """A cell that a reader returns as empty although it is not; `code` says why."""

    row: int
    column: int  # from 0
    code: str
    covered: str  # the range of merged cells

    def reason(self) -> tuple[str, str]:
        match self.code:
            case "formula_error":
                detail = _("The formula here has an error. Enter the value instead.")
            case "merged_cells":
                detail = _("Cells %(range)s are merged. Split them, and enter the value in each row that it is for.")
            case _:
                detail = _("This formula has no value. Open the file, save it, and send it again, or write the value.")
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
        answer["name"],
        _cells(answer["header"]),
        [(number, _cells(row)) for number, row in answer["rows"]],
    )
    return sheet, [NoValue(*empty) for empty in answer["empty"]]


def _cells(cells: list[Any]) -> list[object]:
    return [Moment(cell[0]) if type(cell) is list else cell for cell in cells]


def _unreadable(code: str, sheet: str = "", values: dict[str, object] | None = None) -> Unreadable:
    match code:
        case "not_a_spreadsheet":
            detail = _("This is not an .xlsx file. Save it as Excel workbook (.xlsx) and send it again.")
        case "password":
            detail = _("The file has a password. Save it without one.")
        case "too_large_unpacked":
            detail = _("Unpacked, the file is far larger than a manifest can be.")
        case "too_many_rows" if values:
            detail = _("There are %(rows)d lines; the maximum is %(most)d.") % values
        case "too_many_rows":
            detail = _("There are cells far outside the table: below row 29,999 or right of column AZ. Delete them.")
        case "unknown_sheet":
            detail = _('The workbook must have one sheet named "lines" and no other with data.')
        case "no_rows":
            detail = _("There are no lines below the column names.")
        case "empty_sheet":
            code, detail = "no_rows", _("The sheet is empty.")
        case _:
            code = "unreadable"
            detail = _("The file is damaged or not a spreadsheet. Open it, save it again and resend it.")
    return Unreadable(code, detail, sheet=sheet)
