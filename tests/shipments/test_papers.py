import json
from typing import Any

import pytest

from logistics.documents import services as documents
from logistics.roles import Role
from shipments.papers import services as papers
from shipments.papers.models import Paper
from shipments.shipments import lifecycle
from shipments.shipments.models import Shipment
from tests.clients import client_of, key_client, once
from tests.journeys.papers import words_of
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import make_key
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, make_shipment
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def issue(shipment: Shipment, **told: Any) -> Any:
    client = client_of(make_packer())
    return client.post(f"/api/v1/shipments/{shipment.number}/papers/", told, format="json", headers=once())


class TestDownload:
    def test_a_paper_that_is_being_printed_reports_its_progress(self) -> None:
        shipment = make_sealed()

        answer = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.number}/packing-list/")

        assert (answer.status_code, answer.json()["code"]) == (409, "document_not_ready")
        assert (answer.json()["progress"], answer.headers["Retry-After"]) == (0, "2")

    def test_there_is_no_packing_list_before_the_seal(self) -> None:
        shipment = make_packed()

        answer = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.number}/packing-list/")

        assert (answer.status_code, answer.json()["code"]) == (409, "paper_not_issued")

    def test_a_printed_paper_is_downloaded_as_issued(self) -> None:
        shipment = make_dispatched(2)
        paper = shipment.papers.get(kind="partner-packing-list")
        assert documents.render(str(paper.document_id))
        client = key_client(make_key(shipment.consignee))

        pdf = client.get(f"/api/v1/shipments/{shipment.number}/packing-list/", headers={"Accept": "application/pdf"})
        (listed,) = client.get(f"/api/v1/shipments/{shipment.number}/papers/").json()["results"]
        same = client.get(listed["url"])

        assert pdf.content.startswith(b"%PDF") and pdf.content == same.content
        assert (
            pdf.headers["Content-Disposition"]
            == f'attachment; filename="partner-packing-list-{shipment.number}-v1.pdf"'
        )
        assert (listed["state"], listed["progress"], len(listed["sha256"])) == ("done", 100, 64)

    def test_an_old_version_stays_readable_but_is_marked_as_no_longer_valid(self) -> None:
        shipment = make_sealed()
        assert documents.render(str(shipment.papers.get(kind="packing-list").document_id))
        lifecycle.reopen(shipment, reason="again", by=make_packer(), at=NOON)
        lifecycle.seal(shipment, by=make_packer(), at=NOON)
        client = client_of(make_packer())

        new, old = client.get(f"/api/v1/shipments/{shipment.number}/papers/?kind=packing-list").json()["results"]

        assert (new["version"], new["superseded_at"]) == (2, None)
        assert (old["version"], old["superseded_at"]) == (1, NOON.isoformat().replace("+00:00", "Z"))
        assert client.get(old["url"]).status_code == 200


class TestOnDemand:
    @pytest.mark.parametrize("kind", ["labels", "goods-received-form"])
    def test_is_issued_printed_and_superseded_by_the_next_version(self, kind: str) -> None:
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

    def test_each_waybill_has_its_own_number_and_earlier_ones_stay_valid(self) -> None:
        shipment = make_sealed(2)

        first, second = issue(shipment, kind="waybill").json(), issue(shipment, kind="waybill").json()

        assert [first["number"], second["number"]] == [f"{shipment.number}-WB-1", f"{shipment.number}-WB-2"]
        assert (first["version"], second["version"], second["replaces"]) == (1, 1, None)
        waybills = shipment.papers.filter(kind="waybill").select_related("document")
        assert [paper.document.superseded_at for paper in waybills] == [None, None]
        assert [paper.document.context["replaces"] for paper in waybills] == ["", ""]

    def test_a_replacement_waybill_ends_the_old_one_and_records_the_reason(self) -> None:
        shipment = make_sealed(2)
        first = issue(shipment, kind="waybill").json()

        second = issue(shipment, kind="waybill", replaces=first["number"], reason="The truck broke down.").json()

        client = client_of(make_packer())
        new, old = client.get(f"/api/v1/shipments/{shipment.number}/papers/?kind=waybill").json()["results"]
        assert (new["number"], new["replaces"], new["superseded_at"]) == (second["number"], first["number"], None)
        assert (old["replaced_by"], old["superseded_at"] is not None) == (second["number"], True)
        token = shipment.papers.get(number=first["number"]).document.token
        page = client_of(Accept="text/html").get(f"/verify/{token}/").content.decode()
        assert f"{second['number']} replaces it." in page
        told = client.get(f"/api/v1/shipments/{shipment.number}/trail/").json()[-1]
        assert told["sentence"].endswith(f"issued {second['number']} (waybill) in place of {first['number']}.")
        assert told["reason"] == "The truck broke down."

    def test_the_verification_page_names_the_paper_that_replaced_it(self) -> None:
        shipment = make_sealed()
        numbers = [issue(shipment, kind="waybill").json()["number"]]
        for _ in range(2):
            numbers.append(issue(shipment, kind="waybill", replaces=numbers[-1], reason="x").json()["number"])
        tokens = [shipment.papers.get(number=number).document.token for number in numbers]

        told = [client_of(Accept="application/json").get(f"/verify/{token}/").json() for token in tokens]

        assert [(one["valid"], one["replaced_by"]) for one in told] == [
            (False, numbers[2]),
            (False, numbers[2]),
            (True, None),
        ]

    @pytest.mark.parametrize(
        ("told", "status", "code"),
        [
            ({"replaces": "SHP-2026-99999-WB-1", "reason": "x"}, 400, "does_not_exist"),
            ({"replaces": "{first}"}, 400, "required"),
            ({"replaces": "{first}", "reason": " "}, 400, "required"),
            ({"reason": "x"}, 400, "invalid"),
        ],
    )
    def test_replacing_needs_a_known_number_and_a_reason(self, told: dict[str, str], status: int, code: str) -> None:
        shipment = make_sealed()
        first = issue(shipment, kind="waybill").json()["number"]

        answer = issue(shipment, kind="waybill", **{name: value.format(first=first) for name, value in told.items()})

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
        assert shipment.papers.filter(kind="waybill").count() == 1

    def test_a_waybill_is_replaced_once(self) -> None:
        shipment = make_sealed()
        first = issue(shipment, kind="waybill").json()["number"]
        issue(shipment, kind="waybill", replaces=first, reason="x")

        answer = issue(shipment, kind="waybill", replaces=first, reason="again")

        assert (answer.status_code, answer.json()["code"]) == (409, "cannot_replace")

    def test_only_a_waybill_accepts_leg_fields(self) -> None:
        assert issue(make_sealed(), kind="labels", carrier="Transport Sahel").status_code == 400

    def test_the_same_key_returns_the_same_waybill(self) -> None:
        shipment, client, key = make_sealed(), client_of(make_packer()), once()
        url = f"/api/v1/shipments/{shipment.number}/papers/"

        first, again = (client.post(url, {"kind": "waybill"}, format="json", headers=key) for _ in range(2))

        assert first.json() == again.json()
        assert shipment.papers.filter(kind="waybill").count() == 1

    def test_a_number_is_not_used_again_after_reopening(self) -> None:
        shipment = make_sealed()
        issue(shipment, kind="waybill")
        lifecycle.reopen(shipment, reason="again", by=make_packer(), at=NOON)
        lifecycle.seal(shipment, by=make_packer(), at=NOON)

        assert issue(shipment, kind="waybill").json()["number"] == f"{shipment.number}-WB-2"

    @pytest.mark.parametrize("end", ["send_back", "lose", "cancel"])
    def test_goods_no_longer_carried_get_no_waybill(self, end: str) -> None:
        shipment = make_sealed() if end == "cancel" else make_dispatched()
        getattr(lifecycle, end)(shipment, reason="x", by=make_packer(), at=NOON)

        answer = issue(shipment, kind="waybill")

        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
        assert not shipment.papers.filter(kind="waybill").exists()

    def test_a_closed_shipment_gets_no_waybill(self) -> None:
        shipment = make_dispatched()
        confirm(shipment)
        lifecycle.close(shipment, by=make_packer(), at=NOON)

        assert issue(shipment, kind="waybill").json()["code"] == "wrong_state"

    @pytest.mark.parametrize("make", [make_shipment, make_packed])
    def test_a_shipment_that_is_not_sealed_gets_no_waybill(self, make: Any) -> None:
        assert issue(make(), kind="waybill").json()["code"] == "not_sealed"

    def test_every_leg_may_have_a_waybill(self) -> None:
        shipment = make_dispatched()
        lifecycle.arrive(shipment, by=make_packer(), at=NOON)

        assert issue(shipment, kind="waybill").status_code == 201

    def test_a_waybill_shows_the_details_of_its_leg(self) -> None:
        shipment = make_sealed(hand_over_point="Gare routière, Bamako")

        issue(shipment, kind="waybill", mode="road", carrier="Transport Sahel\nDakar", loads_on="2026-04-14")

        context = shipment.papers.get(kind="waybill").document.context
        assert context["carrier"] == {"name": "Transport Sahel", "lines": ["Dakar"], "registration": ""}
        assert (context["mode"]["fr"], context["loads_on"]) == ("routier", "2026-04-14")
        assert context["hand_over_place"] == "Gare routière, Bamako"

    def test_papers_are_issued_only_for_a_sealed_shipment(self) -> None:
        answer = issue(make_packed(), kind="labels")

        assert (answer.status_code, answer.json()["code"]) == (409, "not_sealed")

    def test_a_packing_list_is_not_issued_on_demand(self) -> None:
        assert issue(make_sealed(), kind="packing-list").status_code == 400

    def test_a_partner_cannot_issue_papers(self) -> None:
        shipment = make_dispatched()
        client = key_client(make_key(shipment.consignee))

        answer = client.post(f"/api/v1/shipments/{shipment.number}/papers/", {"kind": "labels"}, headers=once())

        assert answer.status_code == 403

    def test_reopening_supersedes_all_papers(self) -> None:
        shipment = make_sealed()
        issue(shipment, kind="labels")

        lifecycle.reopen(shipment, reason="again", by=make_packer(), at=NOON)

        assert not Paper.objects.filter(shipment=shipment, document__superseded_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_waybills_have_consecutive_numbers() -> None:
    shipment, by = make_sealed(), make_packer()

    def one(_: int) -> str:
        return papers.issue(shipment, "waybill", by=by, at=NOON).number

    assert sorted(in_threads(one)) == [f"{shipment.number}-WB-{number}" for number in range(1, 9)]


def test_no_paper_reveals_the_location_of_a_confidential_site() -> None:
    """The planted words of the encrypted address and the packers' labels appear in no context."""
    from logistics.partners import addresses

    shipment = make_dispatched(2, marks="QZ")
    for row in shipment.sites.select_related("site"):
        addresses.seal(
            row.site,
            addresses.Address(
                name="PLANTED-NAME", address="PLANTED-STREET", town="PLANTED-TOWN", phone="PLANTED-PHONE"
            ),
            version=row.site.version,
            by=make_user(Role.COORDINATOR),
            at=NOON,
        )
    for kind in ("labels", "goods-received-form", "waybill"):
        issue(shipment, kind=kind)

    said = json.dumps([paper.document.context for paper in shipment.papers.select_related("document")])

    assert shipment.sites.first().site.code in said  # type: ignore[union-attr]
    assert "PLANTED" not in said
