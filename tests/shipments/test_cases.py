"""Files that other systems took without a word (tests/data/cases): each is refused or asked about, with the place."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from logistics.errors import Invalid
from logistics.roles import Role
from shipments.deliveries.models import Delivery
from shipments.imports.models import Upload
from shipments.packing import services as packing
from shipments.packing.models import ManifestLine, Package
from shipments.shipments import lifecycle
from shipments.shipments.models import Shipment
from tests.clients import client_of, is_a_problem, key_client, once
from tests.makers.catalogue import make_categories, make_item
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.partners import make_key
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched, make_shipment, pack
from tests.shipments.sheets import complaints, mali_rows, put, read, xlsx
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
CASES = Path(__file__).parent.parent / "data" / "cases"
SSCC = "048912340000000012"


def case(name: str) -> bytes:
    return (CASES / name).read_bytes()


@pytest.fixture
def shipment() -> Shipment:
    make_charity()
    make_categories()
    return make_shipment()


class TestLongWords:
    def test_they_are_imported_and_sealed(self, shipment: Shipment) -> None:
        make_item(code="BED-X1")  # two rows describe it differently, which is refused for a new item

        row = read(shipment, case("12-long-words.xlsx"))
        shipment.refresh_from_db()
        sealed = lifecycle.seal(shipment, by=make_packer(), at=NOON)

        assert (row.outcome, complaints(row)) == ("imported", [])
        assert (sealed.status, sealed.package_count) == ("sealed", 3)
        assert max(len(line.description_en) for line in ManifestLine.objects.all()) == 180


class TestSscc:
    def test_a_second_use_in_a_spreadsheet_is_refused_in_the_same_shipment_and_in_another(
        self, shipment: Shipment
    ) -> None:
        first = read(shipment, case("13-sscc-first.xlsx"))
        again = read(shipment, case("13-sscc-again.xlsx"))
        other = read(make_shipment(), case("13-sscc-first.xlsx"))

        assert first.outcome == "imported"
        assert complaints(again) == [(2, "sscc", "sscc_in_use")]
        assert complaints(other) == [(2, "sscc", "sscc_in_use")]
        assert other.errors[0]["detail"] == f"A package of {shipment.number} has this SSCC."
        assert Package.objects.filter(sscc=SSCC).count() == 1

    def test_a_replaced_manifest_may_keep_its_own(self, shipment: Shipment) -> None:
        read(shipment, case("13-sscc-first.xlsx"))

        assert read(shipment, case("13-sscc-first.xlsx"), replace=True).outcome == "imported"

    def test_the_api_refuses_it_too(self, shipment: Shipment) -> None:
        read(shipment, case("13-sscc-first.xlsx"))
        other, client = pack(make_shipment(), item=make_item()), client_of(make_user(Role.WAREHOUSE))
        url = f"/api/v1/shipments/{other.number}/packages/"
        line = {"item": ManifestLine.objects.last().item.code, "quantity": 1, "unit_value": "1.00"}  # type: ignore[union-attr]
        package = {"kind": "CT", "sscc": SSCC, "lines": [line]}

        answers = [
            client.post(url, package, format="json", headers=once()),
            client.patch(f"{url}1/", {"sscc": SSCC, "version": 1}, format="json"),
            client.post(url, package | {"sscc": SSCC[:-1] + "3"}, format="json", headers=once()),
            client.post(url, package | {"sscc": "048912340000000029", "copies": 2}, format="json", headers=once()),
        ]

        found = [(answer.status_code, *answer.json()["errors"][0].values()) for answer in answers]
        assert [(status, field, code) for status, field, code, _detail in found] == [
            (400, "sscc", "not_unique"),
            (400, "sscc", "not_unique"),
            (400, "sscc", "bad_check_digit"),
            (400, "sscc", "not_unique"),
        ]

    def test_so_does_the_database(self, shipment: Shipment) -> None:
        pack(shipment, 2)
        Package.objects.filter(number=1).update(sscc=SSCC)

        with pytest.raises(IntegrityError, match="an_sscc_is_used_once"), transaction.atomic():
            Package.objects.filter(number=2).update(sscc=SSCC)

    @pytest.mark.django_db(transaction=True)
    def test_of_many_shipments_that_use_it_at_once_one_gets_it(self) -> None:
        shipments, by = [pack(make_shipment()) for _ in range(4)], make_packer()

        def use(number: int) -> str:
            package = shipments[number].packages.get()
            try:
                packing.edit_package(package, {"sscc": SSCC}, version=package.version, by=by, at=NOON)
            except Invalid as refusal:
                return refusal.field
            return "used"

        assert sorted(in_threads(use, 4)) == ["sscc", "sscc", "sscc", "used"]


class TestContradictions:
    def test_a_spreadsheet_is_asked_about(self, shipment: Shipment) -> None:
        make_item(code="CR-BIKE", name_en="Child bicycle", name_fr="Vélo enfant", hs6="871200", unit_weight_kg="10.5")

        row = read(shipment, case("15-unit-of-weight-contradicts.xlsx"))

        assert complaints(row) == [(2, "unit_weight_kg", "contradicts_unit"), (3, "item_code", "unlike_catalogue")]
        assert [error["detail"] for error in row.errors] == [
            "The unit KGM weighs 1 kg, the line says 2.000 kg. Correct the unit weight, or count in pieces.",
            "Is this really CR-BIKE? In the catalogue that is: Child bicycle, H87, HS 871200, 10.500 kg."
            " Correct the item code or the line.",
        ]
        assert (Upload.objects.get().outcome, Package.objects.count()) == ("refused", 0)

    def test_each_line_of_the_same_goods_is_asked_about(self, shipment: Shipment) -> None:
        make_item(code="CR-BIKE", name_en="Child bicycle", name_fr="Vélo enfant", hs6="871200", unit_weight_kg="10.5")
        rows = mali_rows(3)
        for row in (2, 4):
            for name, value in {"item_code": "CR-BIKE", "unit": "KGM", "unit_weight_kg": 2}.items():
                put(rows, row, name, value)

        asked = [
            told for told in complaints(read(shipment, xlsx(rows))) if "contradicts" in told[2] or "unlike" in told[2]
        ]

        both = [("unit_weight_kg", "contradicts_unit"), ("item_code", "unlike_catalogue")]
        assert asked == [(row, *told) for row in (2, 4) for told in both]

    @pytest.mark.parametrize(
        ("line", "refused"),
        [
            ({"unit": "KGM", "unit_weight_kg": "2"}, ("unit_weight_kg", "contradicts_unit")),
            ({"unit": "KGM", "unit_weight_kg": "1"}, None),
            ({"unit": "LBR", "unit_weight_kg": "0.454"}, None),
            (
                {"unit": "GRM", "unit_weight_kg": "0.001", "hs6": "940350", "description_en": "Another thing"},
                ("item", "unlike_catalogue"),
            ),
            # A different model, classified differently: the words say that it is a bicycle.
            ({"hs6": "940350", "description_en": "Bicycle, large", "unit_weight_kg": "25"}, None),
        ],
    )
    def test_the_api_asks_too(self, line: dict[str, str], refused: tuple[str, str] | None, shipment: Shipment) -> None:
        make_item(code="CR-BIKE", name_en="Child bicycle", name_fr="Vélo enfant", hs6="871200", unit_weight_kg="10.5")
        body = {"kind": "CT", "lines": [{"item": "CR-BIKE", "quantity": 25, "unit_value": "1.00", **line}]}
        url = f"/api/v1/shipments/{shipment.number}/packages/"

        answer = client_of(make_user(Role.WAREHOUSE)).post(url, body, format="json", headers=once())

        if refused is None:
            assert answer.status_code == 201
        else:
            assert is_a_problem(answer, 400, "invalid_input")
            assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [refused]
            assert Package.objects.count() == 0


class TestConfirmations:
    def confirm(self, name: str) -> Any:
        shipment = make_dispatched(3)
        client = key_client(make_key(shipment.consignee))
        url = f"/api/v1/shipments/{shipment.number}/deliveries/"
        return client.post(url, json.loads(case(name)), format="json", headers=once())

    @pytest.mark.parametrize(
        ("name", "field", "code", "detail"),
        [
            (
                "20-confirmation-with-misspelt-exceptions.json",
                "exeptions",
                "unknown_name",
                "There is no such name. Did you mean “exceptions”?",
            ),
            (
                "22-confirmation-from-1970.json",
                "stated_at",
                "before_dispatch",
                "This is before the shipment was dispatched (2 March 2026). Check the clock.",
            ),
        ],
    )
    def test_one_that_cannot_be_meant_records_nothing(self, name: str, field: str, code: str, detail: str) -> None:
        answer = self.confirm(name)

        assert is_a_problem(answer, 400, "invalid_input")
        assert answer.json()["errors"] == [{"field": field, "code": code, "detail": detail}]
        assert Delivery.objects.count() == 0
