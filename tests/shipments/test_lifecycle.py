import pytest

from logistics.errors import WrongState
from logistics.mail.models import Email
from shipments.shipments import actions, lifecycle
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status
from tests.clients import client_of, key_client, once
from tests.makers.catalogue import make_item
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.partners import make_key, make_partner
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, pack
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def test_a_paper_is_in_the_languages_of_the_current_consignee() -> None:
    stale = make_packed(partner=make_partner(languages=["fr", "en"]))
    Shipment.objects.update(consignee=make_partner(languages=["en"], name="The new one"))

    sealed = lifecycle.seal(stale, by=make_packer(), at=NOON)

    document = sealed.papers.get(kind="packing-list").document
    assert (sealed.consignee.name, document.languages) == ("The new one", ["en"])


class TestReopen:
    def test_supersedes_the_packing_list_and_the_next_seal_issues_version_2(self) -> None:
        shipment = make_sealed()

        lifecycle.reopen(shipment, reason="one box more", by=make_packer(), at=NOON)
        pack(shipment)
        lifecycle.seal(shipment, by=make_packer(), at=NOON)

        for kind in ("packing-list", "partner-packing-list"):
            first, second = shipment.papers.filter(kind=kind).order_by("version")
            assert first.document.superseded_at == NOON
            assert (second.version, second.document.superseded_at) == (2, None)
            assert (second.document.context["version"], second.document.context["supersedes"]) == (2, 1)
            assert second.document.context["totals"]["packages"] == 2

    def test_is_refused_once_dispatched(self) -> None:
        with pytest.raises(WrongState):
            lifecycle.reopen(make_dispatched(), reason="too late", by=make_packer(), at=NOON)


class TestDispatch:
    def test_mails_each_contact_in_its_language_without_naming_a_site(self) -> None:
        shipment = make_dispatched(2, hand_over_point="Partner's depot, Bamako")

        mail = Email.objects.get()

        assert mail.language == "fr"
        assert shipment.number in mail.subject
        assert "Partner's depot, Bamako" in mail.body
        assert "27\N{NO-BREAK SPACE}kg" in mail.body
        assert shipment.sites.get().site.code not in mail.body

    def test_needs_an_approved_partner(self) -> None:
        partner = make_partner()
        shipment = make_sealed(partner=partner)
        partner.status = "suspended"
        partner.save()
        shipment.consignee.refresh_from_db()

        with pytest.raises(actions.PartnerNotApproved):
            lifecycle.dispatch(shipment, by=make_packer(), at=NOON)

    def test_needs_the_seal_of_the_container(self) -> None:
        shipment = make_sealed(container_number="CSQU3054383")

        with pytest.raises(actions.SealMissing):
            lifecycle.dispatch(shipment, by=make_packer(), at=NOON)


class TestOtherMoves:
    def test_a_lost_shipment_opens_a_discrepancy_and_may_be_found(self) -> None:
        shipment = make_dispatched()

        lifecycle.lose(shipment, reason="no news for ninety days", by=make_packer(), at=NOON)
        lifecycle.find(shipment, by=make_packer(), at=NOON)

        shipment.refresh_from_db()
        assert shipment.status == Status.ARRIVED
        assert shipment.discrepancies.get().kind == "lost_shipment"

    def test_a_cancelled_shipment_has_no_valid_paper(self) -> None:
        shipment = make_sealed()

        lifecycle.cancel(shipment, reason="the partner declined", by=make_packer(), at=NOON)

        shipment.refresh_from_db()
        assert (shipment.status, shipment.gross_kg) == ("cancelled", None)
        assert shipment.papers.get(kind="packing-list").document.superseded_at == NOON

    def test_a_dispatched_shipment_cannot_be_cancelled(self) -> None:
        with pytest.raises(WrongState):
            lifecycle.cancel(make_dispatched(), reason="too late", by=make_packer(), at=NOON)

    def test_a_dispatched_shipment_may_be_returned(self) -> None:
        shipment = lifecycle.send_back(make_dispatched(), reason="customs refused", by=make_packer(), at=NOON)

        assert shipment.status == Status.RETURNED

    def test_a_shipment_cannot_be_closed_before_it_is_counted(self) -> None:
        with pytest.raises(WrongState):
            lifecycle.close(make_dispatched(), by=make_packer(), at=NOON)


class TestApi:
    def test_a_shipment_from_draft_to_dispatch(self) -> None:
        make_charity()
        partner = make_partner(code="AMAR")
        client = client_of(make_packer())
        item = make_item(code="DESK")
        told = {
            "title": "Desks",
            "consignee": "AMAR",
            "customs_currency": "HKD",
            "container_number": "CSQU3054383",
            "container_type": "45G1",
            "seal_number": "HK1",
            "freight": "38500.00",
            "freight_currency": "HKD",
        }

        made = client.post("/api/v1/shipments/", told, format="json", headers=once())
        address = f"/api/v1/shipments/{made.json()['number']}/"
        package = {
            "kind": "CT",
            "gross_kg": "20.000",
            "lines": [{"item": item.code, "quantity": 3, "unit_value": "12.50", "unit_weight_kg": "5"}],
        }
        packed = client.post(f"{address}packages/", package | {"copies": 2}, format="json", headers=once())
        sealed = client.post(f"{address}seal/", headers=once())
        left = client.post(f"{address}dispatch/", {"reason": "The truck leaves now."}, format="json", headers=once())

        assert [answer.status_code for answer in (made, packed, sealed, left)] == [201, 201, 200, 200]
        assert made.json()["freight"] == "38500.00"
        assert [package["number"] for package in packed.json()] == [1, 2]
        assert sealed.json()["totals"]["value"] == "75.00"
        assert left.json()["status"] == "dispatched"
        story = client.get(f"{address}trail/").json()
        assert [entry["verb"] for entry in story] == ["created", "packages added", "sealed", "dispatched"]
        assert story[1]["sentence"] == "Lee Ka Yan added packages 1 to 2."
        assert partner.shipments.count() == 1

    def test_an_action_with_the_same_key_happens_once(self) -> None:
        shipment, client, key = make_packed(), client_of(make_packer()), once()

        first = client.post(f"/api/v1/shipments/{shipment.pk}/seal/", headers=key)
        second = client.post(f"/api/v1/shipments/{shipment.pk}/seal/", headers=key)

        assert (first.status_code, second.status_code) == (200, 200)
        assert second.headers["Idempotent-Replayed"] == "true"
        assert first.json() == second.json()

    def test_a_refused_action_says_why(self) -> None:
        shipment = make_packed()

        actions = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.pk}/").json()["allowed_actions"]

        allowed = {action["action"]: (action["allowed"], action["code"]) for action in actions}
        assert allowed["seal"] == (True, "")
        assert allowed["dispatch"] == (False, "wrong_state")

    def test_a_wrong_check_digit_is_refused(self) -> None:
        make_partner(code="AMAR")
        told = {"title": "X", "consignee": "AMAR", "customs_currency": "HKD", "container_number": "CSQU3054384"}

        answer = client_of(make_packer()).post("/api/v1/shipments/", told, format="json", headers=once())

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "bad_check_digit"

    def test_an_edit_needs_the_version_that_was_read(self) -> None:
        shipment, client = make_packed(), client_of(make_packer())
        address = f"/api/v1/shipments/{shipment.pk}/"
        tag = client.get(address).headers["ETag"]

        first = client.patch(address, {"title": "New"}, format="json", headers={"If-Match": tag})
        second = client.patch(address, {"title": "Other"}, format="json", headers={"If-Match": tag})
        third = client.patch(address, {"title": "Other"}, format="json")

        assert [first.status_code, second.status_code, third.status_code] == [200, 412, 428]


class TestPartner:
    def test_sees_its_own_shipments_once_dispatched(self) -> None:
        partner = make_partner()
        left, staying = make_dispatched(partner=partner), make_sealed(partner=partner)
        make_dispatched()
        client = key_client(make_key(partner))

        listed = client.get("/api/v1/shipments/").json()["results"]
        own = client.get(f"/api/v1/shipments/{left.number}/")
        not_yet = client.get(f"/api/v1/shipments/{staying.number}/")

        assert [shipment["number"] for shipment in listed] == [left.number]
        assert own.status_code == 200
        assert not {"freight", "purpose", "sites", "customs_currency"} & set(own.json())
        assert "value" not in own.json()["totals"]
        assert not_yet.status_code == 404

    def test_another_partners_shipment_is_not_found(self) -> None:
        shipment = make_dispatched()
        client = key_client(make_key(make_partner()))

        for path in ("", "packages/", "lines/", "papers/", "packing-list/", "trail/", "deliveries/"):
            foreign = client.get(f"/api/v1/shipments/{shipment.number}/{path}")
            missing = client.get(f"/api/v1/shipments/SHP-2026-99999/{path}")
            assert foreign.status_code == missing.status_code == 404, path
            assert foreign.json() == missing.json()

    def test_can_only_report_the_arrival(self) -> None:
        partner = make_partner()
        shipment = make_dispatched(partner=partner)
        client = key_client(make_key(partner))

        arrived = client.post(f"/api/v1/shipments/{shipment.pk}/arrive/", headers=once())
        closed = client.post(f"/api/v1/shipments/{shipment.pk}/close/", headers=once())

        assert (arrived.status_code, closed.status_code) == (200, 403)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_only_one_of_many_concurrent_seals_succeeds(self) -> None:
        shipment, by = make_packed(), make_packer()

        def seal(_: int) -> bool:
            try:
                lifecycle.seal(shipment, by=by, at=NOON)
            except WrongState:
                return False
            return True

        assert sum(in_threads(seal)) == 1
        assert shipment.papers.filter(kind="packing-list").count() == 1

    def test_concurrent_reopen_and_dispatch_do_not_both_succeed(self) -> None:
        shipment, by = make_sealed(), make_packer()

        def go(number: int) -> str:
            try:
                if number % 2:
                    return lifecycle.reopen(shipment, reason="race", by=by, at=NOON).status
                return lifecycle.dispatch(shipment, reason="It leaves now.", by=by, at=NOON).status
            except WrongState:
                return ""

        outcomes = [outcome for outcome in in_threads(go) if outcome]
        shipment.refresh_from_db()
        assert outcomes == [shipment.status]

    def test_a_package_added_during_the_seal_is_included_or_refused(self) -> None:
        shipment, by, item = make_packed(), make_packer(), make_item()

        def go(number: int) -> bool:
            try:
                if number == 0:
                    lifecycle.seal(shipment, by=by, at=NOON)
                else:
                    pack(shipment, item=item, by=by)
            except shipments.ManifestFrozen:
                return False
            return True

        done = in_threads(go)
        shipment.refresh_from_db()
        assert shipment.package_count == shipment.packages.count() == sum(done)
