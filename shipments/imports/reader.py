"""Read an untrusted .xlsx in a confined process: `python -m shipments.imports.reader`, started by workbook.read.

An .xlsx is a zip of XML files. The reader (calamine) finds a sheet's part by the workbook's relationships, and so do
the guards; a file in which the two could see different parts is refused. The guards refuse cells far outside a table,
for which the reader would allocate memory, and find what the reader shows as an empty cell: a formula without a cached
value, a failed formula, and all but the first cell of a merged range. Entities are never expanded.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException, ElementTree
from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, XmlError, ZipError

from logistics.confined import frames, serving

FILE_MAX_BYTES = 16_000_000
UNPACKED_MAX_BYTES = 80_000_000  # a manifest of 10,000 lines unpacks to about 12 MB
MEMBERS_MAX = 200
ROWS_MAX = 20_000
ROW_LAST = 29_999
SHEET = "lines"
# Explanatory sheets of our template.
EXPLAINING = {"help", "codes"}
WORKBOOK, RELATIONSHIPS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"

# What the reader may show as empty. Substring searches, because a regex takes ten times as long.
SHOWN_EMPTY = (b"<f>", b"<f ", b"<f/", b":f>", b":f ", b":f/", b't="e"', b"t='e'", b"mergeCell")
# A cell or row beyond row 29,999 or column AZ. One such cell would make the reader allocate millions of empty ones.
FAR_AWAY = re.compile(rb"\sr\s*=\s*[\"'](?:[A-Za-z]{3}|[B-Zb-z][A-Za-z][0-9]|[A-Za-z]{0,2}(?:[0-9]{6}|[3-9][0-9]{4}))")
ROW = re.compile(rb"<(?:[A-Za-z0-9_]+:)?row[\s/>]")
ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)")
REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

Answer = dict[str, object]


class Refused(Exception):
    """The file cannot be read as a manifest; `code` says why."""

    def __init__(self, code: str, *, sheet: str = "", **values: object) -> None:
        super().__init__(code)
        self.code, self.sheet, self.values = code, sheet, values


def read(content: bytes) -> Answer:
    """Return the sheet of lines, and its cells that only look empty, as JSON-compatible values.

    {"name", "header": [cell], "rows": [[number, [cell]]], "empty": [[row, column from 0, why, range]]}; a cell is a
    string, a number, a boolean, or [text] for a date or time. Raises Refused.
    """
    parts = _inspect(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [meta.name for meta in book.sheets_metadata if meta.typ == SheetTypeEnum.WorkSheet]
        if len(set(sheets)) != len(sheets) or set(sheets) != set(parts):
            raise Refused("unreadable")  # the reader sees other sheets than the guards do
        name = _choose({name: not book.get_sheet_by_name(name).height for name in sheets})
        cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except PasswordError:
        raise Refused("password") from None
    except (CalamineError, XmlError, ZipError, ValueError) as error:
        raise Refused("unreadable") from error
    rows = [(number, row) for number, row in enumerate(cells[1:], start=2) if any(row) or any(v != "" for v in row)]
    if not rows:
        raise Refused("no_rows" if cells else "empty_sheet", sheet=name)
    if len(rows) > ROWS_MAX:
        raise Refused("too_many_rows", sheet=name, rows=len(rows), most=ROWS_MAX)
    return {
        "name": name,
        "header": [_plain(cell) for cell in cells[0]],
        "rows": [[number, [_plain(cell) for cell in row]] for number, row in rows],
        "empty": list(_shown_empty(parts[name])),
    }


def _plain(cell: object) -> object:
    return [str(cell)] if isinstance(cell, date | datetime | time | timedelta) else cell


def _choose(is_empty: Mapping[str, bool]) -> str:
    """Return the name of the sheet of lines: "lines", or the only one with data. Empty sheets are nothing."""
    lines = [name for name in is_empty if name.strip().lower() == SHEET]
    others = [name for name in is_empty if name.strip().lower() not in {SHEET, *EXPLAINING} and not is_empty[name]]
    if lines and not others:
        return lines[0]
    if not lines and len(others) == 1:
        return others[0]
    if not lines and not others and all(is_empty.values()):
        raise Refused("empty_sheet")
    raise Refused("unknown_sheet")


def _inspect(content: bytes) -> dict[str, bytes]:
    """Return the XML of each worksheet by its name. Refuses malicious files and anything that is not an .xlsx."""
    if not content.startswith(b"PK"):
        raise Refused("not_a_spreadsheet")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX or sum(member.file_size for member in members) > UNPACKED_MAX_BYTES:
                raise Refused("too_large_unpacked")
            # Read to the end: a member longer than its directory entry says fails its checksum.
            files = {member.filename: archive.read(member) for member in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise Refused("unreadable") from error
    if WORKBOOK not in files:
        raise Refused("not_a_spreadsheet")  # an .ods, a .docx, an .xlsb
    # The reader ignores case and accepts "\" for "/": two names for one part would be two parts for the guards.
    if len({name.replace("\\", "/").lower() for name in files}) != len(members) or "content.xml" in files:
        raise Refused("unreadable")
    parts = dict(_worksheets(files))
    for part in parts.values():
        _check(part)
    return parts


def _worksheets(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Find the parts of sheets as the reader does: workbook.xml names a relationship, which names a part."""
    related = _xml(files.get(RELATIONSHIPS, b""))
    targets = {element.get("Id", ""): element.get("Target", "") for element in related}
    if len(targets) != len(related):
        raise Refused("unreadable")
    for element in _xml(files[WORKBOOK]).iter():
        if _tag(element) != "sheet":
            continue
        ids = [value for name, value in element.items() if name.rpartition("}")[2] == "id"]
        if len(ids) == 1 and ids[0] in targets:
            target = targets[ids[0]]
            path = target[1:] if target.startswith("/") else target if target.startswith("xl/") else f"xl/{target}"
            if path != posixpath.normpath(path) or path not in files:
                raise Refused("unreadable")
            if path.split("/")[1] == "worksheets":  # not a chart
                yield element.get("name", ""), files[path]


def _check(sheet: bytes) -> None:
    declared = ENCODING.match(sheet[:200])
    if (declared and declared[1].lower() not in (b"utf-8", b"us-ascii")) or b"\x00" in sheet[:200]:
        raise Refused("unreadable")
    if FAR_AWAY.search(sheet) or sum(1 for _ in ROW.finditer(sheet)) > ROW_LAST:
        raise Refused("too_many_rows")


def _shown_empty(sheet: bytes) -> Iterator[list[object]]:
    """Yield row, column, "formula_error", "formula_without_value" or "merged_cells", and the range if merged."""
    if not any(sign in sheet for sign in SHOWN_EMPTY):
        return
    row = column = -1
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(sheet), events=("start", "end")):
            tag = _tag(element)
            if event == "start" and tag == "row":
                # A row or cell without a reference follows the one before.
                row, column = int(element.get("r") or row + 2) - 1, -1
            elif event == "end" and tag == "c":
                row, column = _place(element.get("r", "")) or (row, column + 1)
                if why := _why_empty(element):
                    yield [row + 1, column, why, ""]
            elif event == "end" and tag == "mergeCell":
                covered = element.get("ref", "")
                first, last = (_place(corner) for corner in (covered.partition(":")[0], covered.rpartition(":")[2]))
                if first is None or last is None:
                    raise Refused("unreadable")
                if last[0] > 0 and first != last:
                    yield [first[0] + 1, first[1], "merged_cells", covered]
            if event == "end" and tag == "row":
                element.clear()
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise Refused("unreadable") from error


def _why_empty(cell: Element) -> str:
    if cell.get("t") == "e":
        return "formula_error"
    tags = [_tag(child) for child in cell]
    values = [child for child in cell if _tag(child) in ("v", "is")]
    # Two values are one too many: the reader may take the empty one.
    has_value = len(values) == 1 and any(values[0].itertext())
    return "formula_without_value" if "f" in tags and not has_value else ""


def _xml(document: bytes) -> Element:
    try:
        return ElementTree.fromstring(document)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise Refused("unreadable") from error


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
        except Refused as refusal:
            answer = {"refused": refusal.code, "sheet": refusal.sheet, "values": refusal.values}
        frames.write(answers, answer)


if __name__ == "__main__":
    main()
