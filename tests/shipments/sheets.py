"""Spreadsheets to upload, made from the real list of the Mali shipment, and the results of importing them."""

import io
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl

from shipments.imports import services
from shipments.imports.models import Upload
from shipments.shipments.models import Shipment
from tests.makers.moments import NOON
from tests.makers.people import make_packer

MALI = Path(__file__).parent.parent / "data" / "mali_shipment"
MALI_XLSX = MALI / "packing_list_clean.xlsx"
Sheet = list[list[Any]]


@cache
def _mali() -> tuple[tuple[Any, ...], ...]:
    sheet = openpyxl.load_workbook(MALI_XLSX)["lines"]
    return tuple(sheet.iter_rows(values_only=True))


def mali_rows(count: int = 8) -> Sheet:
    """The header and the first rows of the real list."""
    return [list(row) for row in _mali()[: count + 1]]


def column(rows: Sheet, name: str) -> int:
    return int(rows[0].index(name))


def put(rows: Sheet, row: int, name: str, value: Any) -> Sheet:
    """Change a cell; `row` is the spreadsheet's row number."""
    rows[row - 1][column(rows, name)] = value
    return rows


def xlsx(rows: Sheet, *, sheet: str = "lines") -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read(shipment: Shipment, content: bytes, *, dry_run: bool = False, replace: bool = False, by: Any = None) -> Upload:
    row = services.upload(shipment, content, dry_run=dry_run, replace=replace, by=by or make_packer(), at=NOON)
    assert services.read_upload(str(row.pk), at=NOON)
    row.refresh_from_db()
    return row


def complaints(row: Upload) -> list[tuple[int | None, str, str]]:
    return [(error["row"], error["column"], error["code"]) for error in row.errors]


def told(row: Upload) -> dict[str, Any]:
    """Return what the upload would write, or wrote."""
    assert row.plan is not None, row.errors
    return dict(row.plan)


def with_column(name: str, row: int, value: Any) -> Callable[[Sheet], Sheet]:
    """Return a change that adds a column, with a value in one row."""

    def change(rows: Sheet) -> Sheet:
        rows = [[*cells, name if number == 0 else None] for number, cells in enumerate(rows)]
        return put(rows, row, name, value)

    return change


def change_sheet(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Rewrite the XML of the first sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = old.read(member)
            new.writestr(member.filename, change(data) if member.filename.endswith("sheet1.xml") else data)
    return out.getvalue()
