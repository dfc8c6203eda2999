import io
import zipfile
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
from tests.shipments.sheets import (
    MALI_XLSX,
    change_sheet,
    column,
    complaints,
    mali_rows,
    put,
    read,
    told,
    with_column,
    xlsx,
)
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

        read(shipment, xlsx(with_column("handling", 2, "fragile; this way up; keep dry; heavy")(mali_rows(1))))

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
        rows = put(rows, 4, name, secret * 20) if name in rows[0] else with_column(name, 4, secret * 20)(rows)

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
