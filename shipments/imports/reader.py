"""Read an untrusted .xlsx in a confined process: `python -m shipments.imports.reader`, started by workbook.read.

An .xlsx is a zip of XML files. The reader (calamine) finds a sheet's part by the workbook's relationships, and so do
the guards; a file in which the two could see different parts is refused. The guards refuse cells far outside a table,
for which the reader would allocate memory. They compare every cell, and report one that the reader shows as empty
although it has a value, a formula without a cached value, a failed formula, or a merged range. Entities are never
expanded.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException, ElementTree
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, XmlError, ZipError

from logistics.confined import frames, serving

FILE_MAX_BYTES = 16_000_000
UNPACKED_MAX_BYTES = 80_000_000  # a manifest of 10,000 lines unpacks to about 12 MB
MEMBERS_MAX = 200
ROWS_MAX = 20_000
ROW_LAST, COLUMN_LAST = 29_999, 51  # AZ, from 0
SHEET = "lines"
# Explanatory sheets of our template.
EXPLAINING = {"help", "codes"}
WORKBOOK, RELATIONSHIPS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"

# Patterns begin with a fixed letter, which `re` looks for several times as fast as for a choice; what stands before it
# is looked at behind it.
#
# A cell or row beyond row 29,999 or column AZ. One such cell would make the reader allocate millions of empty ones.
FAR_AWAY = re.compile(
    rb"r(?<=\sr)\s*=\s*[\"'](?:[A-Za-z]{3}|[B-Zb-z][A-Za-z][0-9]|[A-Za-z]{0,2}(?:[0-9]{6}|[3-9][0-9]{4}))"
)
ROW = re.compile(rb"<(?:[A-Za-z0-9_]+:)?row[\s/>]")
END_OF_VALUE = re.compile(rb"</(?:[^<>:\s]+:)?(?:v|is)\s*>")
# One with a namespace prefix or a space, as few programs write them.
UNUSUAL_END = (re.compile(rb"v(?<=:v)\s*>|v(?<=</v)\s+>"), re.compile(rb"is(?<=:is)\s*>|is(?<=</is)\s+>"))
# A formula, or a value with a character reference or an element in it.
TO_COMPARE = (
    re.compile(rb"f(?<=[<:]f)[\s/>]"),
    re.compile(rb"v(?<=[<:]v)(?:\s[^<>]*)?>[^<]*(?:&#|<[^/])"),
)
ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)")
SHARED = "xl/sharedStrings.xml"
DATES = {date, datetime, time, timedelta}
COLUMNS = {
    f"{first}{second}": place
    for place, (first, second) in enumerate((a, b) for a in ("", "A") for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

Answer = dict[str, object]


class SheetPart(NamedTuple):
    """The XML of a sheet, and of each shared string whether it has any text."""

    xml: bytes
    texts: Sequence[bool]


class BadWorkbook(Exception):
    """The file cannot be read as a manifest; `code` says why."""

    def __init__(self, code: str, *, sheet: str = "", **values: object) -> None:
        super().__init__(code)
        self.code, self.sheet, self.values = code, sheet, values


def read(content: bytes) -> Answer:
    """Return the sheet of lines, and its cells that only look empty, as JSON-compatible values.

    {"name", "header": [cell], "rows": [number], "columns": [[cell]], "empty": [[row, column from 0, why, range]]}; a
    cell is a string, a number, a boolean, or [text] for a date or time. A few long columns are read faster than many
    rows. Raises BadWorkbook.
    """
    parts = _inspect(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        names = [meta.name for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
        if len(set(names)) != len(names) or set(names) != set(parts):
            raise BadWorkbook("unreadable")  # the reader sees other sheets than the guards do
        sheets = {name: book.get_sheet_by_name(name) for name in names}
        name = _choose({name: not sheet.height for name, sheet in sheets.items()})
        cells = sheets[name].to_python(skip_empty_area=False)
    except PasswordError:
        raise BadWorkbook("password") from None
    except (CalamineError, XmlError, ZipError, ValueError) as error:
        raise BadWorkbook("unreadable") from error
    rows = [(number, row) for number, row in enumerate(cells[1:], start=2) if any(row) or any(v != "" for v in row)]
    if not rows:
        raise BadWorkbook("no_rows" if cells else "empty_sheet", sheet=name)
    if len(rows) > ROWS_MAX:
        raise BadWorkbook("too_many_rows", sheet=name, rows=len(rows), most=ROWS_MAX)
    return {
        "name": name,
        "header": _plain(cells[0]),
        "rows": [number for number, _row in rows],
        "columns": [_plain(column) for column in zip(*(row for _number, row in rows), strict=True)],
        "empty": list(_shown_empty(parts[name], cells)),
    }


def _plain(cells: Sequence[object]) -> Sequence[object]:
    """Return the cells with [text] for each date or time, of which there are hardly ever any."""
    if DATES.isdisjoint(map(type, cells)):
        return cells
    return [[str(cell)] if type(cell) in DATES else cell for cell in cells]


def _choose(is_empty: Mapping[str, bool]) -> str:
    """Return the name of the sheet of lines: "lines", or the only one with data. Empty sheets are nothing."""
    lines = [name for name in is_empty if name.strip().lower() == SHEET]
    others = [name for name in is_empty if name.strip().lower() not in {SHEET, *EXPLAINING} and not is_empty[name]]
    if lines and not others:
        return lines[0]
    if not lines and len(others) == 1:
        return others[0]
    if not lines and not others and all(is_empty.values()):
        raise BadWorkbook("empty_sheet")
    raise BadWorkbook("unknown_sheet")


def _inspect(content: bytes) -> dict[str, SheetPart]:
    """Return each worksheet by its name. Refuses malicious files and anything that is not an .xlsx."""
    if not content.startswith(b"PK"):
        raise BadWorkbook("not_a_spreadsheet")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX or sum(member.file_size for member in members) > UNPACKED_MAX_BYTES:
                raise BadWorkbook("too_large_unpacked")
            # Read to the end: a member longer than its directory entry says fails its checksum.
            files = {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise BadWorkbook("unreadable") from error
    if WORKBOOK not in files:
        raise BadWorkbook("not_a_spreadsheet")  # an .ods, a .docx, an .xlsb
    # The reader ignores case and accepts "\" for "/": two names for one part would be two parts for the guards.
    if len({name.replace("\\", "/").lower() for name in files}) != len(members) or "content.xml" in files:
        raise BadWorkbook("unreadable")
    texts = [any(part.strip() for part in item.itertext()) for item in _xml(files.get(SHARED, b"<sst/>"))]
    parts = {name: SheetPart(xml, texts) for name, xml in _worksheets(files)}
    for part in parts.values():
        _check(part.xml)
    _refuse_split_text(files.get(SHARED, b""))
    return parts


def _worksheets(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Find the parts of sheets as the reader does: workbook.xml names a relationship, which names a part."""
    related = _xml(files.get(RELATIONSHIPS, b""))
    targets = {element.get("Id", ""): element.get("Target", "") for element in related}
    if len(targets) != len(related):
        raise BadWorkbook("unreadable")
    for element in _xml(files[WORKBOOK]).iter():
        if _tag(element) != "sheet":
            continue
        ids = [value for name, value in element.items() if name.rpartition("}")[2] == "id"]
        if len(ids) == 1 and ids[0] in targets:
            target = targets[ids[0]]
            path = target[1:] if target.startswith("/") else target if target.startswith("xl/") else f"xl/{target}"
            if path != posixpath.normpath(path) or path not in files:
                raise BadWorkbook("unreadable")
            if path.startswith("xl/worksheets/"):  # not a chart
                yield element.get("name", ""), files[path]


def _check(sheet: bytes) -> None:
    declared = ENCODING.match(sheet[:200])
    if (declared and declared[1].lower() not in (b"utf-8", b"us-ascii")) or b"\x00" in sheet[:200]:
        raise BadWorkbook("unreadable")
    _refuse_split_text(sheet)
    # The mere letters are counted faster than rows; few manifests have as many.
    has_too_many = sheet.count(b"row") > ROW_LAST and len(ROW.findall(sheet)) > ROW_LAST
    if has_too_many or FAR_AWAY.search(sheet):
        raise BadWorkbook("too_many_rows")


def _refuse_split_text(xml: bytes) -> None:
    """Refuse comments, CDATA sections and instructions: the reader drops text beside them. No program writes them."""
    if b"<!" in xml or b"<?" in xml[5:]:
        raise BadWorkbook("unreadable")


def _is_whole(sheet: bytes, cells: Sequence[Sequence[object]]) -> bool:
    """Return whether the reader shows as many values as the sheet has, and nothing in it needs a closer look.

    Counting takes a twentieth of the time of comparing. Neither comments nor entities can forge a tag.
    """
    if any(sign in sheet for sign in (b"mergeCell", b'"e"', b"'e'")) or _has_any(TO_COMPARE, sheet):
        return False
    if _has_any(UNUSUAL_END, sheet):
        values = len(END_OF_VALUE.findall(sheet))
    else:
        values = sheet.count(b"</v>") + sheet.count(b"</is>")
    return values == sum(len(row) - row.count("") for row in cells)


def _has_any(patterns: Sequence[re.Pattern[bytes]], sheet: bytes) -> bool:
    return any(pattern.search(sheet) for pattern in patterns)


def _shown_empty(part: SheetPart, cells: Sequence[Sequence[object]]) -> Iterator[list[object]]:
    """Yield row, column, why, and the range if merged, for each cell that the reader shows as empty but is not.

    Unless all is well, every cell is compared: a rule for suspicious cells would be passed by the next way of writing
    the same XML.
    """
    if _is_whole(part.xml, cells):
        return
    seen: set[tuple[int, int]] = set()
    before = -1
    try:
        for _event, element in ElementTree.iterparse(io.BytesIO(part.xml)):
            if element.tag[-3:] == "row":
                # A row without a reference follows the one before.
                before = int(element.get("r") or before + 2) - 1
                for (row, column), cell in _cells_of(element, before):
                    if (row, column) in seen:
                        raise BadWorkbook("unreadable")  # one cell twice
                    seen.add((row, column))
                    if why := _difference(cell, _at(cells, row, column), part.texts):
                        yield [row + 1, column, why, ""]
                    before = row
                element.clear()
            elif element.tag[-9:] == "mergeCell":
                yield from _merged(element.get("ref", ""), cells)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise BadWorkbook("unreadable") from error


def _cells_of(row: Element, number: int) -> Iterator[tuple[tuple[int, int], Element]]:
    """Yield row and column (from 0) of each cell; one without a reference follows the one before."""
    place = number, -1
    for cell in row:
        if cell.tag[-1] == "c":
            reference = cell.get("r", "")
            letters = reference.rstrip("0123456789")
            if letters in COLUMNS and reference != letters:
                place = int(reference[len(letters) :]) - 1, COLUMNS[letters]
            else:
                place = _place(reference) or (place[0], place[1] + 1)
            yield place, cell


def _difference(cell: Element, value: object, shared: Sequence[bool]) -> str:
    """Return why the reader's value is not that of the cell, or ""."""
    kind = cell.get("t", "n")
    if kind == "e":
        return "formula_error"
    if value == "":
        return _why_empty(cell, kind, shared) if len(cell) else ""
    if kind == "n" and type(value) is float:
        numbers = ["".join(child.itertext()) for child in cell if _tag(child) == "v"]
        return "" if len(numbers) == 1 and float(numbers[0]) == value else "unreadable_cell"
    return ""


def _at(cells: Sequence[Sequence[object]], row: int, column: int) -> object:
    return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""


def _why_empty(cell: Element, kind: str, shared: Sequence[bool]) -> str:
    tags = {_tag(child) for child in cell}
    text = "".join(part for child in cell if _tag(child) in ("v", "is") for part in child.itertext()).strip()
    if kind == "s":
        return "unreadable_cell" if text and not (text.isdecimal() and not shared[int(text)]) else ""
    if text:
        return "unreadable_cell"
    # A text that was computed and is empty has a kind and a value.
    return "formula_without_value" if "f" in tags and not (kind == "str" and "v" in tags) else ""


def _merged(covered: str, cells: Sequence[Sequence[object]]) -> Iterator[list[object]]:
    """Yield the columns in which a merged range below the heading has a value: all but its first cell read as empty."""
    corners = [_place(corner) for corner in covered.split(":")]
    if len(corners) != 2 or corners[0] is None or corners[1] is None:
        raise BadWorkbook("unreadable")
    (top, left), (bottom, right) = corners[0], corners[1]
    if bottom < top or right < left:
        raise BadWorkbook("unreadable")
    if bottom == 0 or _at(cells, top, left) == "":
        return
    for column in range(left, min(right, COLUMN_LAST) + 1):
        if bottom > top or column > left:
            yield [top + 1, column, "merged_cells", covered]


def _xml(document: bytes) -> Element:
    try:
        return ElementTree.fromstring(document)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise BadWorkbook("unreadable") from error


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _place(reference: str) -> tuple[int, int] | None:
    """Turn "C7" into (6, 2), and "" into None. Raises ValueError for anything else."""
    if not reference:
        return None
    found = REFERENCE.fullmatch(reference.upper().replace("$", ""))
    if found is None:
        raise ValueError("not a reference")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, column - 1


def main() -> None:
    with serving.serve(file_max=FILE_MAX_BYTES) as (answers, content):
        try:
            answer = read(content)
        except BadWorkbook as refusal:
            answer = {"refused": refusal.code, "sheet": refusal.sheet, "values": refusal.values}
        except MemoryError:
            raise
        except Exception:  # whatever a file that nobody foresaw does to a parser
            answer = {"refused": "unreadable", "sheet": "", "values": {}}
        frames.write(answers, answer)


if __name__ == "__main__":
    main()
