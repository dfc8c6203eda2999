import io
from collections.abc import Iterable

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from shipments.imports.columns import COLUMNS, Column, value_column
from shipments.imports.workbook import SHEET
from shipments.packing.vocabulary import PACKAGE_KINDS, UNITS, Texts

AS_TEXT = ("sscc", "hs6", "serial_numbers", "un_number", "item_code")
NEEDED = PatternFill("solid", fgColor="FFE8CC")


def spreadsheet(currency: str) -> bytes:
    """Return an .xlsx template: a sheet with the column names, and two sheets of explanations."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = SHEET
    columns = [*COLUMNS.values(), value_column(currency)]
    for place, column in enumerate(columns, start=1):
        cell = sheet.cell(1, place, column.name)
        cell.font = Font(bold=True)
        if column.required:
            cell.fill = NEEDED
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(12, len(column.name) + 2)
        if column.name in AS_TEXT:
            # Excel would drop leading zeros and round long numbers.
            for row in range(2, 502):
                sheet.cell(row, place).number_format = "@"
    sheet.freeze_panes = "A2"
    _explain(book, columns)
    _codes(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _explain(book: Workbook, columns: Iterable[Column]) -> None:
    sheet = book.create_sheet("help")
    sheet.append(["column", "required", "package column", "contents"])
    for column in columns:
        sheet.append([column.name, "yes" if column.required else "", "yes" if column.of_package else "", column.help])
    sheet.append([])
    sheet.append(
        ["One row per line. Fill in the package columns in a package's first row; later rows may leave them blank."]
    )
    sheet.append(
        [
            "Une ligne du tableau par ligne du manifeste. Indiquez ce qui décrit un colis sur sa première ligne"
            "\N{NO-BREAK SPACE}; vous pouvez laisser les suivantes vides."
        ]
    )
    sheet.column_dimensions["A"].width = 20
    sheet.column_dimensions["D"].width = 70
    for row in sheet.iter_rows(min_row=1, max_row=1):
        for cell in row:
            cell.font = Font(bold=True)
            cell.alignment = Alignment(wrap_text=True)


def _codes(book: Workbook) -> None:
    sheet = book.create_sheet("codes")
    sheet.append(["package_type", "en", "fr", "", "unit", "en", "fr"])
    kinds: list[tuple[str, Texts]] = list(PACKAGE_KINDS.items())
    units: list[tuple[str, Texts]] = list(UNITS.items())
    for place in range(max(len(kinds), len(units))):
        row: list[str] = []
        for known in (kinds, units):
            code, texts = known[place] if place < len(known) else ("", {"en": "", "fr": ""})
            row += [code, texts["en"], texts["fr"], ""]
        sheet.append(row)
