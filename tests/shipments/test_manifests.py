from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from logistics.audit import services as audit
from logistics.documents import fonts
from logistics.errors import Invalid, Stale
from logistics.money import amounts as money
from logistics.roles import Role
from shipments.packing import services as packing
from shipments.packing.models import ManifestLine, Package
from shipments.shipments import contents
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from tests.clients import client_of, fields_of, key_client, once
from tests.makers.catalogue import make_item
from tests.makers.moments import NOON
from tests.makers.partners import make_key, make_partner, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, make_shipment, pack
from tests.rights import as_superuser

pytestmark = pytest.mark.django_db


class TestTotals:
    def test_volume_is_rounded_half_up_per_package_and_then_summed(self) -> None:
        shipment = pack(make_shipment(), 2)
        # 50 x 10 x 1 cm is 0.0005 m3: half up to 0.001 each, and so 0.002 together, not 0.001.
        shipment.packages.update(length_cm=50, width_cm=10, height_cm=1)

        assert contents.totals(shipment).volume_m3 == Decimal("0.002")

    def test_a_customs_value_is_exact(self) -> None:
        shipment = pack(make_shipment(), unit_value_minor=333, quantity=3)

        assert contents.totals(shipment).value_minor == 999

    def test_only_weighed_packages_count_as_measured(self) -> None:
        shipment = pack(make_shipment(), 2)
        shipment.packages.filter(number=1).update(gross_measured=True)

        assert (contents.totals(shipment).gross_kg, contents.totals(shipment).measured_kg) == (
            Decimal("27.000"),
            Decimal("13.500"),
        )

    def test_an_empty_shipment_has_zero_totals(self) -> None:
        assert contents.totals(make_shipment()) == contents.Totals()


class TestMoney:
    @pytest.mark.parametrize(("text", "currency", "minor"), [("1125.00", "HKD", 112500), ("65500", "XOF", 65500)])
    def test_an_amount_is_read_and_written_exactly(self, text: str, currency: str, minor: int) -> None:
        assert money.parse(text, currency, field="x") == minor
        assert money.decimal_string(minor, currency) == text

    @pytest.mark.parametrize("text", ["-1", "1,000.00", "1e3", "٣", "", "1.005", "NaN"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            money.parse(text, "HKD", field="x")


class TestTexts:
    def test_common_letters_can_be_printed(self) -> None:
        assert {ord(letter) for letter in fonts.LATIN} <= fonts.printable_codepoints()

    @pytest.mark.parametrize("text", ["Foyer Ɲɛta", "陳大文", "خيمة", "ߒߞߏ", "Réfrigérateur 180 L, 220 V"])
    def test_the_scripts_of_our_partners_can_be_printed(self, text: str) -> None:
        assert fonts.unprintable(text) == []


class TestShipments:
    @pytest.mark.parametrize(
        ("told", "field"),
        [
            ({"customs_currency": "XXX"}, "customs_currency"),
            ({"incoterm": "ABC"}, "incoterm"),
            ({"port_of_loading": "XXXXX"}, "port_of_loading"),
            ({"container_type": "99Z9"}, "container_type"),
            ({"freight": "10.00"}, "freight_currency"),
            ({"freight_currency": "HKD"}, "freight"),
            ({"sites": [{"code": "NOSUCH", "label": "A"}]}, "sites[0].code"),
            ({"sites": [{"code": "NOSUCH", "label": "too long"}]}, "sites[0].code"),
        ],
    )
    def test_an_unknown_code_is_refused(self, told: dict[str, Any], field: str) -> None:
        partner = make_partner()
        body = {"title": "X", "consignee": partner.code, "customs_currency": "HKD"} | told

        answer = client_of(make_packer()).post("/api/v1/shipments/", body, format="json", headers=once())

        assert answer.status_code == 400
        assert field in fields_of(answer.json())
        assert not Shipment.objects.exists()

    def test_a_title_that_papers_cannot_print_is_refused(self) -> None:
        with pytest.raises(Invalid, match="cannot print 🛏"):
            make_shipment(title="Beds 🛏")

    def test_a_site_of_another_partner_is_refused(self) -> None:
        partner, site = make_partner(), make_site()
        body = {"title": "X", "consignee": partner.code, "customs_currency": "HKD"}
        body["sites"] = [{"code": site.code, "label": "A"}]  # type: ignore[assignment]

        answer = client_of(make_packer()).post("/api/v1/shipments/", body, format="json", headers=once())

        assert answer.json()["errors"][0]["code"] == "foreign_site"

    def test_a_partner_that_is_not_approved_gets_no_shipment(self) -> None:
        with pytest.raises(Invalid, match="approved"):
            make_shipment(make_partner(status="suspended"))

    def test_a_refusal_leaves_no_gap_in_the_numbers(self) -> None:
        make_shipment()
        with pytest.raises(Invalid):
            make_shipment(incoterm="ABC")

        assert make_shipment().number == "SHP-2026-00002"

    def test_sites_may_be_changed_until_packages_go_there(self) -> None:
        shipment = make_shipment()
        client, other = client_of(make_packer()), make_site(shipment.consignee)
        address = f"/api/v1/shipments/{shipment.number}/"

        changed = client.patch(
            address, {"version": 1, "sites": [{"code": other.code, "label": "B"}]}, format="json"
        ).json()
        pack(shipment)
        refused = client.patch(address, {"version": 2, "sites": []}, format="json").json()

        assert [(site["label"], site["code"]) for site in changed["sites"]] == [("B", other.code)]
        assert refused["errors"][0]["code"] == "in_use"

    def test_a_refused_edit_names_the_frozen_fields(self) -> None:
        shipment = make_sealed()

        answer = client_of(make_packer()).patch(
            f"/api/v1/shipments/{shipment.number}/",
            {"version": shipment.version, "title": "Other", "seal_number": "HK2"},
            format="json",
        )

        assert (answer.status_code, answer.json()["code"]) == (409, "manifest_frozen")
        assert answer.json()["fields"] == ["title"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("status=sealed", 1),
            ("status=sealed&status=packing", 2),
            ("search=special", 1),
            ("partner=OTHER", 0),
            ("number=SHP-2026-00001", 1),
            ("created_after=2026-03-01T00:00:00Z", 2),
            ("created_after=2027-01-01T00:00:00Z", 0),
        ],
    )
    def test_a_list_is_filtered(self, query: str, found: int) -> None:
        make_packed(title="Something special")
        make_sealed()

        assert len(client_of(make_packer()).get(f"/api/v1/shipments/?{query}").json()["results"]) == found

    def test_finance_and_auditors_can_read_but_not_change(self) -> None:
        shipment = make_packed()

        for role in (Role.FINANCE, Role.AUDITOR):
            client = client_of(make_user(role))
            assert client.get(f"/api/v1/shipments/{shipment.number}/").status_code == 200
            assert client.post(f"/api/v1/shipments/{shipment.number}/seal/", headers=once()).status_code == 403

    def test_anonymous_requests_get_nothing(self) -> None:
        assert client_of().get("/api/v1/shipments/").status_code == 401


class TestChangesThatAlterExistingData:
    def test_the_currency_cannot_change_while_lines_have_values(self) -> None:
        shipment = make_packed()

        with pytest.raises(Invalid, match="currency"):
            shipments.edit(shipment, {"customs_currency": "XOF"}, version=1, by=make_packer(), at=NOON)

    def test_a_currency_change_before_a_package_is_written_is_stale(self) -> None:
        told_in_hkd, by = make_shipment(), make_packer()
        Shipment.objects.filter(pk=told_in_hkd.pk).update(customs_currency="XOF")

        with pytest.raises(Stale):
            packing.add_package(told_in_hkd, [], by=by, at=NOON)

        assert Package.objects.count() == 0

    @pytest.mark.parametrize(("site", "missing"), [({"label": "A"}, "code"), ({}, "code"), ({"code": "X"}, "label")])
    def test_a_site_is_named_whole_in_an_edit_too(self, site: dict[str, str], missing: str) -> None:
        shipment = make_shipment()

        answer = client_of(make_packer()).patch(
            f"/api/v1/shipments/{shipment.number}/", {"version": 1, "sites": [site]}, format="json"
        )

        errors = answer.json()["errors"]
        assert answer.status_code == 400
        assert {"field": f"sites[0].{missing}", "code": "required", "detail": "This field is required."} in errors

    def test_the_freight_currency_needs_a_new_amount(self) -> None:
        shipment = make_shipment(freight_minor=3850000, freight_currency="HKD")
        address, client = f"/api/v1/shipments/{shipment.number}/", client_of(make_packer())

        alone = client.patch(address, {"freight_currency": "XOF", "version": 1}, format="json")
        whole = client.patch(address, {"freight": "3000", "freight_currency": "XOF", "version": 1}, format="json")

        assert (alone.status_code, alone.json()["errors"][0]["code"]) == (400, "incomplete")
        assert (whole.status_code, whole.json()["freight"], whole.json()["freight_currency"]) == (200, "3000", "XOF")

    def test_the_partner_cannot_change_while_its_sites_stay(self) -> None:
        shipment = make_shipment()

        with pytest.raises(Invalid, match="sites"):
            shipments.edit(shipment, {"consignee": make_partner()}, version=1, by=make_packer(), at=NOON)

    def test_the_partner_can_change_with_its_sites(self) -> None:
        shipment, other = make_shipment(), make_partner()
        sites = [shipments.LabelledSite(make_site(other), "B")]

        shipments.edit(shipment, {"consignee": other}, sites=sites, version=1, by=make_packer(), at=NOON)

        assert [row.site.partner_id for row in shipment.sites.select_related("site")] == [other.pk]

    def test_the_new_partner_must_be_approved(self) -> None:
        with pytest.raises(Invalid, match="approved"):
            ended = make_partner(status="ended")
            shipments.edit(make_shipment(), {"consignee": ended}, version=1, by=make_packer(), at=NOON)

    def test_unchanged_values_are_not_a_change(self) -> None:
        shipment = make_sealed()

        shipments.edit(shipment, {"title": shipment.title}, version=shipment.version, by=make_packer(), at=NOON)

        assert [entry.verb for entry in audit.trail(shipment)][-1] == "edited"


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


class TestConstraints:
    @pytest.mark.parametrize(
        ("model", "change", "name"),
        [
            (Package, {"number": 0}, "packages_are_numbered_from_one"),
            (Package, {"gross_kg": 0}, "an_unknown_gross_weight_is_null"),
            (Package, {"length_cm": None}, "a_package_has_all_its_dimensions_or_none"),
            (Package, {"sscc": "1"}, "an_sscc_has_18_digits"),
            (Package, {"gross_measured": True, "gross_kg": None}, "only_what_stood_on_a_scale_is_measured"),
            (ManifestLine, {"quantity": 0}, "a_line_has_goods"),
            (ManifestLine, {"unit_weight_kg": 0}, "an_unknown_line_weight_is_null"),
            (ManifestLine, {"unit_value_minor": -1}, "a_customs_value_is_not_negative"),
            (ManifestLine, {"hs6": "94"}, "a_line_s_hs_code_has_six_digits"),
            (ManifestLine, {"un_number": "UN1"}, "a_un_number_has_its_form"),
            (Shipment, {"number": "X"}, "shipment_number_has_its_form"),
            (Shipment, {"status": "gone"}, "shipment_status_is_known"),
            (Shipment, {"container_number": "X"}, "container_number_has_its_form"),
            (Shipment, {"freight_currency": "HKD"}, "freight_has_a_currency_exactly_when_known"),
            (Shipment, {"freight_minor": 1}, "freight_has_a_currency_exactly_when_known"),
            (Shipment, {"closed_at": NOON}, "shipment_is_closed_exactly_when_it_says_so"),
            (Shipment, {"cancelled_at": NOON}, "shipment_is_cancelled_exactly_when_it_says_so"),
        ],
    )
    def test_the_database_refuses(self, model: Any, change: dict[str, Any], name: str) -> None:
        make_packed()

        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            model.objects.update(**change)

    def test_the_database_refuses_a_package_number_twice(self) -> None:
        shipment = make_packed(2)

        with pytest.raises(IntegrityError, match="a_package_number_is_used_once_in_a_shipment"):
            shipment.packages.update(number=1)

    def test_the_database_refuses_to_delete_a_shipment(self) -> None:
        with pytest.raises(DatabaseError, match="Cannot delete"), as_superuser():
            Shipment.objects.filter(pk=make_shipment().pk)._raw_delete("default")


def test_copies_are_real_packages_with_consecutive_numbers() -> None:
    shipment = make_packed(2)

    made = packing.add_package(
        shipment,
        [{"item": make_item(), "quantity": 1, "unit_value_minor": 1}],
        copies=3,
        kind="CT",
        by=make_packer(),
        at=NOON,
    )

    assert [package.number for package in made] == [3, 4, 5]
    assert ManifestLine.objects.filter(package__in=made).count() == 3
