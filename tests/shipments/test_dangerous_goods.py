"""Lines copy open values from the catalogue, and every paper declares dangerous goods."""

from typing import Any

import pytest
from django.db import IntegrityError

from logistics.catalogue import services as catalogue
from logistics.catalogue.models import Item
from logistics.roles import Role
from shipments.imports import services as imports
from shipments.imports.models import Upload
from shipments.packing.models import ManifestLine
from shipments.shipments import lifecycle
from shipments.shipments.models import Shipment
from tests.clients import client_of, once
from tests.makers.catalogue import make_category, make_item
from tests.makers.moments import NOON
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_packed, make_sealed, mali_shipment, pack
from tests.shipments.sheets import column, complaints, mali_rows, put, read, told, xlsx

pytestmark = pytest.mark.django_db
LAPTOP: dict[str, Any] = {
    "code": "CR-LAPTOP",
    "hs6": "847130",
    "origin": "CN",
    "is_dangerous": True,
    "un_number": "3481",
}


def facts(line: ManifestLine) -> tuple[str, str, str]:
    return line.hs6, line.origin, line.un_number


def add(shipment: Shipment, path: str, **body: Any) -> Any:
    client = client_of(make_packer())
    return client.post(f"/api/v1/shipments/{shipment.number}/{path}/", body, format="json", headers=once())


def line_of(item: Item, **more: Any) -> dict[str, Any]:
    return {"item": item.code, "quantity": 1, "unit_value": "700.00", "unit_weight_kg": "4.500"} | more


class TestApi:
    def test_a_line_copies_open_values_from_its_item(self) -> None:
        shipment, item = make_packed(), make_item(**LAPTOP)

        line = add(shipment, "lines", package=1, **line_of(item)).json()
        packages = add(shipment, "packages", kind="CT", copies=2, lines=[line_of(item, un_number="", origin=None)])

        assert (line["hs6"], line["origin"], line["un_number"]) == ("847130", "CN", "3481")
        assert [package["un_numbers"] for package in packages.json()] == [["3481"], ["3481"]]
        assert [facts(line) for line in ManifestLine.objects.filter(item=item)] == [("847130", "CN", "3481")] * 3

    def test_a_lines_own_values_win(self) -> None:
        item = make_item(**LAPTOP)

        line = add(
            make_packed(), "lines", package=1, **line_of(item, hs6="847141", origin="VN", un_number="none")
        ).json()

        assert (line["hs6"], line["origin"], line["un_number"]) == ("847141", "VN", "")

    def test_an_unknown_origin_can_be_stated(self) -> None:
        line = add(make_packed(), "lines", package=1, **line_of(make_item(**LAPTOP), origin="XX")).json()

        assert line["origin"] == ""

    def test_a_un_number_that_differs_from_the_catalogue_is_refused(self) -> None:
        answer = add(make_packed(), "lines", package=1, **line_of(make_item(**LAPTOP), un_number="3480"))

        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"], error["code"]) == (400, "un_number", "conflicting_un_number")
        assert "UN3481 for CR-LAPTOP" in error["detail"]

    def test_goods_that_are_not_dangerous_in_the_catalogue_may_be_declared(self) -> None:
        line = add(make_packed(), "lines", package=1, **line_of(make_item(), un_number="2800")).json()

        assert line["un_number"] == "2800"

    def edit(self, line: ManifestLine, **changes: Any) -> Any:
        url = f"/api/v1/shipments/{line.package.shipment.number}/lines/{line.pk}/"
        return client_of(make_packer()).patch(url, {"version": line.version} | changes, format="json")

    def test_changing_the_item_takes_the_new_items_values(self) -> None:
        line = ManifestLine.objects.get(package__shipment=make_packed())
        item = make_item(**LAPTOP, name_en="Laptop", name_fr="Portable", unit_weight_kg="4.500")

        edited = self.edit(line, item=item.code, origin="VN").json()

        assert (edited["description_en"], edited["description_fr"]) == ("Laptop", "Portable")
        assert (edited["hs6"], edited["origin"], edited["un_number"]) == ("847130", "VN", "3481")
        assert (edited["unit_weight_kg"], edited["quantity"]) == ("4.500", line.quantity)

    def test_emptied_values_are_copied_from_the_catalogue_again(self) -> None:
        item = make_item(**LAPTOP)
        line = ManifestLine.objects.get(package__shipment=pack(make_packed(), item=item), item=item)
        catalogue.update_item(item, {"un_number": "3091", "hs6": "847141"}, version=1, by=None, at=NOON)

        kept = self.edit(line, quantity=2).json()
        line.refresh_from_db()
        taken = self.edit(line, un_number="").json()

        assert (kept["hs6"], kept["un_number"]) == ("847130", "3481")
        assert (taken["hs6"], taken["un_number"]) == ("847130", "3091")

    def test_an_edit_that_contradicts_the_catalogue_is_refused(self) -> None:
        item = make_item(**LAPTOP)
        line = ManifestLine.objects.get(package__shipment=pack(make_packed(), item=item), item=item)

        assert self.edit(line, un_number="3480").json()["errors"][0]["code"] == "conflicting_un_number"
        assert self.edit(line, un_number="none").json()["un_number"] == ""


class TestSpreadsheet:
    def rows(self, **cells: Any) -> Any:
        rows = mali_rows(1)
        rows = [[*row, name] for row, name in zip(rows, ("un_number", None), strict=True)]
        for name, value in {"item_code": "CR-LAPTOP", "hs6": None, "country_of_origin": None, **cells}.items():
            put(rows, 2, name, value)
        return rows

    def read(self, *, dry_run: bool = False, **cells: Any) -> Upload:
        make_item(**LAPTOP)
        return read(mali_shipment(), xlsx(self.rows(**cells)), dry_run=dry_run)

    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            ({}, ("847130", "CN", "3481")),
            ({"un_number": "UN3481"}, ("847130", "CN", "3481")),
            ({"hs6": "847141", "country_of_origin": "VN"}, ("847141", "VN", "3481")),
            ({"country_of_origin": "XX"}, ("847130", "", "3481")),
            ({"un_number": "none"}, ("847130", "CN", "")),
        ],
    )
    def test_an_empty_cell_is_filled_from_the_catalogue(self, cells: Any, expected: tuple[str, str, str]) -> None:
        row = self.read(**cells)

        assert row.outcome == "imported", row.errors
        assert facts(ManifestLine.objects.get()) == expected

    def test_missing_columns_are_filled_from_the_catalogue(self) -> None:
        make_item(**LAPTOP)
        rows = self.rows()
        gone = {column(rows, name) for name in ("hs6", "country_of_origin", "un_number")}
        rows = [[cell for place, cell in enumerate(row) if place not in gone] for row in rows]

        assert read(mali_shipment(), xlsx(rows)).outcome == "imported"
        assert facts(ManifestLine.objects.get()) == ("847130", "CN", "3481")

    def test_a_different_un_number_is_refused_with_its_row(self) -> None:
        row = self.read(dry_run=True, un_number="UN3480")

        assert complaints(row) == [(2, "un_number", "conflicting_un_number")]
        assert "UN3481 for CR-LAPTOP" in row.errors[0]["detail"]

    def test_a_dry_run_reports_goods_marked_as_not_dangerous(self) -> None:
        notices = told(self.read(dry_run=True, un_number="none"))["notices"]

        assert [(notice["row"], notice["code"]) for notice in notices] == [(2, "not_dangerous")]

    def test_an_item_without_an_hs_code_needs_one_in_the_row(self) -> None:
        make_item(code="CR-LAPTOP", hs6="")

        assert complaints(read(mali_shipment(), xlsx(self.rows()))) == [(2, "hs6", "required")]

    def test_one_row_of_a_new_item_may_declare_its_un_number_for_all_rows(self) -> None:
        rows = [[*row, name] for row, name in zip(mali_rows(3), ("un_number", None, "UN3481", "none"), strict=True)]
        put(rows, 2, "hs6", None)

        row = read(mali_shipment(), xlsx(rows))

        assert row.outcome == "imported", row.errors
        assert (Item.objects.get().un_number, Item.objects.get().is_dangerous) == ("3481", True)
        lines = ManifestLine.objects.order_by("package__number")
        assert [facts(line)[2] for line in lines] == ["3481", "3481", ""]
        assert {line.hs6 for line in lines} == {"940320"}

    def test_two_un_numbers_of_one_new_item_are_refused(self) -> None:
        rows = [[*row, name] for row, name in zip(mali_rows(2), ("un_number", "UN3480", "UN3481"), strict=True)]

        assert complaints(read(mali_shipment(), xlsx(rows))) == [(3, "item_code", "conflicting_item")]

    def test_a_catalogue_change_during_the_import_refuses_the_file(self) -> None:
        item, shipment = make_item(**LAPTOP), mali_shipment()
        row = imports.upload(shipment, xlsx(self.rows()), dry_run=False, replace=False, by=make_packer(), at=NOON)
        outcome = imports._read(row, at=NOON)
        catalogue.update_item(item, {"un_number": "3091"}, version=1, by=None, at=NOON)

        found: Any = imports._record(row, outcome, at=NOON)

        assert [error["code"] for error in found["errors"]] == ["catalogue_changed"]
        assert not shipment.packages.exists()


class TestCatalogue:
    def test_a_un_number_declares_dangerous_goods(self) -> None:
        client, category = client_of(make_user(Role.WAREHOUSE)), make_category()
        body = {"code": "UPS", "name_en": "UPS", "category": str(category.pk), "origin": "CN", "un_number": "2800"}

        made = client.post("/api/v1/items/", body, format="json", headers=once()).json()
        listed = client.get("/api/v1/items/?un_number=2800").json()["results"]

        assert (made["is_dangerous"], made["un_number"], made["origin"]) == (True, "2800", "CN")
        assert [item["code"] for item in listed] == ["UPS"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"is_dangerous": True}, "un_number"),
            ({"is_dangerous": False, "un_number": "2800"}, "is_dangerous"),
            ({"origin": "QQ"}, "origin"),
        ],
    )
    def test_an_incomplete_declaration_is_refused(self, fields: Any, field: str) -> None:
        client, item = client_of(make_user(Role.WAREHOUSE)), make_item()

        answer = client.patch(f"/api/v1/items/{item.pk}/", {"version": 1} | fields, format="json")

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)

    @pytest.mark.parametrize("fields", [{"is_dangerous": True}, {"un_number": "2800"}])
    def test_the_database_refuses_an_incomplete_declaration(self, fields: Any) -> None:
        item = make_item()

        with pytest.raises(IntegrityError, match="dangerous_goods_have_a_un_number"):
            Item.objects.filter(pk=item.pk).update(**fields)


def test_every_paper_declares_dangerous_goods() -> None:
    item = make_item(**LAPTOP, name_en="Laptop", name_fr="Portable")
    shipment = make_packed()
    pack(shipment, 2, item=item)
    shipment = lifecycle.seal(shipment, by=make_packer(), at=NOON)
    for kind in ("labels", "goods-received-form", "waybill"):
        assert add(shipment, "papers", kind=kind).status_code == 201

    said = {paper.kind: paper.document.context for paper in shipment.papers.select_related("document")}

    packing_list = said["packing-list"]
    assert (packing_list["dangerous_goods"], packing_list["un_numbers"]) == (True, ["UN3481"])
    assert [package["lines"][0]["un_number"] for package in packing_list["packages"]] == ["", "UN3481", "UN3481"]
    assert [label["un_numbers"] for label in said["labels"]["labels"]] == [[], ["UN3481"], ["UN3481"]]
    assert "dangerous" in said["labels"]["labels"][1]["flags"]
    assert said["goods-received-form"]["packages"][1]["lines"][0]["un_number"] == "UN3481"
    assert said["waybill"]["dangerous_goods"] == [
        {
            "un_number": "UN3481",
            "goods": {"en": "Laptop", "fr": "Portable"},
            "package_numbers": "2–3",
            "packages": 2,
            "net_kg": "25.000",
            "gross_kg": "27.000",
        }
    ]


def test_a_waybill_without_dangerous_goods_declares_none() -> None:
    shipment = make_sealed()
    add(shipment, "papers", kind="waybill")

    assert shipment.papers.get(kind="waybill").document.context["dangerous_goods"] == []
