"""Errors of a spreadsheet."""

from dataclasses import dataclass, field
from typing import TypedDict

from shipments.imports.workbook import SHEET

ERRORS_SHOWN = 500


class Shown(TypedDict):
    """An error as stored and shown; `row` is the spreadsheet's row number, None for the whole file."""

    sheet: str
    row: int | None
    column: str
    value: str
    code: str
    detail: str


@dataclass
class Errors:
    """The errors of a sheet. They are stored and shown, so they must not contain free text from the sheet."""

    sheet: str
    shown: list[Shown] = field(default_factory=list)
    count: int = 0

    def add(self, row: int | None, column: str, code: str, detail: str, value: object = "") -> None:
        """Add an error; beyond ERRORS_SHOWN they are only counted."""
        self.count += 1
        if len(self.shown) < ERRORS_SHOWN:
            text = "" if value is None else str(value)[:40]
            # A single sheet may have any name, even that of a shelter.
            sheet = self.sheet if self.sheet.strip().lower() == SHEET else ""
            self.shown.append(
                {"sheet": sheet, "row": row, "column": column, "value": text, "code": code, "detail": detail}
            )
