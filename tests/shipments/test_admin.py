import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from logistics.roles import Role
from shipments.imports import services as imports
from shipments.imports.models import Upload
from shipments.packing.models import Package
from shipments.shipments.models import Shipment
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import make_partner, make_partner_user, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, mali_shipment, pack
from tests.shipments.sheets import MALI, MALI_XLSX

pytestmark = pytest.mark.django_db


def staff(*roles: Role) -> Client:
    client = Client()
    client.force_login(make_user(*roles), backend="logistics.people.backends.RoleBackend")
    return client


def page(client: Client, model: str, row: Any = None, verb: str = "change") -> Any:
    url = reverse(f"admin:shipments_{model}_changelist")
    return client.get(url if row is None else f"{url}{row.pk}/{verb}/", follow=True)


class TestPages:
    @pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.COORDINATOR, Role.FINANCE, Role.AUDITOR])
    def test_every_list_and_detail_page_opens(self, role: Role) -> None:
        shipment = make_dispatched(3)
        delivery = confirm(shipment, {"package": 2, "missing": True}, {"package": 3, "damaged": 1, "reason": "wet"})
        upload = Upload.objects.create(
            shipment=shipment,
            uploaded_by=make_packer(),
            uploaded_at=delivery.stated_at,
            dry_run=True,
            size=1,
            sha256="x",
        )
        client = staff(role)
        rows = {
            "shipment": shipment,
            "package": shipment.packages.first(),
            "delivery": delivery,
            "discrepancy": shipment.discrepancies.first(),
            "upload": upload,
        }

        for model, row in rows.items():
            seen = 403 if role == Role.FINANCE and model in ("delivery", "upload") else 200
            assert page(client, model).status_code == seen, model
            assert page(client, model, row).status_code == seen, model

    @pytest.mark.parametrize("key", ["xx", "0198c5f2-0000-7000-8000-000000000000"])
    def test_an_unknown_id_is_not_a_server_error(self, key: str) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(make_user(Role.WAREHOUSE, Role.COORDINATOR), backend="logistics.people.backends.RoleBackend")
        verbs = {"shipment": ["change", "upload", "seal"], "discrepancy": ["change", "decide", "close"]}

        for model, verb in [(model, verb) for model, several in verbs.items() for verb in several]:
            answer = client.get(f"{reverse(f'admin:shipments_{model}_changelist')}{key}/{verb}/")
            assert answer.status_code in (302, 403, 404), (model, verb)

    def test_the_shipment_page_shows_the_status_label(self) -> None:
        shown = page(staff(Role.WAREHOUSE), "shipment", make_dispatched()).content.decode()

        assert "Dispatched" in shown
        assert "&#x27;dispatched&#x27;" not in shown

    def test_a_partner_cannot_sign_in_to_the_admin(self) -> None:
        client = Client()
        client.force_login(make_partner_user(), backend="logistics.people.backends.RoleBackend")

        assert "login" in page(client, "shipment").redirect_chain[-1][0]

    def test_fields_of_a_sealed_shipment_are_read_only(self) -> None:
        client = staff(Role.WAREHOUSE)

        packed = page(client, "shipment", make_packed()).content.decode()
        sealed = page(client, "shipment", make_sealed()).content.decode()

        assert 'name="title"' in packed
        assert 'name="title"' not in sealed
        assert 'name="bill_of_lading"' in sealed

    def test_the_kind_of_a_package_is_a_word_with_its_code(self) -> None:
        package, client = make_packed().packages.get(), staff(Role.WAREHOUSE)
        Package.objects.update(kind="BX")
        client.post(reverse("set_language"), {"language": "fr"})

        for url in ("/admin/shipments/package/", f"/admin/shipments/package/{package.pk}/change/"):
            assert "boîte (BX)" in client.get(url).content.decode()

    def test_weights_have_a_decimal_comma_in_french(self) -> None:
        shipment, client = make_packed(), staff(Role.WAREHOUSE)
        gross = f"{shipment.packages.get().gross_kg:.3f}"

        english = page(client, "shipment", shipment).content.decode()
        client.cookies["django_language"] = "fr"
        french = page(client, "shipment", shipment).content.decode()

        assert f"{gross} kg gross" in english
        assert f"{gross.replace('.', ',')}\N{NO-BREAK SPACE}kg brut" in french

    def test_a_list_of_200_shipments_takes_at_most_twelve_queries(self, django_assert_max_num_queries: Any) -> None:
        client, partner = staff(Role.WAREHOUSE), make_partner()
        by = make_packer()
        Shipment.objects.bulk_create(
            Shipment(number=f"SHP-2026-{n:05}", title="T", consignee=partner, customs_currency="HKD", created_by=by)
            for n in range(1, 200)
        )

        with django_assert_max_num_queries(12):
            page(client, "shipment")


class TestMoves:
    def post(self, client: Client, shipment: Shipment, verb: str, **told: Any) -> Any:
        url = reverse(f"admin:shipments_shipment_do_{verb}", args=[shipment.pk])
        return client.post(url, {"confirmed": "1"} | told, follow=True)

    def test_a_shipment_is_sealed_and_dispatched(self) -> None:
        shipment, client = make_packed(), staff(Role.WAREHOUSE)

        asked = client.get(reverse("admin:shipments_shipment_do_seal", args=[shipment.pk]))
        self.post(client, shipment, "seal")
        self.post(client, shipment, "dispatch", reason="The truck leaves now.")

        shipment.refresh_from_db()
        assert "packing list is issued" in asked.content.decode()
        assert shipment.status == "dispatched"

    def test_opening_the_confirmation_page_changes_nothing(self) -> None:
        shipment = make_packed()

        staff(Role.WAREHOUSE).get(reverse("admin:shipments_shipment_do_seal", args=[shipment.pk]))

        shipment.refresh_from_db()
        assert shipment.status == "packing"

    def test_a_refused_action_shows_the_reason(self) -> None:
        shipment = pack(make_packed(), unit_weight_kg=None)

        answer = self.post(staff(Role.WAREHOUSE), shipment, "seal")

        assert "Some weights are unknown." in answer.content.decode()

    def test_an_action_that_would_be_refused_shows_the_reason_instead_of_its_button(self) -> None:
        shipment = make_packed()
        assert shipment.packed_by is not None
        packer = Client()
        packer.force_login(shipment.packed_by, backend="logistics.people.backends.RoleBackend")
        url = reverse("admin:shipments_shipment_do_check", args=[shipment.pk])

        to_the_packer = packer.get(url).content.decode()
        to_another = staff(Role.WAREHOUSE).get(url).content.decode()

        assert "You packed this shipment, so somebody else must check it." in to_the_packer
        assert 'name="confirmed"' not in to_the_packer
        assert 'name="confirmed"' in to_another

    def test_an_action_that_needs_a_reason_asks_for_it(self) -> None:
        shipment, client = make_sealed(), staff(Role.WAREHOUSE)

        self.post(client, shipment, "reopen")
        shipment.refresh_from_db()
        still = shipment.status
        self.post(client, shipment, "reopen", reason="one box more")

        shipment.refresh_from_db()
        assert (still, shipment.status) == ("sealed", "packing")

    @pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR])
    def test_read_only_roles_cannot_take_actions(self, role: Role) -> None:
        shipment = make_packed()

        assert self.post(staff(role), shipment, "seal").status_code == 403


class TestForms:
    def test_a_new_shipment_gets_all_sites_of_its_partner(self) -> None:
        partner, client = make_partner(), staff(Role.WAREHOUSE)
        make_site(partner), make_site(partner)
        told = {"title": "Beds", "consignee": partner.pk, "mode": "sea", "customs_currency": "HKD"}

        answer = client.post(reverse("admin:shipments_shipment_add"), told | MANAGEMENT, follow=True)

        assert answer.status_code == 200
        assert [row.label for row in Shipment.objects.get().sites.all()] == ["A", "B"]

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"port_of_loading": "HKXXX"}, "HKXXX"),
            ({"container_number": "CSQU3054384"}, "check digit"),
            ({"freight": "38500"}, "Freight needs an ISO 4217 currency."),
            ({"freight": "much", "freight_currency": "HKD"}, "Write it in digits, for example 1,250.50"),
            ({"freight": "2000000000", "freight_currency": "HKD"}, "At most 1000000000."),
            ({"freight": ".", "freight_currency": "HKD"}, "Write it in digits"),
            ({"freight": "0,0,0", "freight_currency": "HKD"}, "Write it in digits"),
            ({"freight_currency": "HKD"}, "Freight needs an amount and a currency."),
        ],
    )
    def test_errors_name_the_field_and_other_input_is_kept(self, wrong: dict[str, str], said: str) -> None:
        partner, client = make_partner(), staff(Role.WAREHOUSE)
        told = {"title": "Beds for Mopti", "consignee": partner.pk, "mode": "sea", "customs_currency": "HKD"}

        answer = client.post(reverse("admin:shipments_shipment_add"), told | wrong | MANAGEMENT)

        shown = answer.content.decode()
        assert answer.status_code == 200
        assert said in "\n".join(re.findall(r'class="errorlist.*?</ul>|id="error_.*?</', shown, re.DOTALL)), shown[
            -4000:
        ]
        assert 'value="Beds for Mopti"' in shown
        assert not Shipment.objects.exists()

    @pytest.mark.parametrize(
        ("typed", "currency", "minor", "shown"),
        [
            ("38,500.50", "HKD", 3850050, "38,500.50"),
            ("38500.5", "HKD", 3850050, "38,500.50"),
            ("1 500 000", "XOF", 1500000, "1,500,000"),
            ("0", "HKD", 0, "0.00"),
        ],
    )
    def test_freight_is_typed_and_shown_in_the_local_format(
        self, typed: str, currency: str, minor: int, shown: str
    ) -> None:
        client = staff(Role.WAREHOUSE)
        told = {"title": "Beds", "consignee": make_partner().pk, "mode": "sea", "customs_currency": "HKD"}
        freight = {"freight": typed, "freight_currency": currency}

        client.post(reverse("admin:shipments_shipment_add"), told | freight | MANAGEMENT, follow=True)

        shipment = Shipment.objects.get()
        assert (shipment.freight_minor, shipment.freight_currency) == (minor, currency)
        assert f'value="{shown}"' in page(client, "shipment", shipment).content.decode()

    def test_freight_may_change_after_sealing_and_auditors_only_read_it(self) -> None:
        client, shipment = staff(Role.WAREHOUSE), make_sealed()
        url = reverse("admin:shipments_shipment_change", args=[shipment.pk])
        told = {"seen_version": shipment.version, "freight": "1,250", "freight_currency": "HKD"}

        client.post(url, told | MANAGEMENT, follow=True)
        shipment.refresh_from_db()
        read = page(staff(Role.AUDITOR), "shipment", shipment).content.decode()

        assert (shipment.freight_minor, shipment.freight_currency) == (125000, "HKD")
        assert 'name="freight"' not in read
        assert "1,250.00" in read

    def test_a_spreadsheet_is_uploaded_and_its_outcome_shown(self) -> None:
        shipment, client = mali_shipment(), staff(Role.WAREHOUSE)
        url = reverse("admin:shipments_shipment_upload", args=[shipment.pk])

        answer = client.post(url, {"file": SimpleUploadedFile("x.xlsx", MALI_XLSX.read_bytes())}, follow=True)
        waiting = answer.content.decode()
        upload = Upload.objects.get()
        imports.read_upload(str(upload.pk), at=NOON)
        done = page(client, "upload", upload).content.decode()

        assert 'http-equiv="refresh"' in waiting
        assert 'http-equiv="refresh"' not in done
        assert "270 packages (1 to 270) with 323 lines." in done
        assert "525094.00 HKD" in done

    def test_a_refused_spreadsheet_shows_its_errors(self) -> None:
        shipment = mali_shipment()
        upload = imports.upload(
            shipment, (MALI / "lines.csv").read_bytes(), dry_run=True, replace=False, by=make_packer(),
            at=shipment.created_at,
        )  # fmt: skip
        imports.read_upload(str(upload.pk), at=NOON)

        assert "This is not an .xlsx file" in page(staff(Role.WAREHOUSE), "upload", upload).content.decode()

    def test_a_dead_upload_can_be_retried(self) -> None:
        shipment = mali_shipment()
        upload = imports.upload(
            shipment, MALI_XLSX.read_bytes(), dry_run=True, replace=False, by=make_packer(), at=shipment.created_at
        )
        Upload.objects.filter(pk=upload.pk).update(state="dead", ended_at=shipment.created_at)
        told = {"action": "retry_jobs", "_selected_action": [str(upload.pk)]}

        staff(Role.WAREHOUSE).post(reverse("admin:shipments_upload_changelist"), told)
        imports.read_upload(str(upload.pk), at=NOON)

        upload.refresh_from_db()
        assert upload.outcome == "would_import"

    def test_a_coordinator_decides_and_closes_a_discrepancy(self) -> None:
        shipment, client = make_dispatched(), staff(Role.COORDINATOR)
        confirm(shipment, {"package": 1, "missing": True})
        row = shipment.discrepancies.get()

        client.post(reverse("admin:shipments_discrepancy_decide", args=[row.pk]), {"decision": "claim", "note": "x"})
        client.post(reverse("admin:shipments_discrepancy_close", args=[row.pk]), {"confirmed": "1"})

        row.refresh_from_db()
        assert (row.state, row.decision) == ("closed", "claim")

    def test_the_warehouse_cannot_decide_on_discrepancies(self) -> None:
        shipment = make_dispatched()
        confirm(shipment, {"package": 1, "missing": True})
        url = reverse("admin:shipments_discrepancy_decide", args=[shipment.discrepancies.get().pk])

        assert staff(Role.WAREHOUSE).post(url, {"decision": "claim"}).status_code == 403


MANAGEMENT = {
    f"{prefix}-{name}": 0
    for prefix in ("sites", "papers", "discrepancies")
    for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
}
