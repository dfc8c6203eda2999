import json
from typing import Any

import pytest

from logistics.documents import services as documents
from logistics.people.models import Role
from shipments.manifests.models import Shipment
from shipments.moves import services as moves
from shipments.papers.models import Paper
from tests.factories_shipments import make_dispatched, make_packed, make_packer, make_sealed
from tests.journeys.papers import words_of
from tests.logistics.makers import NOON, client_of, key_client, make_key, make_user, once

pytestmark = pytest.mark.django_db


def issue(shipment: Shipment, **told: Any) -> Any:
    client = client_of(make_packer())
    return client.post(f"/api/v1/shipments/{shipment.number}/papers/", told, format="json", headers=once())


class TestDownload:
    def test_a_paper_that_is_being_printed_says_how_far_it_is(self) -> None:
        shipment = make_sealed()

        answer = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.number}/packing-list/")

        assert (answer.status_code, answer.json()["code"]) == (409, "document_not_ready")
        assert (answer.json()["progress"], answer.headers["Retry-After"]) == (0, "2")

    def test_there_is_none_before_the_seal(self) -> None:
        shipment = make_packed()

        answer = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.number}/packing-list/")

        assert (answer.status_code, answer.json()["code"]) == (409, "paper_not_issued")

    def test_a_printed_one_is_the_issued_file(self) -> None:
        shipment = make_dispatched(2)
        paper = shipment.papers.get()
        assert documents.render(str(paper.document_id))
        client = key_client(make_key(shipment.consignee))

        pdf = client.get(f"/api/v1/shipments/{shipment.number}/packing-list/", headers={"Accept": "application/pdf"})
        (listed,) = client.get(f"/api/v1/shipments/{shipment.number}/papers/").json()["results"]
        same = client.get(listed["url"])

        assert pdf.content.startswith(b"%PDF") and pdf.content == same.content
        assert pdf.headers["Content-Disposition"] == f'attachment; filename="packing-list-{shipment.number}-v1.pdf"'
        assert (listed["state"], listed["progress"], len(listed["sha256"])) == ("done", 100, 64)

    def test_an_old_version_stays_readable_and_says_that_it_is_no_longer_valid(self) -> None:
        shipment = make_sealed()
        assert documents.render(str(shipment.papers.get().document_id))
        moves.reopen(shipment, reason="again", by=make_packer(), at=NOON)
        moves.seal(shipment, by=make_packer(), at=NOON)
        client = client_of(make_packer())

        new, old = client.get(f"/api/v1/shipments/{shipment.number}/papers/").json()["results"]

        assert (new["version"], new["superseded_at"]) == (2, None)
        assert (old["version"], old["superseded_at"]) == (1, NOON.isoformat().replace("+00:00", "Z"))
        assert client.get(old["url"]).status_code == 200


class TestOnDemand:
    @pytest.mark.parametrize("kind", ["labels", "goods-received-form", "waybill"])
    def test_is_issued_printed_and_superseded_by_the_next(self, kind: str) -> None:
        shipment = make_sealed(2)

        first = issue(shipment, kind=kind)
        second = issue(shipment, kind=kind)

        assert (first.status_code, second.status_code) == (201, 201)
        assert [p.version for p in shipment.papers.filter(kind=kind)] == [1, 2]
        old, new = shipment.papers.filter(kind=kind).order_by("version")
        assert old.document.superseded_at and not new.document.superseded_at
        assert documents.render(str(new.document_id))
        new.document.refresh_from_db()
        assert shipment.number in words_of(documents.read(new.document))

    def test_a_waybill_says_what_it_was_told_of_its_leg(self) -> None:
        shipment = make_sealed(hand_over_point="Gare routière, Bamako")

        issue(shipment, kind="waybill", mode="road", carrier="Transport Sahel\nDakar", loads_on="2026-04-14")

        context = shipment.papers.get(kind="waybill").document.context
        assert context["carrier"] == {"name": "Transport Sahel", "lines": ["Dakar"]}
        assert (context["mode"]["fr"], context["loads_on"]) == ("routier", "2026-04-14")
        assert context["handed_over_at"] == "Gare routière, Bamako"

    def test_only_of_a_sealed_shipment(self) -> None:
        answer = issue(make_packed(), kind="labels")

        assert (answer.status_code, answer.json()["code"]) == (409, "not_sealed")

    def test_a_packing_list_is_not_issued_on_demand(self) -> None:
        assert issue(make_sealed(), kind="packing-list").status_code == 400

    def test_a_partner_issues_none(self) -> None:
        shipment = make_dispatched()
        client = key_client(make_key(shipment.consignee))

        answer = client.post(f"/api/v1/shipments/{shipment.number}/papers/", {"kind": "labels"}, headers=once())

        assert answer.status_code == 403

    def test_reopening_supersedes_them_all(self) -> None:
        shipment = make_sealed()
        issue(shipment, kind="labels")

        moves.reopen(shipment, reason="again", by=make_packer(), at=NOON)

        assert not Paper.objects.filter(shipment=shipment, document__superseded_at=None).exists()


def test_no_paper_knows_where_a_confidential_site_is() -> None:
    """What is planted in the sealed address, and the marks of the packers, stand in no context."""
    from logistics.partners import addresses

    shipment = make_dispatched(2, marks="QZ")
    for stop in shipment.stops.select_related("site"):
        addresses.seal(
            stop.site,
            addresses.Address(
                name="PLANTED-NAME", address="PLANTED-STREET", town="PLANTED-TOWN", phone="PLANTED-PHONE"
            ),
            version=stop.site.version,
            by=make_user(Role.COORDINATOR),
            at=NOON,
        )
    for kind in ("labels", "goods-received-form", "waybill"):
        issue(shipment, kind=kind)

    said = json.dumps([paper.document.context for paper in shipment.papers.select_related("document")])

    assert shipment.stops.first().site.code in said  # type: ignore[union-attr]
    assert "PLANTED" not in said
