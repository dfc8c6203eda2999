"""Spreadsheets with one fault: the whole file is refused, and the report names the row, the column and the fault."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from logistics.catalogue.models import Item
from shipments.packing.models import Package
from tests.makers.shipments import mali_shipment
from tests.shipments.sheets import (
    MALI_XLSX,
    Sheet,
    change_sheet,
    column,
    complaints,
    mali_rows,
    put,
    read,
    with_column,
    xlsx,
)

pytestmark = pytest.mark.django_db


def _header(name: str) -> Callable[[Sheet], Sheet]:
    return lambda rows: put(rows, 1, "marks", name)


def _cell(row: int, name: str, value: Any) -> Callable[[Sheet], Sheet]:
    return lambda rows: put(rows, row, name, value)


def _without(name: str) -> Callable[[Sheet], Sheet]:
    def change(rows: Sheet) -> Sheet:
        place = column(rows, name)
        return [row[:place] + row[place + 1 :] for row in rows]

    return change


def _bare_package(rows: Sheet) -> Sheet:
    of_package = {"package_no", "marks", "sscc", "package_type", "length_cm", "width_cm", "height_cm", "gross_kg"}
    keep = of_package | {"destination_site"}
    rows[3] = [cell if rows[0][place] in keep else None for place, cell in enumerate(rows[3])]
    return rows


BAD_SHEETS: dict[str, tuple[Callable[[Sheet], Sheet], tuple[int, str, str]]] = {
    "unknown column": (_header("colour"), (1, "#2", "unknown_column")),
    "missing column": (_without("hs6"), (1, "hs6", "missing_column")),
    "a column twice": (_header("sscc"), (1, "sscc", "duplicate_column")),
    "other currency": (
        lambda rows: put(rows, 1, "unit_value_hkd", "unit_value_usd"),
        (1, "unit_value_usd", "wrong_currency"),
    ),
    "missing gross weight": (_cell(4, "gross_kg", None), (4, "gross_kg", "required")),
    "missing unit weight": (_cell(4, "unit_weight_kg", None), (4, "unit_weight_kg", "required")),
    "zero weight": (_cell(4, "unit_weight_kg", 0), (4, "unit_weight_kg", "not_positive")),
    "negative quantity": (_cell(4, "quantity", -2), (4, "quantity", "below_one")),
    "more pieces than there are": (_cell(4, "quantity", 1e30), (4, "quantity", "too_large")),
    "a weight of 31 digits": (_cell(4, "gross_kg", 1e30), (4, "gross_kg", "too_large")),
    "a length of 300 digits": (_cell(4, "length_cm", 1e300), (4, "length_cm", "too_large")),
    "infinitely much": (_cell(4, "quantity", "Infinity"), (4, "quantity", "not_a_number")),
    "NaN": (_cell(4, "unit_value_hkd", "NaN"), (4, "unit_value_hkd", "not_a_number")),
    "half a piece": (_cell(4, "quantity", 1.5), (4, "quantity", "not_whole")),
    "text for a number": (_cell(4, "quantity", "two"), (4, "quantity", "not_a_number")),
    "a number written as text": (_cell(4, "gross_kg", "43.5"), (4, "gross_kg", "not_a_number")),
    "true for a number": (_cell(4, "quantity", True), (4, "quantity", "not_a_number")),
    "four decimals": (_cell(4, "gross_kg", 43.5001), (4, "gross_kg", "too_many_decimals")),
    "package without lines": (_bare_package, (4, "item_code", "package_without_lines")),
    "line without package": (_cell(4, "package_no", None), (4, "package_no", "line_without_package")),
    "a package number twice": (_cell(6, "package_no", 1), (6, "package_no", "duplicate_package")),
    "a gap in the numbers": (_cell(9, "package_no", 10), (9, "package_no", "numbers_not_contiguous")),
    "lighter than its goods": (_cell(4, "gross_kg", 41.9), (4, "gross_kg", "gross_below_net")),
    "net weight that its lines have not": (with_column("net_kg", 4, 41), (4, "net_kg", "net_mismatch")),
    "unknown package kind": (_cell(4, "package_type", "11"), (4, "package_type", "unknown_package_kind")),
    "unknown unit": (_cell(4, "unit", "ZZZ"), (4, "unit", "unknown_unit")),
    "unknown HS code": (_cell(4, "hs6", "000000"), (4, "hs6", "unknown_hs_code")),
    "unknown country": (_cell(4, "country_of_origin", "QQ"), (4, "country_of_origin", "unknown_country")),
    "unknown condition": (_cell(4, "condition", "Shiny"), (4, "condition", "unknown_condition")),
    "unknown category": (
        lambda rows: [rows[0], *[put([rows[0], r], 2, "category", "Boats")[1] for r in rows[1:]]],
        (2, "category", "unknown_category"),
    ),
    "unknown site": (_cell(4, "destination_site", "Z"), (4, "destination_site", "unknown_site")),
    "no site where there are several": (_cell(4, "destination_site", None), (4, "destination_site", "required")),
    "too long": (_cell(4, "description_en", "x" * 201), (4, "description_en", "too_long")),
    "control characters": (_cell(4, "description_en", "bed_x0007_"), (4, "description_en", "control_characters")),
    "a character that papers cannot show": (
        _cell(4, "description_en", "bed 🛏"),
        (4, "description_en", "not_printable"),
    ),
    "worth more than anything": (
        lambda rows: put(put(rows, 4, "unit_value_hkd", 1e9), 4, "quantity", 1000),
        (4, "unit_value_hkd", "too_large"),
    ),
    "bad SSCC": (_cell(4, "sscc", "048912340000000013"), (4, "sscc", "bad_check_digit")),
    "an SSCC twice": (_cell(4, "sscc", "048912340000000012"), (4, "sscc", "duplicate_sscc")),
    "two dimensions": (_cell(4, "length_cm", None), (4, "length_cm", "incomplete")),
    "a new item described twice": (_cell(4, "unit", "SET"), (4, "item_code", "conflicting_item")),
    "bad UN number": (with_column("un_number", 4, "UN34"), (4, "un_number", "bad_un_number")),
    "a formula that failed": (_cell(4, "marks", "#REF!"), (4, "marks", "formula_error")),
}


class TestRefusals:
    @pytest.mark.parametrize("name", BAD_SHEETS)
    def test_one_bad_cell_refuses_the_whole_file(self, name: str) -> None:
        change, complaint = BAD_SHEETS[name]
        shipment = mali_shipment()

        row = read(shipment, xlsx(change(mali_rows())))

        assert row.outcome == "refused"
        assert complaint in complaints(row)
        assert row.plan is None
        assert not shipment.packages.exists()
        assert not Item.objects.exists()

    def test_every_bad_row_is_reported_with_its_reason(self) -> None:
        rows = put(put(put(mali_rows(), 3, "quantity", -1), 5, "unit", "ZZZ"), 7, "hs6", "1")

        row = read(mali_shipment(), xlsx(rows))

        assert complaints(row) == [
            (3, "quantity", "below_one"),
            (5, "unit", "unknown_unit"),
            (7, "hs6", "unknown_hs_code"),
        ]
        assert row.errors[0] | {"detail": ""} == {
            "sheet": "lines", "row": 3, "column": "quantity", "value": "-1.0", "code": "below_one", "detail": "",
        }  # fmt: skip

    def test_a_package_without_lines_is_one_error(self) -> None:
        row = read(mali_shipment(), xlsx(_bare_package(mali_rows())))

        assert complaints(row) == [(4, "item_code", "package_without_lines")]

    def test_a_package_with_conflicting_rows_is_refused(self) -> None:
        rows = mali_rows()
        put(put(rows, 3, "package_no", 1), 3, "gross_kg", 99)

        row = read(mali_shipment(), xlsx([*rows[:3]]))

        assert (3, "gross_kg", "conflicting_package") in complaints(row)

    def test_errors_do_not_contain_free_text(self) -> None:
        row = read(mali_shipment(), xlsx(put(mali_rows(), 4, "description_en", "Mrs Traoré, " + "x" * 200)))

        assert row.errors[0]["value"] == ""

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "not_a_spreadsheet"),
            (b"package_no,marks\n1,x\n", "not_a_spreadsheet"),
            (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "not_a_spreadsheet"),
            (b"PK\x03\x04" + b"garbage" * 50, "unreadable"),
        ],
    )
    def test_a_file_that_is_not_a_spreadsheet_is_refused(self, content: bytes, code: str) -> None:
        row = read(mali_shipment(), content)

        assert complaints(row) == [(None, "", code)]

    def test_a_truncated_file_is_refused(self) -> None:
        content = MALI_XLSX.read_bytes()

        row = read(mali_shipment(), content[: len(content) // 2])

        assert complaints(row) == [(None, "", "unreadable")]

    def test_an_empty_sheet_is_refused(self) -> None:
        row = read(mali_shipment(), xlsx(mali_rows(0)))

        assert complaints(row) == [(None, "", "no_rows")]

    def test_a_second_sheet_with_data_is_refused(self) -> None:
        book = openpyxl.load_workbook(MALI_XLSX)
        book.create_sheet("more").append(["CR-BUNK", 3])
        out = io.BytesIO()
        book.save(out)

        row = read(mali_shipment(), out.getvalue())

        assert complaints(row) == [(None, "", "unknown_sheet")]

    def test_a_formula_without_a_value_is_refused(self) -> None:
        row = read(mali_shipment(), xlsx(put(mali_rows(), 4, "gross_kg", "=40+3.5")))

        assert complaints(row) == [(4, "gross_kg", "formula_without_value")]

    def test_a_formula_with_a_cached_value_is_read(self) -> None:
        content = change_sheet(
            xlsx(mali_rows()), lambda xml: xml.replace(b"<v>43.5</v>", b"<f>40+3.5</f><v>43.5</v>", 1)
        )

        assert read(mali_shipment(), content).outcome == "imported"

    def test_a_zip_bomb_is_refused_before_it_is_unpacked(self) -> None:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/worksheets/sheet1.xml", b"0" * 100_000_000)

        row = read(mali_shipment(), out.getvalue())

        assert len(out.getvalue()) < 200_000
        assert complaints(row) == [(None, "", "too_large_unpacked")]

    def test_a_zip_directory_with_false_sizes_is_refused(self) -> None:
        content = bytearray(MALI_XLSX.read_bytes())
        size = next(i.file_size for i in zipfile.ZipFile(MALI_XLSX).infolist() if "sheet1" in i.filename)
        content = bytearray(bytes(content).replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little")))

        row = read(mali_shipment(), bytes(content))

        assert complaints(row) == [(None, "", "unreadable")]

    @pytest.mark.parametrize("far", [b"XFD2", b"A1048576", b"BA2", b"C30000"])
    def test_a_far_away_cell_is_refused_before_memory_is_allocated(self, far: bytes) -> None:
        content = change_sheet(xlsx(mali_rows()), lambda xml: xml.replace(b'r="B2"', b'r="' + far + b'"', 1))

        row = read(mali_shipment(), content)

        assert complaints(row) == [(None, "", "too_many_rows")]

    def test_an_entity_is_not_expanded(self) -> None:
        content = change_sheet(
            xlsx(put(mali_rows(), 4, "gross_kg", "=1")),
            lambda xml: b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + xml,
        )

        row = read(mali_shipment(), content)

        assert row.outcome == "refused"
        assert not Package.objects.exists()
