"""Reading workbooks that nobody should trust: bombs, and cells that only look empty."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from shipments.imports import workbook
from tests.shipments.sheets import mali_rows, put, xlsx

CASES = Path(__file__).parent.parent / "data" / "cases"
SHEET, RELATIONSHIPS = "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = b'<worksheet xmlns="' + MAIN + b'"><sheetData>'
TAIL = b"</sheetData></worksheet>"


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def with_sheet(xml: bytes, part: str = SHEET) -> bytes:
    """A workbook whose sheet is this XML, in this part."""
    files = members(xlsx(mali_rows()))
    del files[SHEET]
    target = part.removeprefix("xl/").encode()
    files[RELATIONSHIPS] = re.sub(rb"/?(xl/)?worksheets/sheet1\.xml", target, files[RELATIONSHIPS])
    return packed(files | {part: xml})


def sheet_xml(change: Callable[[bytes], bytes] = lambda xml: xml) -> bytes:
    """A formula without a value in the last column of row 4."""
    rows = [[*row, None] for row in mali_rows()]
    rows[0][-1], rows[3][-1] = "un_number", "=1"
    return change(members(xlsx(rows))[SHEET])


def refusal(content: bytes) -> str:
    with pytest.raises(workbook.Unreadable) as refused:
        workbook.read(content)
    return refused.value.code


def shared_string_bomb() -> bytes:
    """One string of 30 kB in 20,000 cells: 600 MB."""
    cells = b"".join(b'<row><c t="s"><v>0</v></c></row>' for _ in range(20_000))
    files = members(with_sheet(HEAD + cells + TAIL))
    files["xl/sharedStrings.xml"] = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
        + b"x" * 30_000
        + b"</t></si></sst>"
    )
    return packed(files)


class TestBombs:
    def test_rows_without_references_are_counted(self) -> None:
        content = with_sheet(HEAD + b"<row><c><v>1</v></c></row>" * 2_500_000 + TAIL)

        assert len(content) < 400_000
        assert refusal(content) == "too_many_rows"

    @pytest.mark.parametrize("part", ["xl/worksheets/x/sheet1.xml", "xl/worksheets/any name"])
    def test_a_sheet_is_found_as_the_reader_finds_it(self, part: str) -> None:
        far = with_sheet(sheet_xml(lambda xml: xml.replace(b'r="B2"', b'r="XFD1048576"')), part)

        assert refusal(far) == "too_many_rows"

    def test_a_long_text_in_many_cells_is_refused(self) -> None:
        content = shared_string_bomb()

        assert len(content) < 100_000
        assert refusal(content) == "too_large_unpacked"

    def test_another_format_is_not_read(self) -> None:
        assert refusal((CASES / "04-ods-formula-without-value.ods").read_bytes()) == "not_a_spreadsheet"

    @pytest.mark.parametrize("more", ["content.xml", "XL/worksheets/SHEET1.xml", "xl\\worksheets\\sheet1.xml"])
    def test_a_file_that_can_be_read_in_two_ways_is_refused(self, more: str) -> None:
        assert refusal(packed(members(xlsx(mali_rows())) | {more: b"<x/>"})) == "unreadable"

    @pytest.mark.parametrize(
        "target", ["worksheets/../worksheets/sheet1.xml", "worksheets/none.xml", "/etc/passwd", "../secret.xml"]
    )
    def test_a_relationship_to_another_place_is_refused(self, target: str) -> None:
        files = members(xlsx(mali_rows()))
        files[RELATIONSHIPS] = re.sub(rb"/?(xl/)?worksheets/sheet1\.xml", target.encode(), files[RELATIONSHIPS])

        assert refusal(packed(files)) == "unreadable"

    def test_an_entity_in_a_relationship_is_not_expanded(self) -> None:
        files = members(xlsx(mali_rows()))
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        files[RELATIONSHIPS] = bomb + files[RELATIONSHIPS].partition(b"?>")[2]

        assert refusal(packed(files)) == "unreadable"


class TestCellsThatOnlyLookEmpty:
    """A UN number that reads as empty would leave dangerous goods undeclared."""

    def test_a_formula_is_found_in_a_part_with_any_name(self) -> None:
        _sheet, empty = workbook.read(with_sheet(sheet_xml(), "xl/worksheets/x/any.xml"))

        assert [(cell.row, cell.code) for cell in empty] == [(4, "formula_without_value")]

    def test_parts_may_be_in_another_order_than_sheets(self) -> None:
        sheet, empty = workbook.read((CASES / "01-sheet-parts-in-other-order.xlsx").read_bytes())

        assert [(cell.row, sheet.header[cell.column], cell.code) for cell in empty] == [
            (2, "un_number", "formula_without_value")
        ]

    def test_cells_without_references_follow_the_one_before(self) -> None:
        bare = re.sub(rb'(<(?:c|row)) r="[A-Z0-9]+"', rb"\1", sheet_xml())

        sheet, empty = workbook.read(with_sheet(re.sub(rb"<dimension[^>]*/>", b"", bare)))

        assert [(cell.row, cell.code) for cell in empty] == [(4, "formula_without_value")]
        assert len(sheet.rows) == 8

    def test_a_merged_range_is_refused_by_its_name(self) -> None:
        sheet, empty = workbook.read((CASES / "06-merged-un-number.xlsx").read_bytes())

        assert [(cell.row, sheet.header[cell.column]) for cell in empty] == [(2, "un_number")]
        assert empty[0].reason() == (
            "merged_cells",
            "Cells O2:O3 are merged. Split them, and enter the value in each row that it is for.",
        )

    @pytest.mark.parametrize(
        "cell",
        [
            b'<c r="X4" t="str"><f\n>"UN3481"</f></c>',
            b'<c r="X4"><f\tca="1">1</f></c>',
            b'<c r="X4"><f>1</f><v></v></c>',
            b'<c r="X4" t="inlineStr"><f>A1</f><v>UN1</v></c>',
            b'<c r="X4" t = "e"><v>#N/A</v></c>',
            b'<c r="X4"><v>&#51;481</v></c>',
            b'<c r="X4"><v>34</v><v>81</v></c>',
            b'<c r="X4"><v>34</v><v>81</v ></c>',
            b'<c r="X4"><v>34</v><x:v xmlns:x="' + MAIN + b'">81</x:v></c>',
            b'<c r="X4"><v>1<x/>0</v></c>',
        ],
    )
    def test_a_value_that_the_reader_does_not_see_is_reported(self, cell: bytes) -> None:
        _sheet, empty = workbook.read(with_sheet(self.with_cell(cell)))

        assert [found.row for found in empty] == [4]

    @pytest.mark.parametrize(
        "cell",
        [
            b'<c r="X4" t="str"><v><![CDATA[UN3481]]></v></c>',
            b'<c r="X4"><v><!-- x -->3481</v></c>',
            b'<c r="X4"><v><?x y?>3481</v></c>',
            b'<c r="X4"><v>3481</v></c><c r="X4" t="str"><v></v></c>',
        ],
    )
    def test_a_value_that_can_be_read_in_two_ways_is_refused(self, cell: bytes) -> None:
        assert refusal(with_sheet(self.with_cell(cell))) == "unreadable"

    @pytest.mark.parametrize(
        "cell",
        [b'<c r="X4" t="str"><f>IF(A1="","",A1)</f><v></v></c>', b'<c r="X4" s="1"/>', b'<c r="X4"><v>3481</v></c>'],
    )
    def test_what_is_empty_or_has_a_value_is_no_fault(self, cell: bytes) -> None:
        assert workbook.read(with_sheet(self.with_cell(cell)))[1] == []

    def with_cell(self, cell: bytes) -> bytes:
        """The sheet with this cell instead of the last one of row 4."""
        changed, times = re.subn(rb'<c r="X4"[^>]*>.*?</c>', lambda _found: cell, sheet_xml(), flags=re.DOTALL)
        assert times == 1
        return changed

    @pytest.mark.parametrize(
        ("text", "outcome"), [(b"<t>UN3481</t>", []), (b"<t/>", []), (b"<t><![CDATA[UN3481]]></t>", "unreadable")]
    )
    def test_a_shared_text_is_a_value_unless_it_is_split(self, text: bytes, outcome: object) -> None:
        files = members(with_sheet(self.with_cell(b'<c r="X4" t="s"><v>0</v></c>')))
        head = b'<sst xmlns="' + MAIN + b'"><si>'
        content = packed(files | {"xl/sharedStrings.xml": head + text + b"</si></sst>"})

        assert (refusal(content) if outcome else workbook.read(content)[1]) == outcome

    @pytest.mark.parametrize("covered", [b"Y20:Z21", b"Y2:Z2"])
    def test_a_merged_range_without_a_value_is_no_fault(self, covered: bytes) -> None:
        merged = b'<mergeCells><mergeCell ref="' + covered + b'"/></mergeCells>'
        rows = [[*row, None, None] for row in mali_rows()]
        xml = members(xlsx(rows))[SHEET].replace(b"</sheetData>", b"</sheetData>" + merged)

        assert workbook.read(with_sheet(xml))[1] == []

    def test_a_merged_range_from_back_to_front_is_refused(self) -> None:
        merged = b'</sheetData><mergeCells><mergeCell ref="B3:B1"/></mergeCells>'

        assert refusal(with_sheet(sheet_xml(lambda xml: xml.replace(b"</sheetData>", merged)))) == "unreadable"

    def test_a_merged_heading_is_not_a_merged_value(self) -> None:
        content = with_sheet(
            sheet_xml(
                lambda xml: xml.replace(
                    b"</sheetData>", b'</sheetData><mergeCells><mergeCell ref="Y1:Z1"/></mergeCells>'
                )
            )
        )

        _sheet, empty = workbook.read(content)

        assert [cell.code for cell in empty] == ["formula_without_value"]


class TestSheets:
    def test_empty_sheets_are_nothing(self) -> None:
        sheet, empty = workbook.read((CASES / "08-empty-default-sheets.xlsx").read_bytes())

        assert (sheet.name, len(sheet.rows), empty) == ("lines", 1, [])

    def test_a_workbook_without_any_cell_is_empty(self) -> None:
        book, out = openpyxl.Workbook(), io.BytesIO()
        book.create_sheet("more")
        book.save(out)

        assert refusal(out.getvalue()) == "no_rows"

    def test_a_date_stays_something_that_no_column_takes(self) -> None:
        sheet, _empty = workbook.read(xlsx(put(mali_rows(1), 2, "marks", date(2026, 3, 2))))

        assert workbook.Moment("2026-03-02") in [column[0] for column in sheet.columns]
