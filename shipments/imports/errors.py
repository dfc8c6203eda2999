"""Why a spreadsheet is refused."""

from dataclasses import dataclass, field
from typing import TypedDict

from shipments.imports.workbook import SHEET

ERRORS_SHOWN = 500


class Shown(TypedDict):
    """An error as it is kept and shown; `row` as the spreadsheet counts, None: the whole file."""

    sheet: str
    row: int | None
    column: str
    value: str
    code: str
    detail: str


@dataclass
class Errors:
    """Why a sheet is refused. Errors are kept and shown: nothing in them may be a word of somebody's own."""

    sheet: str
    shown: list[Shown] = field(default_factory=list)
    count: int = 0

    def add(self, row: int | None, column: str, code: str, detail: str, value: object = "") -> None:
        """Note one more reason; beyond ERRORS_SHOWN they are only counted."""
        self.count += 1
        if len(self.shown) < ERRORS_SHOWN:
            said = "" if value is None else str(value)[:40]
            # The only sheet may have any name, a shelter's too.
            sheet = self.sheet if self.sheet.strip().lower() == SHEET else ""
            self.shown.append(
                {"sheet": sheet, "row": row, "column": column, "value": said, "code": code, "detail": detail}
            )
