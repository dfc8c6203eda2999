import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from logistics.audit import services as audit
from logistics.catalogue.models import Item
from shipments.imports import services
from shipments.imports.models import Upload
from shipments.packing import manifest
from shipments.packing.models import ManifestLine, Package
from shipments.shipments import contents, lifecycle
from shipments.shipments.models import Shipment
from shipments.shipments.services import ManifestFrozen
from tests.clients import client_of, once
from tests.makers.catalogue import make_item
from tests.makers.moments import NOON
from tests.makers.partners import make_partner_user
from tests.makers.people import make_packer
from tests.makers.shipments import make_sealed, mali_shipment, pack
from tests.shipments.sheets import MALI_XLSX, Sheet, column, complaints, mali_rows, put, read, told, xlsx
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


class TestTheMaliShipment:
    def test_is_imported_with_its_totals(self) -> None:
        shipment = mali_shipment()

        row = read(shipment, MALI_XLSX.read_bytes())

        assert (row.state, row.outcome, row.errors) == ("done", "imported", [])
        assert Package.objects.filter(shipment=shipment).count() == 270
        assert ManifestLine.objects.filter(package__shipment=shipment).count() == 323
        assert manifest.count(shipment) == contents.Totals(
            package_count=270,
            line_count=323,
            piece_count=contents.totals(shipment).piece_count,
            net_kg=Decimal("6252.010"),
            gross_kg=Decimal("6490.110"),
            measured_kg=Decimal("0.000"),
            volume_m3=Decimal("59.053"),
            value_minor=52509400,
        )
        assert Item.objects.count() == 129
        shipment.refresh_from_db()
        assert (shipment.status, shipment.packed_by_id) == ("packing", row.uploaded_by_id)

    def test_can_be_sealed_and_its_packing_list_matches(self) -> None:
        shipment = mali_shipment()
        read(shipment, MALI_XLSX.read_bytes())

        lifecycle.seal(shipment, by=make_packer(), at=NOON)

        context = shipment.papers.get(kind="packing-list").document.context
        assert context["totals"]["gross_kg"] == "6490.110"
        assert (len(context["packages"]), sum(len(p["lines"]) for p in context["packages"])) == (270, 323)
        assert sum(c["value_minor"] for c in context["by_category"]) == 52509400
        assert sum(k["packages"] for k in context["by_kind"]) == 270
        assert sum(d["packages"] for d in context["by_destination"]) == 270
        sites = {row.site.code for row in shipment.sites.select_related("site")}
        assert {package["destination"] for package in context["packages"]} == sites

    def test_a_dry_run_reports_the_plan_and_changes_nothing(self) -> None:
        shipment = mali_shipment()

        row = read(shipment, MALI_XLSX.read_bytes(), dry_run=True)

        assert row.outcome == "would_import"
        assert {name: told(row)[name] for name in ("packages", "lines", "first_package", "last_package")} == {
            "packages": 270,
            "lines": 323,
            "first_package": 1,
            "last_package": 270,
        }
        assert told(row)["totals"]["gross_kg"] == "6490.110"
        assert told(row)["totals"]["volume_m3"] == "59.053"
        assert len(told(row)["items_to_create"]) == 129
        sites = dict(shipment.sites.values_list("label", "site__code"))
        assert {each["label"]: each["site"] for each in told(row)["destinations"]} == sites
        assert sum(each["packages"] for each in told(row)["destinations"]) == 270
        assert not shipment.packages.exists()
        assert not Item.objects.exists()
        assert row.content is None

    def test_is_written_in_few_statements(self) -> None:
        shipment = mali_shipment()
        row = services.upload(shipment, MALI_XLSX.read_bytes(), dry_run=False, replace=False, by=make_packer(), at=NOON)
        outcome = services._read(row, at=NOON)

        with CaptureQueriesContext(connection) as caught:
            services._write(row, shipment, outcome.plan, at=NOON)  # type: ignore[arg-type]

        writes = [q for q in caught.captured_queries if q["sql"].split()[0] in ("INSERT", "UPDATE", "COPY", "DELETE")]
        assert len(writes) <= 10

    def test_prints_every_text_as_typed(self) -> None:
        shipment = mali_shipment()

        read(shipment, MALI_XLSX.read_bytes())

        rows = mali_rows(323)
        written = [row[column(rows, "description_fr")] for row in rows[1:]]
        lines = ManifestLine.objects.filter(package__shipment=shipment).order_by("package__number", "position")
        assert list(lines.values_list("description_fr", flat=True)) == written


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


def _with(name: str, row: int, value: Any) -> Callable[[Sheet], Sheet]:
    def change(rows: Sheet) -> Sheet:
        rows = [[*cells, name if number == 0 else None] for number, cells in enumerate(rows)]
        return put(rows, row, name, value)

    return change


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
    "net weight that its lines have not": (_with("net_kg", 4, 41), (4, "net_kg", "net_mismatch")),
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
    "bad UN number": (_with("un_number", 4, "UN34"), (4, "un_number", "bad_un_number")),
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


def change_sheet(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Rewrite the XML of the first sheet."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = old.read(member)
            new.writestr(member.filename, change(data) if member.filename.endswith("sheet1.xml") else data)
    return out.getvalue()


class TestReading:
    def test_text_that_looks_like_a_formula_stays_text(self) -> None:
        shipment = mali_shipment()
        content = change_sheet(
            xlsx(put(mali_rows(), 2, "description_en", "HYPER")),
            lambda xml: xml.replace(b">HYPER<", b">=HYPERLINK(&quot;http://x&quot;)<"),
        )
        shared = change_shared(content, b">HYPER<", b">=HYPERLINK(&quot;http://x&quot;)<")

        row = read(shipment, shared)

        assert row.outcome in ("imported", "refused")
        if row.outcome == "imported":
            texts = ManifestLine.objects.values_list("description_en", flat=True)
            assert '=HYPERLINK("http://x")' in texts

    def test_later_rows_of_a_package_may_leave_package_columns_blank(self) -> None:
        shipment, rows = mali_shipment(), mali_rows(3)
        for name in (
            "marks",
            "sscc",
            "package_type",
            "length_cm",
            "width_cm",
            "height_cm",
            "gross_kg",
            "destination_site",
        ):
            put(rows, 3, name, None)
        put(put(rows, 3, "package_no", 1), 4, "package_no", 2)
        put(rows, 2, "gross_kg", 90)

        row = read(shipment, xlsx(rows))

        assert row.outcome == "imported"
        assert [p.lines.count() for p in shipment.packages.order_by("number")] == [2, 1]

    def test_handling_is_split_into_flags_and_a_remark(self) -> None:
        shipment = mali_shipment()

        read(shipment, xlsx(_with("handling", 2, "fragile; this way up; keep dry; heavy")(mali_rows(1))))

        package = shipment.packages.get()
        assert (package.flags, package.remark) == (["fragile", "this_way_up"], "keep dry")

    def test_an_existing_item_is_used_and_not_changed(self) -> None:
        shipment = mali_shipment()
        make_item(code="CR-BUNK", name_en="Bunk bed")

        row = read(shipment, xlsx(mali_rows(1)))

        assert told(row)["items_to_create"] == []
        assert Item.objects.get().name_en == "Bunk bed"
        assert ManifestLine.objects.get().description_en.startswith("Bunk bed, steel")

    def test_an_inactive_item_is_refused(self) -> None:
        shipment = mali_shipment()
        make_item(code="CR-BUNK", is_active=False)

        row = read(shipment, xlsx(mali_rows(1)))

        assert complaints(row) == [(2, "item_code", "inactive_item")]

    def test_further_packages_continue_the_numbering(self) -> None:
        shipment = pack(mali_shipment(), 2)
        rows = mali_rows(2)
        put(put(rows, 2, "package_no", 3), 3, "package_no", 4)

        row = read(shipment, xlsx(rows))

        assert row.outcome == "imported"
        assert list(shipment.packages.values_list("number", flat=True)) == [1, 2, 3, 4]

    def test_packages_are_replaced_only_on_request(self) -> None:
        shipment = pack(mali_shipment(), 2)

        row = read(shipment, xlsx(mali_rows(2)))

        assert complaints(row) == [(2, "package_no", "package_exists"), (3, "package_no", "package_exists")]
        assert shipment.packages.count() == 2

    def test_replacing_reports_how_many_packages_are_removed(self) -> None:
        shipment = pack(mali_shipment(), 2)

        tried = read(shipment, xlsx(mali_rows(3)), dry_run=True, replace=True)
        done = read(shipment, xlsx(mali_rows(3)), replace=True)

        assert (told(tried)["replaces_packages"], told(done)["replaces_packages"]) == (2, 2)
        assert shipment.packages.count() == 3
        assert set(ManifestLine.objects.values_list("item__code", flat=True)) == {"CR-BUNK"}

    def test_a_sealed_shipment_accepts_no_spreadsheet(self) -> None:
        with pytest.raises(ManifestFrozen):
            services.upload(make_sealed(), b"PK", dry_run=True, replace=False, by=make_packer(), at=NOON)

    def test_a_retried_upload_does_not_change_a_sealed_manifest(self) -> None:
        shipment = pack(mali_shipment())
        rows = put(mali_rows(1), 2, "package_no", 2)
        row = services.upload(shipment, xlsx(rows), dry_run=False, replace=False, by=make_packer(), at=NOON)
        Upload.objects.update(state=Upload.State.DEAD, ended_at=NOON)
        lifecycle.seal(shipment, by=make_packer(), at=NOON)
        services.retry(row, by=make_packer(), at=NOON)

        services.read_upload(str(row.pk), at=NOON)

        row.refresh_from_db()
        assert complaints(row) == [(None, "", "manifest_changed")]
        assert shipment.packages.count() == 1

    def test_errors_are_in_the_uploaders_language(self) -> None:
        by = make_packer()
        by.language = "fr"
        by.save()

        row = read(mali_shipment(), xlsx(put(mali_rows(), 4, "quantity", "two")), by=by)

        assert row.errors[0]["detail"] == "Saisissez un nombre, pas du texte."


def change_shared(content: bytes, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written:
        for member in archive.infolist():
            written.writestr(member.filename, archive.read(member).replace(old, new))
    return out.getvalue()


@pytest.mark.parametrize("name", ["destination_site", "handling", "remark", "category", "marks", None])
def test_errors_never_contain_the_name_of_a_shelter(name: str | None) -> None:
    secret = "Foyer Esperance Kati"
    shipment, client = mali_shipment(), client_of(make_packer())
    rows = mali_rows()
    if name is None:
        put(rows, 1, "marks", f"unit_value_{secret}")
    else:
        rows = put(rows, 4, name, secret * 20) if name in rows[0] else _with(name, 4, secret * 20)(rows)

    row = read(shipment, xlsx(rows, sheet=secret))
    shown = client.get(f"/api/v1/shipments/{shipment.number}/imports/{row.pk}/")

    assert (row.outcome, shown.status_code) == ("refused", 200)
    assert "kati" not in shown.content.decode().lower()


def test_a_currency_change_during_the_import_refuses_the_file(monkeypatch: Any) -> None:
    shipment, make = mali_shipment(), services.planning.make

    def meanwhile_somebody_changes_the_currency(*args: Any, **options: Any) -> Any:
        made = make(*args, **options)
        Shipment.objects.update(customs_currency="XOF")
        return made

    monkeypatch.setattr(services.planning, "make", meanwhile_somebody_changes_the_currency)

    row = read(shipment, xlsx(mali_rows()))

    assert (row.outcome, complaints(row)) == ("refused", [(None, "", "manifest_changed")])
    assert not shipment.packages.exists()


class TestApi:
    def send(self, shipment: Shipment, content: bytes, *, client: Any = None, key: Any = None, **told: Any) -> Any:
        file = SimpleUploadedFile("list.xlsx", content)
        return (client or client_of(make_packer())).post(
            f"/api/v1/shipments/{shipment.number}/imports/",
            {"file": file, "dry_run": "true"} | told,
            format="multipart",
            headers=key or once(),
        )

    def test_a_spreadsheet_is_uploaded_and_its_outcome_can_be_read(self) -> None:
        shipment, client = mali_shipment(), client_of(make_packer())

        taken = self.send(shipment, MALI_XLSX.read_bytes(), client=client)
        waiting = client.get(taken.json()["url"]).json()
        services.read_upload(taken.json()["id"], at=NOON)
        done = client.get(taken.json()["url"]).json()

        assert taken.status_code == 202
        assert (waiting["state"], waiting["progress"], waiting["outcome"]) == ("pending", 0, "")
        assert (done["state"], done["progress"], done["outcome"]) == ("done", 100, "would_import")
        assert done["plan"]["totals"]["value"] == "525094.00"

    def test_the_same_upload_again_is_the_same_import(self) -> None:
        shipment, client, key = mali_shipment(), client_of(make_packer()), once()

        first = self.send(shipment, xlsx(mali_rows()), client=client, key=key)
        second = self.send(shipment, xlsx(mali_rows()), client=client, key=key)

        assert second.status_code in (202, 422)  # openpyxl stamps the time: two files may differ
        assert Upload.objects.count() == 1
        assert first.json()["id"] == str(Upload.objects.get().pk)

    def test_dry_run_is_required(self) -> None:
        answer = self.send(mali_shipment(), b"PK", dry_run="")

        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["dry_run"]

    def test_30_MB_are_refused_at_once(self) -> None:
        shipment, client = mali_shipment(), client_of(make_packer())

        with CaptureQueriesContext(connection) as caught:
            answer = self.send(shipment, b"PK" + b"0" * 30_000_000, client=client)

        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert not Upload.objects.exists()
        assert not any("idempotency" in query["sql"] for query in caught.captured_queries)

    def test_a_partner_cannot_upload_a_spreadsheet(self) -> None:
        assert self.send(mali_shipment(), b"PK", client=client_of(make_partner_user())).status_code == 403

    def test_a_filled_in_template_can_be_imported(self) -> None:
        shipment = mali_shipment()
        answer = client_of(make_packer()).get("/api/v1/shipments/import-template/?currency=HKD")
        book = openpyxl.load_workbook(io.BytesIO(answer.content))
        names = [cell.value for cell in book["lines"][1]]
        for cells in mali_rows(3)[1:]:
            of_row = dict(zip(mali_rows(0)[0], cells, strict=True))
            place = int(of_row["package_no"]) + 1
            for number, name in enumerate(names, start=1):
                book["lines"].cell(place, number, of_row.get(str(name)))
        out = io.BytesIO()
        book.save(out)

        row = read(shipment, out.getvalue())

        assert row.outcome == "imported", row.errors
        assert shipment.packages.count() == 3

    def test_the_audit_trail_records_the_import(self) -> None:
        shipment = mali_shipment()

        read(shipment, xlsx(mali_rows()))

        trail = list(audit.trail(shipment))
        assert [entry.verb for entry in trail] == ["created", "manifest uploaded", "manifest imported"]
        assert trail[-1].at == NOON


@pytest.mark.django_db(transaction=True)
def test_only_one_of_several_concurrent_imports_is_written() -> None:
    shipment, by = mali_shipment(), make_packer()
    rows = [
        services.upload(shipment, xlsx(mali_rows()), dry_run=False, replace=False, by=by, at=NOON) for _ in range(4)
    ]

    in_threads(lambda n: services.read_upload(str(rows[n].pk), at=NOON), times=4)

    outcomes = sorted(Upload.objects.values_list("outcome", flat=True))
    assert outcomes == ["imported", "refused", "refused", "refused"]
    assert shipment.packages.count() == 8
