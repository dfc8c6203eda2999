"""Spreadsheets that must be refused, each with one mistake."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet


@dataclass(frozen=True)
class BadFile:
    name: str
    path: Path
    code: str  # of the refusal, or of each bad row
    times: int = 1  # how many bad rows there are
    refused_at_once: bool = False


def make(good: Path, folder: Path) -> list[BadFile]:
    """Write the bad files into a folder and return them."""
    folder.mkdir(parents=True, exist_ok=True)

    def spoiled(name: str, code: str, spoil: Callable[[Worksheet, dict[str, int]], None], *, times: int = 1) -> BadFile:
        book = openpyxl.load_workbook(good)
        sheet = book.worksheets[0]
        spoil(sheet, {str(cell.value): place for place, cell in enumerate(sheet[1], start=1)})
        path = folder / f"{name.replace(' ', '_')}.xlsx"
        book.save(path)
        return BadFile(name, path, code, times)

    def set_cells(column: str, value: object, *at: int) -> Callable[[Worksheet, dict[str, int]], None]:
        def spoil(sheet: Worksheet, columns: dict[str, int]) -> None:
            for row in at:
                sheet.cell(row, columns[column]).value = value  # type: ignore[assignment]

        return spoil

    def add_column(sheet: Worksheet, columns: dict[str, int]) -> None:
        sheet.cell(1, len(columns) + 1).value = "colour"

    def add_empty_package(sheet: Worksheet, columns: dict[str, int]) -> None:
        row = sheet.max_row + 1
        for name, value in {"package_no": 271, "marks": "CGD-ML-26-001 271/271", "package_type": "PK"}.items():
            sheet.cell(row, columns[name]).value = value  # type: ignore[assignment]
        sheet.cell(row, columns["gross_kg"]).value = 10

    unreadable = folder / "unreadable.xlsx"
    unreadable.write_bytes(b"PK\x03\x04" + os.urandom(5000))
    huge = folder / "huge.xlsx"
    huge.write_bytes(good.read_bytes() + b"\0" * 30_000_000)
    return [
        spoiled("unknown column", "unknown_column", add_column),
        spoiled("missing weight", "required", set_cells("unit_weight_kg", None, 5, 9), times=2),
        spoiled("negative quantity", "below_one", set_cells("quantity", -3, 7, 8, 40), times=3),
        spoiled("package without lines", "package_without_lines", add_empty_package),
        spoiled("formula without a value", "formula_without_value", set_cells("quantity", "=1+1", 12)),
        BadFile("unreadable file", unreadable, "unreadable"),
        BadFile("30 MB file", huge, "too_large", refused_at_once=True),
    ]
