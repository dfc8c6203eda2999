"""Read an untrusted spreadsheet.

An .xlsx is a zip of XML files. The unpacked size is checked before anything is read; cells outside the limits are found
before calamine allocates memory for them; entities are never expanded; a formula without a cached value, which a reader
returns as an empty cell, is reported.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from defusedxml import DefusedXmlException, ElementTree
from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, XmlError, ZipError

UNPACKED_MAX_BYTES = 80_000_000  # a manifest of 10,000 lines unpacks to about 12 MB
MEMBERS_MAX = 200
ROWS_MAX = 20_000
SHEET = "lines"
# Explanatory sheets of our template.
EXPLAINING = {"help", "codes"}

SHEET_FILE = re.compile(r"xl/worksheets/[^/]+\.xml")
# A formula, or a cell whose formula failed. Substring searches, because a regex takes ten times as long.
NO_VALUE = (b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/", b't="e"', b"t='e'")
# A cell or row beyond row 29,999 or column AZ. One such cell would make a reader allocate millions of empty ones.
FAR_AWAY = re.compile(rb"\sr\s*=\s*[\"'](?:[A-Za-z]{3}|[B-Zb-z][A-Za-z][0-9]|[A-Za-z]{0,2}(?:[0-9]{6}|[3-9][0-9]{4}))")
ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)")
EMPTY = ""


class Unreadable(Exception):
    """The file cannot be read as a manifest; `code` says why."""

    def __init__(self, code: str, detail: str, *, sheet: str = "") -> None:
        super().__init__(detail)
        self.code, self.detail, self.sheet = code, detail, sheet


@dataclass(frozen=True)
class Sheet:
    """A sheet: the first row is `header`; `rows` are pairs of row number and cells."""

    name: str
    header: Sequence[object]
    rows: Sequence[tuple[int, Sequence[object]]]


@dataclass(frozen=True)
class NoValue:
    """A cell that a reader returns as empty although it has a formula or an error."""

    sheet: str
    row: int
    column: int  # from 0
    has_failed: bool

    def reason(self) -> tuple[str, str]:
        if self.has_failed:
            return "formula_error", _("The formula here has an error. Enter the value instead.")
        return (
            "formula_without_value",
            _("This formula has no value. Open the file, save it, and send it again, or write the value."),
        )


def read(content: bytes) -> tuple[Sheet, list[NoValue]]:
    """Return the sheet of lines, and its cells without a value. Raises Unreadable."""
    found = _inspect(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [meta.name for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
        name = _choose(sheets)
        cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except PasswordError:
        raise Unreadable("password", _("The file has a password. Save it without one.")) from None
    except (CalamineError, XmlError, ZipError, ValueError) as error:
        raise _damaged() from error
    if not cells:
        raise Unreadable("no_rows", _("The sheet is empty."), sheet=name)
    rows = [(number, row) for number, row in enumerate(cells[1:], start=2) if any(row) or any(v != EMPTY for v in row)]
    if not rows:
        raise Unreadable("no_rows", _("There are no lines below the column names."), sheet=name)
    if len(rows) > ROWS_MAX:
        raise Unreadable(
            "too_many_rows",
            _("There are %(rows)d lines; the maximum is %(most)d.") % {"rows": len(rows), "most": ROWS_MAX},
            sheet=name,
        )
    here = sheets.index(name)
    return Sheet(name, cells[0], rows), [
        NoValue(name, row, column, failed) for file, row, column, failed in found if file == here
    ]


def _choose(sheets: list[str]) -> str:
    lines = [name for name in sheets if name.strip().lower() == SHEET]
    others = [name for name in sheets if name.strip().lower() not in {SHEET, *EXPLAINING}]
    if lines and not others:
        return lines[0]
    if not lines and len(others) == 1:
        return others[0]
    raise Unreadable("unknown_sheet", _('The workbook must have one sheet named "lines" and no other with data.'))


# Index of the sheet, row, column, and whether the formula failed.
Found = tuple[int, int, int, bool]


def _inspect(content: bytes) -> list[Found]:
    """Refuse malicious files and anything that is not an .xlsx; return the cells whose formula has no value."""
    if not content.startswith(b"PK"):
        raise Unreadable(
            "not_a_spreadsheet", _("This is not an .xlsx file. Save it as Excel workbook (.xlsx) and send it again.")
        )
    found: list[Found] = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX or sum(member.file_size for member in members) > UNPACKED_MAX_BYTES:
                raise Unreadable("too_large_unpacked", _("Unpacked, the file is far larger than a manifest can be."))
            names = sorted(
                (member.filename for member in members if SHEET_FILE.fullmatch(member.filename)), key=_number_in
            )
            for member in members:
                # Read to the end: a member longer than its directory entry says fails its checksum.
                data = archive.read(member)
                if member.filename in names:
                    found += [(names.index(member.filename), *place) for place in _without_value(data)]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise _damaged() from error
    return found


def _number_in(name: str) -> int:
    digits = re.sub(r"\D", "", name)
    return int(digits or 0)


def _without_value(sheet: bytes) -> Iterator[tuple[int, int, bool]]:
    declared = ENCODING.match(sheet[:200])
    if (declared and declared[1].lower() not in (b"utf-8", b"us-ascii")) or b"\x00" in sheet[:200]:
        raise _damaged()
    if FAR_AWAY.search(sheet):
        raise Unreadable(
            "too_many_rows",
            _("There are cells far outside the table: below row 29,999 or right of column AZ. Delete them."),
        )
    if not any(sign in sheet for sign in NO_VALUE):
        return
    try:
        for _event, element in ElementTree.iterparse(io.BytesIO(sheet), events=("end",)):
            tag = element.tag.rpartition("}")[2]
            if tag == "c":
                children = {child.tag.rpartition("}")[2]: child for child in element}
                value = children.get("v")
                if element.get("t") == "e":
                    yield *_place(element.get("r", "")), True
                elif "f" in children and (value is None or not value.text) and "is" not in children:
                    yield *_place(element.get("r", "")), False
            if tag == "row":
                element.clear()
    except (ElementTree.ParseError, DefusedXmlException) as error:
        raise _damaged() from error


def _place(reference: str) -> tuple[int, int]:
    """Turn "C7" into (7, 2)."""
    letters = re.sub(r"[^A-Z]", "", reference)
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(re.sub(r"\D", "", reference) or 0), column - 1


def _damaged() -> Unreadable:
    return Unreadable(
        "unreadable", _("The file is damaged or not a spreadsheet. Open it, save it again and resend it.")
    )
