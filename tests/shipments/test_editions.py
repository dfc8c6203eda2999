"""What partners learn of a shipment, over the API and on paper: one rule for customs values, staff and reasons."""

import json
from contextlib import suppress
from typing import Any

import pgtrigger
import pytest
from django.db import DatabaseError, transaction

from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import Stale
from logistics.people.models import User
from shipments.papers.models import Paper
from shipments.shipments import lifecycle, services
from shipments.shipments.models import Shipment
from tests.clients import client_of, is_a_problem, once
from tests.logistics import pdfs
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import make_partner, make_partner_user
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched, make_packed, make_sealed
from tests.rights import as_superuser
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
# make_packed: 10 pieces at HK$4.50, packed by Lee Ka Yan.
VALUE, NAME = "45.00", "Lee Ka Yan"


def two_readers(**fields: Any) -> tuple[Shipment, User, User]:
    """Return a dispatched shipment, its partner and a member of staff."""
    partner = make_partner()
    return make_dispatched(partner=partner, **fields), make_partner_user(partner), make_packer()


def packing_list_of(user: User, shipment: Shipment) -> tuple[str, dict[str, Any]]:
    """Download the packing list; return its words and the manifest that is embedded in it."""
    answer = client_of(user).get(f"/api/v1/shipments/{shipment.number}/packing-list/")
    assert answer.status_code == 200
    words = " ".join(pdfs.text_of(answer.content).split())
    return words, json.loads(pdfs.embedded_files(answer.content)["manifest.json"])


def print_all(shipment: Shipment) -> None:
    for paper in shipment.papers.all():
        assert documents.render(str(paper.document_id))


def names_in(context: Any) -> set[str]:
    if isinstance(context, dict):
        return set(context) | {name for value in context.values() for name in names_in(value)}
    return {name for value in context for name in names_in(value)} if isinstance(context, list) else set()


class TestPackingList:
    def test_the_partner_s_edition_has_no_values_and_no_names_of_staff(self, files: Any) -> None:
        shipment, partner, packer = two_readers()
        print_all(shipment)

        words, manifest = packing_list_of(partner, shipment)
        charitys_words, charitys_manifest = packing_list_of(packer, shipment)

        assert (VALUE in charitys_words, NAME in charitys_words) == (True, True)
        assert charitys_manifest["totals"]["value_minor"] == 4500
        assert charitys_manifest["prepared_by"] == NAME
        assert not [text for text in (VALUE, "HKD", "alue", "aleur", NAME) if text in words]
        assert "Version 1 (partner’s edition / exemplaire du partenaire)" in words.replace("Version Version", "Version")
        assert "warehouse / entrepôt" in words
        assert "value_minor" not in names_in(manifest)
        assert (manifest["currency"], NAME in json.dumps(manifest)) == ("", False)
        assert manifest["packages"][0]["lines"][0]["quantity"] == 10

    def test_partners_do_not_find_the_charity_s_edition(self) -> None:
        shipment, partner, packer = two_readers()
        url = f"/api/v1/shipments/{shipment.number}/papers/"
        (own,) = Paper.objects.filter(kind="packing-list")

        seen = [paper["kind"] for paper in client_of(partner).get(url).json()["results"]]
        answers = [client_of(partner).get(f"{url}{own.pk}/{path}") for path in ("", "pdf/")]

        assert seen == ["partner-packing-list"]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert len(client_of(packer).get(url).json()["results"]) == 2

    def test_a_paper_sealed_before_there_were_editions_stays_and_the_partner_s_is_issued_on_demand(self) -> None:
        shipment, partner, packer = two_readers()
        with as_superuser(), pgtrigger.ignore("shipments.Paper:papers_are_append_only"):
            Paper.objects.filter(kind="partner-packing-list").delete()
        old = Document.objects.filter(kind="packing-list").values_list("context", "content_sha256", "version")
        before = list(old)
        url = f"/api/v1/shipments/{shipment.number}/"

        missing = client_of(partner).get(f"{url}packing-list/")
        asked = {"kind": "partner-packing-list"}
        issued, again = (client_of(packer).post(f"{url}papers/", asked, format="json", headers=once()) for _ in "12")

        assert is_a_problem(missing, 409, "paper_not_issued")
        assert "Ask the charity to issue it." in missing.json()["detail"]
        assert (issued.status_code, issued.json()["version"]) == (201, 1)
        assert is_a_problem(again, 409, "paper_already_issued")
        assert client_of(partner).get(f"{url}papers/").json()["results"][0]["kind"] == "partner-packing-list"
        assert list(old) == before


class TestSetting:
    def test_the_partner_sees_the_values_everywhere_if_the_shipment_says_so(self, files: Any) -> None:
        shipment, partner, _packer = two_readers(partner_sees_values=True)
        hidden, other, _packer = two_readers()
        print_all(shipment)
        words, manifest = packing_list_of(partner, shipment)

        def seen(user: User, number: str) -> list[str | None]:
            client, url = client_of(user), f"/api/v1/shipments/{number}/"
            line = client.get(f"{url}lines/").json()["results"][0]
            package = client.get(f"{url}packages/1/").json()
            values = [client.get(url).json()["totals"], line, package["lines"][0]]
            return [value.get("value") for value in values]

        assert seen(partner, shipment.number) == [VALUE] * 3
        assert seen(other, hidden.number) == [None] * 3
        assert (VALUE in words, NAME in words) == (True, False)
        assert (manifest["totals"]["value_minor"], manifest["currency"]) == (4500, "HKD")

    def test_it_cannot_change_after_the_seal(self) -> None:
        shipment = make_sealed()
        body = {"version": shipment.version, "partner_sees_values": True}

        answer = client_of(make_packer()).patch(f"/api/v1/shipments/{shipment.number}/", body, format="json")

        assert is_a_problem(answer, 409, "manifest_frozen")
        with pytest.raises(DatabaseError, match="Cannot update rows"), transaction.atomic():
            Shipment.objects.update(partner_sees_values=True)

    @pytest.mark.django_db(transaction=True)
    def test_an_edit_that_meets_the_seal_is_on_the_paper_or_refused(self) -> None:
        shipment, by = make_packed(), make_packer()

        def go(number: int) -> None:
            if number:
                lifecycle.seal(shipment, by=by, at=NOON)
                return
            with suppress(services.ManifestFrozen, Stale):
                services.edit(shipment, {"partner_sees_values": True}, version=shipment.version, by=by, at=NOON)

        in_threads(go, 2)

        shipment.refresh_from_db()
        context = shipment.papers.get(kind="partner-packing-list").document.context
        assert ("value_minor" in names_in(context)) == shipment.partner_sees_values


class TestTrail:
    def test_partners_read_their_own_reasons_and_not_those_of_staff(self) -> None:
        shipment, partner, packer = two_readers()
        delivery = confirm(shipment, by=partner)
        body = {"client_id": "7b0c1d5e-8f2a-4c3b-9d4e-5f6a7b8c9d0e", "reason": "We counted twice."}
        url = f"/api/v1/shipments/{shipment.number}/"
        client_of(partner).post(f"{url}deliveries/{delivery.pk}/reverse/", body, format="json", headers=once())

        def reasons(user: User) -> dict[str, str]:
            return {entry["verb"]: entry["reason"] for entry in client_of(user).get(f"{url}trail/").json()}

        told, all_of_them = reasons(partner), reasons(packer)
        assert (all_of_them["dispatched"], all_of_them["delivery reversed"]) == (
            "The truck leaves now.",
            "We counted twice.",
        )
        assert (told["dispatched"], told["delivery reversed"]) == ("", "We counted twice.")
        assert NAME not in json.dumps(client_of(partner).get(f"{url}trail/").json())
