from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from logistics.documents.models import Document
from logistics.roles import Role
from shipments.imports import services as imports
from shipments.packing import completeness
from shipments.packing import services as packing
from shipments.shipments import actions, lifecycle
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status
from tests.clients import client_of, once
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_packed, make_sealed, make_shipment, pack

pytestmark = pytest.mark.django_db


class TestSeal:
    def test_freezes_the_totals_and_requests_the_packing_list(self) -> None:
        shipment = make_packed(3, lines=2)

        lifecycle.seal(shipment, by=make_packer(), at=NOON)

        shipment.refresh_from_db()
        assert (shipment.status, shipment.package_count, shipment.line_count) == ("sealed", 3, 6)
        assert (str(shipment.net_kg), str(shipment.gross_kg)) == ("75.000", "81.000")
        assert (str(shipment.volume_m3), shipment.value_minor) == ("0.288", 27000)
        paper = shipment.papers.get(kind="packing-list")
        assert (paper.kind, paper.version, paper.document.state) == ("packing-list", 1, "pending")
        assert paper.document.languages == ["en", "fr"]
        assert [p["number"] for p in paper.document.context["packages"]] == [1, 2, 3]

    def test_refuses_an_empty_manifest(self) -> None:
        shipment = make_shipment()
        lifecycle.begin_packing(shipment, by=make_packer())

        with pytest.raises(completeness.ManifestNotReady) as refusal:
            lifecycle.seal(shipment, by=make_packer(), at=NOON)

        assert [p["code"] for p in refusal.value.details["problems"]] == ["no_packages"]  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ({"unit_weight_kg": None}, "weights_unknown"),
            ({"unit_weight_kg": 2}, "gross_below_net"),
            ({"description_fr": ""}, "names_missing"),
        ],
    )
    def test_lists_the_packages_that_are_not_ready(self, line: dict[str, Any], code: str) -> None:
        shipment = pack(make_packed(), **line)

        with pytest.raises(completeness.ManifestNotReady) as refusal:
            lifecycle.seal(shipment, by=make_packer(), at=NOON)

        assert [(p["code"], p["packages"]) for p in refusal.value.details["problems"]] == [(code, [2])]  # type: ignore[attr-defined]
        assert not Document.objects.exists()

    def test_refuses_a_gap_in_the_numbers(self) -> None:
        shipment = make_packed(3)
        package = shipment.packages.get(number=2)
        packing.remove_package(package, version=1, by=make_packer(), at=NOON)

        with pytest.raises(completeness.ManifestNotReady) as refusal:
            lifecycle.seal(shipment, by=make_packer(), at=NOON)

        assert [p["code"] for p in refusal.value.details["problems"]] == ["numbers_not_contiguous"]  # type: ignore[attr-defined]

    def test_refuses_a_package_without_destination_if_there_are_several_sites(self) -> None:
        make_charity()
        shipment = pack(make_shipment(marks="AB"))
        shipment.packages.update(destination=None)

        with pytest.raises(completeness.ManifestNotReady, match="destination"):
            lifecycle.seal(shipment, by=make_packer(), at=NOON)

    def test_refuses_more_than_the_containers_payload(self) -> None:
        make_charity()
        shipment = pack(make_shipment(container_payload_kg=13))

        with pytest.raises(completeness.ManifestNotReady, match="container"):
            lifecycle.seal(shipment, by=make_packer(), at=NOON)

    @pytest.mark.parametrize("move", [lifecycle.check, lifecycle.seal])
    @pytest.mark.parametrize("shipment", [make_packed, make_shipment], ids=["packed before", "still empty"])
    def test_is_refused_while_a_spreadsheet_is_being_imported(self, move: Any, shipment: Any) -> None:
        shipment = shipment()
        imports.upload(shipment, b"a spreadsheet", dry_run=False, replace=False, by=make_packer(), at=NOON)

        with pytest.raises(actions.ImportRunning) as refusal:
            move(shipment, by=make_user(Role.WAREHOUSE), at=NOON)

        assert refusal.value.details == {"progress": 0}
        shipment.refresh_from_db()
        assert (shipment.sealed_at, shipment.checked_by) == (None, None)

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_is_not_blocked_by_a_dry_run_or_a_finished_import(self, dry_run: bool) -> None:
        shipment = make_packed()
        upload = imports.upload(shipment, b"no spreadsheet", dry_run=dry_run, replace=False, by=make_packer(), at=NOON)
        assert dry_run or imports.read_upload(str(upload.pk), at=NOON)

        sealed = lifecycle.seal(shipment, by=make_packer(), at=NOON)

        assert sealed.status == "sealed"

    def test_sends_retry_after_while_a_spreadsheet_is_being_imported(self) -> None:
        shipment, client = make_packed(), client_of(make_user(Role.WAREHOUSE))
        imports.upload(shipment, b"a spreadsheet", dry_run=False, replace=False, by=make_packer(), at=NOON)

        refused = client.post(f"/api/v1/shipments/{shipment.number}/seal/", headers=once())
        shown = client.get(f"/api/v1/shipments/{shipment.number}/").json()

        assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (409, "import_running", "2")
        waiting = [one["action"] for one in shown["allowed_actions"] if one["code"] == "import_running"]
        assert waiting == ["check", "seal"]

    def test_refuses_the_packer_as_checker(self) -> None:
        shipment = make_packed()
        packer = shipment.packed_by
        assert packer is not None

        with pytest.raises(completeness.CheckerIsPacker):
            lifecycle.check(shipment, by=packer, at=NOON)

    def test_prints_who_packed_and_who_checked(self) -> None:
        shipment = make_packed()
        lifecycle.check(shipment, by=make_user(Role.WAREHOUSE, name="Awa"), at=NOON)

        lifecycle.seal(shipment, by=make_packer(), at=NOON)

        context = shipment.papers.get(kind="packing-list").document.context
        assert (context["prepared_by"], context["checked_by"]) == ("Lee Ka Yan", "Awa")


class TestFrozen:
    def test_the_service_refuses_a_change(self) -> None:
        shipment = make_sealed()

        with pytest.raises(shipments.ManifestFrozen):
            pack(shipment)

    @pytest.mark.parametrize("what", ["package", "line", "new package", "no line"])
    def test_the_database_refuses_a_change(self, what: str) -> None:
        shipment = make_sealed()
        package = shipment.packages.get()
        line = package.lines.get()
        changes = {
            "package": lambda: shipment.packages.update(gross_kg=1),
            "line": lambda: package.lines.update(quantity=1),
            "new package": lambda: shipment.packages.create(number=2, kind="CT"),
            "no line": line.delete,
        }

        with pytest.raises(IntegrityError, match="a sealed manifest is frozen"), transaction.atomic():
            changes[what]()

    def test_the_database_refuses_other_totals_and_texts(self) -> None:
        shipment = make_sealed()

        for change in ({"net_kg": 1}, {"title": "Other"}, {"container_number": "CSQU3054383"}):
            with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
                Shipment.objects.filter(pk=shipment.pk).update(**change)

    def test_transport_details_may_change(self) -> None:
        shipment = make_sealed()

        shipments.edit(shipment, {"bill_of_lading": "HKG1"}, version=shipment.version, by=make_packer(), at=NOON)

        shipment.refresh_from_db()
        assert shipment.bill_of_lading == "HKG1"

    def test_the_database_refuses_a_dispatch_without_a_date(self) -> None:
        shipment = make_sealed()

        with pytest.raises(IntegrityError, match="shipment_has_left_exactly_when_it_says_so"):
            Shipment.objects.filter(pk=shipment.pk).update(status=Status.DISPATCHED)

    def test_the_database_refuses_a_seal_without_totals(self) -> None:
        shipment = make_packed()

        with pytest.raises(IntegrityError, match="shipment_is_sealed_exactly_when_it_says_so"):
            Shipment.objects.filter(pk=shipment.pk).update(status=Status.SEALED)

    def test_the_database_refuses_a_packer_who_checks(self) -> None:
        shipment = make_packed()

        with pytest.raises(IntegrityError, match="who_checks_a_shipment_did_not_pack_it"):
            Shipment.objects.filter(pk=shipment.pk).update(checked_by=shipment.packed_by)
