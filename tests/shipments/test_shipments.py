from typing import Any

import pytest

from logistics.audit import services as audit
from logistics.errors import Invalid, Stale
from logistics.roles import Role
from shipments.packing import services as packing
from shipments.packing.models import Package
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from tests.clients import client_of, fields_of, once
from tests.makers.moments import NOON
from tests.makers.partners import make_partner, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_packed, make_sealed, make_shipment, pack

pytestmark = pytest.mark.django_db


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
