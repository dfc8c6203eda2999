import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from logistics.errors import WrongState
from logistics.roles import Role
from shipments.deliveries import services
from shipments.deliveries.models import Delivery
from shipments.discrepancies import services as discrepancies
from shipments.shipments import lifecycle
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status
from tests.clients import client_of, key_client, once
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import make_key, make_partner
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched

pytestmark = pytest.mark.django_db


class TestApi:
    body = {
        "stated_at": "2026-04-28T10:15:00Z",
        "received_by": "Aminata Ɲaré",
        "default": "good",
        "seal_intact": True,
    }

    def send(self, client: Any, shipment: Shipment, key: Any = None, **told: Any) -> Any:
        return client.post(
            f"/api/v1/shipments/{shipment.number}/deliveries/",
            self.body | {"client_id": str(uuid4()), "stated_at": NOON.isoformat()} | told,
            format="json",
            headers=key or once(),
        )

    def test_a_partner_confirms_in_under_2_kB_and_sends_it_again(self) -> None:
        partner = make_partner()
        shipment = make_dispatched(270, partner=partner)
        client, key = key_client(make_key(partner)), once()
        told = {
            "client_id": str(uuid4()),
            "exceptions": [
                {"package": 17, "missing": True, "reason": "not in the container"},
                {"package": 204, "missing": True},
                {"package": 88, "line": 1, "damaged": 1, "reason": "door dented"},
            ],
        }

        first = self.send(client, shipment, key, **told)
        same_key = self.send(client, shipment, key, **told)
        other_key = self.send(client, shipment, **told)

        assert len(json.dumps(self.body | told)) < 2000
        assert len(first.content) < 1000
        assert [answer.status_code for answer in (first, same_key, other_key)] == [201, 201, 200]
        assert same_key.headers["Idempotent-Replayed"] == "true"
        assert first.json() == same_key.json() == other_key.json()
        assert first.json()["shipment_status"] == "received"
        assert first.json()["received"]["packages_counted"] == 268
        assert shipment.discrepancies.count() == 3
        assert Delivery.objects.count() == 1

    def test_the_same_client_id_with_another_body_is_a_conflict(self) -> None:
        partner = make_partner()
        shipment, client = make_dispatched(2, partner=partner), key_client(make_key(partner))
        client_id = str(uuid4())
        self.send(client, shipment, client_id=client_id)

        answer = self.send(client, shipment, client_id=client_id, received_by="Somebody else")

        assert (answer.status_code, answer.json()["code"]) == (409, "client_id_reused")

    def test_another_partners_key_gets_404(self) -> None:
        shipment = make_dispatched()
        client = key_client(make_key(make_partner()))

        foreign = self.send(client, shipment)
        missing = client.post("/api/v1/shipments/SHP-2026-99999/deliveries/", self.body, format="json", headers=once())

        assert foreign.status_code == missing.status_code == 404
        assert foreign.json() == missing.json()

    def test_staff_may_confirm_on_behalf(self) -> None:
        shipment = make_dispatched()

        answer = self.send(client_of(make_packer()), shipment, source="phone")

        assert (answer.status_code, answer.json()["source"]) == (201, "phone")

    def test_a_partner_cannot_claim_another_source(self) -> None:
        partner = make_partner()
        shipment = make_dispatched(partner=partner)

        answer = self.send(key_client(make_key(partner)), shipment, source="paper")

        assert answer.json()["source"] == "api"

    @pytest.mark.parametrize("count", [-1, 1.5, "3", False, None])
    def test_a_count_is_a_whole_number_or_true(self, count: Any) -> None:
        answer = self.send(client_of(make_packer()), make_dispatched(), exceptions=[{"package": 1, "missing": count}])

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "exceptions[0].missing"

    def test_discrepancies_are_decided_and_closed_before_the_shipment(self) -> None:
        shipment, client = make_dispatched(), client_of(make_user(Role.COORDINATOR, name="Awa"))
        self.send(client, shipment, exceptions=[{"package": 1, "missing": True}])
        (row,) = client.get("/api/v1/discrepancies/", {"shipment": shipment.number, "state": "open"}).json()["results"]
        address = f"/api/v1/discrepancies/{row['id']}/"
        too_early = client.post(f"/api/v1/shipments/{shipment.number}/close/", headers=once())

        decided = client.post(
            f"{address}decide/", {"decision": "write_off", "version": 1}, format="json", headers=once()
        )
        stale = client.post(f"{address}close/", {"version": 1}, format="json", headers=once())
        closed = client.post(f"{address}close/", {"version": 2}, format="json", headers=once())
        ended = client.post(f"/api/v1/shipments/{shipment.number}/close/", headers=once())

        assert (too_early.status_code, too_early.json()["code"]) == (409, "unresolved")
        assert [a.status_code for a in (decided, stale, closed, ended)] == [200, 412, 200, 200]
        assert ended.json()["status"] == "closed"
        told = [entry["sentence"] for entry in client.get(f"/api/v1/shipments/{shipment.number}/trail/").json()]
        assert told[-4:] == [
            "Awa confirmed delivery 1: 10 missing; the shipment is received.",
            "Awa decided on a discrepancy (lost package): write off.",
            "Awa closed a discrepancy (lost package).",
            "Awa closed the shipment.",
        ]

    def test_a_partner_cannot_see_discrepancies_and_the_warehouse_cannot_decide_them(self) -> None:
        shipment = make_dispatched()
        confirm(shipment, {"package": 1, "missing": True})
        row = shipment.discrepancies.get()

        assert key_client(make_key(shipment.consignee)).get("/api/v1/discrepancies/").status_code == 403
        answer = client_of(make_packer()).post(f"/api/v1/discrepancies/{row.pk}/decide/", headers=once())
        assert answer.status_code == 403

    def test_confirming_everything_takes_few_queries_at_any_size(self) -> None:
        small, large = make_dispatched(3), make_dispatched(270)
        by = make_packer()

        def queries(shipment: Shipment) -> int:
            with CaptureQueriesContext(connection) as caught:
                services.confirm(
                    shipment, client_id=uuid4(), stated_at=NOON, received_by="A", by=by, at=NOON, default="good"
                )
            return len([q for q in caught.captured_queries if "SAVEPOINT" not in q["sql"]])

        assert queries(small) == queries(large) <= 15


class TestClose:
    def test_waits_until_every_line_is_accounted_for(self) -> None:
        shipment = make_dispatched(2)
        confirm(shipment, {"package": 2, "later": True})

        with pytest.raises(WrongState):
            lifecycle.close(shipment, by=make_packer(), at=NOON)

    def test_a_lost_shipment_can_be_closed_once_its_loss_is_decided(self) -> None:
        shipment = lifecycle.lose(make_dispatched(), reason="no news for months", by=make_packer(), at=NOON)
        with pytest.raises(services.Unresolved):
            lifecycle.close(shipment, by=make_packer(), at=NOON)
        row = shipment.discrepancies.get()
        row = discrepancies.decide(row, decision="claim", note="insured", version=1, by=make_packer(), at=NOON)
        discrepancies.close(row, version=2, by=make_packer(), at=NOON)

        lifecycle.close(shipment, by=make_packer(), at=NOON)

        shipment.refresh_from_db()
        assert shipment.status == Status.CLOSED
