from decimal import Decimal
from typing import Any

import pytest

from shipments.packing.models import ManifestLine
from tests.clients import client_of, key_client, once
from tests.makers.catalogue import make_item
from tests.makers.partners import make_key
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, make_shipment

pytestmark = pytest.mark.django_db


class TestPackages:
    def test_a_package_change_needs_the_version_that_was_read(self) -> None:
        shipment, client = make_packed(), client_of(make_packer())
        address = f"/api/v1/shipments/{shipment.number}/packages/1/"

        changed = client.patch(address, {"gross_kg": "14.000", "version": 1}, format="json")
        stale = client.patch(address, {"gross_kg": "15.000", "version": 1}, format="json")

        assert (changed.status_code, changed.json()["gross_kg"], changed.headers["ETag"]) == (200, "14.000", '"2"')
        assert (stale.status_code, stale.json()["code"]) == (412, "stale")

    def test_a_package_is_removed_with_its_lines(self) -> None:
        shipment, client = make_packed(2), client_of(make_packer())

        answer = client.delete(f"/api/v1/shipments/{shipment.number}/packages/2/", headers={"If-Match": '"1"'})

        assert answer.status_code == 204
        assert ManifestLine.objects.count() == 1

    def test_a_sealed_package_cannot_change(self) -> None:
        shipment, client = make_sealed(), client_of(make_packer())

        answer = client.patch(
            f"/api/v1/shipments/{shipment.number}/packages/1/", {"gross_kg": "14", "version": 1}, format="json"
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "manifest_frozen")

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"number": 2}, "not_unique"),
            ({"kind": "11"}, "unknown_code"),
            ({"length_cm": None}, "incomplete"),
            ({"destination": "NOSUCH"}, "foreign_site"),
            ({"gross_kg": None, "gross_measured": True}, "required"),
        ],
    )
    def test_invalid_values_are_refused(self, change: dict[str, Any], code: str) -> None:
        shipment = make_packed(2)

        answer = client_of(make_packer()).patch(
            f"/api/v1/shipments/{shipment.number}/packages/1/", change | {"version": 1}, format="json"
        )

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == code

    def test_a_list_is_filtered(self) -> None:
        shipment = make_packed(3)
        shipment.packages.filter(number=2).update(gross_kg=30)
        client = client_of(make_packer())

        heavy = client.get(f"/api/v1/shipments/{shipment.number}/packages/?is_heavy=true").json()["results"]
        middle = client.get(f"/api/v1/shipments/{shipment.number}/packages/?number_from=2&number_to=2").json()[
            "results"
        ]

        assert [p["number"] for p in heavy] == [p["number"] for p in middle] == [2]

    def test_a_partner_sees_goods_but_no_values(self) -> None:
        shipment = make_dispatched()
        client = key_client(make_key(shipment.consignee))

        (package,) = client.get(f"/api/v1/shipments/{shipment.number}/packages/").json()["results"]

        assert package["lines"][0]["quantity"] == 10
        assert not {"unit_value", "value"} & set(package["lines"][0])


class TestLines:
    def test_omitted_fields_of_a_line_come_from_the_catalogue(self) -> None:
        shipment, client = make_packed(), client_of(make_packer())
        item = make_item(unit_weight_kg=Decimal("2.500"), unit="SET")

        answer = client.post(
            f"/api/v1/shipments/{shipment.number}/lines/",
            {"package": 1, "item": item.code, "quantity": 2, "unit_value": "3.50"},
            format="json",
            headers=once(),
        )

        line = answer.json()
        assert answer.status_code == 201
        assert (line["line"], line["description_fr"], line["unit"]) == (2, item.name_fr, "SET")
        assert (line["net_kg"], line["value"]) == ("5.000", "7.00")

    def test_a_line_is_changed_and_removed(self) -> None:
        shipment, client = make_packed(), client_of(make_packer())
        line = ManifestLine.objects.get()
        address = f"/api/v1/shipments/{shipment.number}/lines/{line.pk}/"

        changed = client.patch(address, {"quantity": 4, "version": 1}, format="json")
        gone = client.delete(address, headers={"If-Match": '"2"'})

        assert (changed.status_code, changed.json()["net_kg"]) == (200, "5.000")
        assert gone.status_code == 204
        assert not ManifestLine.objects.exists()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"hs6": "000000"}, "unknown_code"),
            ({"unit": "ZZZ"}, "unknown_code"),
            ({"origin": "QQ"}, "unknown_code"),
            ({"quantity": 0}, "min_value"),
            ({"unit_value": "1.005"}, "too_many_decimals"),
            ({"unit_weight_kg": "0"}, "min_value"),
            ({"unit_weight_kg": "999999", "quantity": 1000}, "too_large"),
            ({"unit_value": "999999999999", "quantity": 1000}, "too_large"),
            ({"unit_value": "999999999999", "quantity": 1_000_000}, "too_large"),
            ({"unit_value": "1000000000.01"}, "too_large"),
            ({"unit_weight_kg": "999999.999", "quantity": 1_000_000}, "too_large"),
            ({"description_en": "bed 🛏"}, "not_printable"),
        ],
    )
    def test_invalid_values_are_refused(self, change: dict[str, Any], code: str) -> None:
        shipment = make_packed()
        address = f"/api/v1/shipments/{shipment.number}/lines/{ManifestLine.objects.get().pk}/"

        answer = client_of(make_packer()).patch(address, change | {"version": 1}, format="json")

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == code

    @pytest.mark.parametrize(("copies", "lines", "code"), [(1, 201, "max_length"), (500, 11, "too_large")])
    def test_too_many_copies_or_lines_are_refused(self, copies: int, lines: int, code: str) -> None:
        line = {"item": make_item().code, "quantity": 1, "unit_value": "1"}
        told = {"kind": "CT", "copies": copies, "lines": [line] * lines}
        shipment = make_shipment()

        answer = client_of(make_packer()).post(
            f"/api/v1/shipments/{shipment.number}/packages/", told, format="json", headers=once()
        )

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
        assert not shipment.packages.exists()

    def test_a_line_of_another_shipment_is_not_found(self) -> None:
        shipment, other = make_packed(), make_packed()
        line = ManifestLine.objects.get(package__shipment=other)

        answer = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.number}/lines/{line.pk}/")

        assert answer.status_code == 404
