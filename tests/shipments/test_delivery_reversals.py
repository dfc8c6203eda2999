from typing import Any
from uuid import uuid4

import pytest
from django.db.models import Sum

from logistics.roles import Role
from shipments.deliveries import figures, services
from shipments.deliveries.models import DeliveryLine
from shipments.discrepancies import services as discrepancies
from shipments.shipments.states import Status
from tests.clients import key_client, once
from tests.makers.deliveries import confirm, reverse
from tests.makers.moments import NOON
from tests.makers.partners import make_key, make_partner
from tests.makers.people import make_user
from tests.makers.shipments import make_dispatched

pytestmark = pytest.mark.django_db


class TestReversal:
    def test_negates_the_figures_of_the_delivery(self) -> None:
        shipment = make_dispatched(2)
        delivery = confirm(shipment, {"package": 2, "missing": True})

        reverse(delivery)

        shipment.refresh_from_db()
        assert shipment.status == Status.ARRIVED
        assert figures.received(shipment).pieces_missing == 0
        assert set(shipment.discrepancies.values_list("state", "decision")) == {("closed", "none")}
        assert shipment.papers.get(kind="goods-received-note").document.superseded_at == NOON

    def test_the_right_figures_can_be_confirmed_afterwards(self) -> None:
        shipment = make_dispatched(2)
        reverse(confirm(shipment, {"package": 2, "missing": True}))

        confirm(shipment)

        assert shipment.status == Status.RECEIVED
        assert figures.received(shipment).pieces_good == 20
        lines = DeliveryLine.objects.aggregate(good=Sum("good"), missing=Sum("missing"))
        assert lines == {"good": 20, "missing": 0}

    def test_leaves_decided_discrepancies_to_staff(self) -> None:
        shipment = make_dispatched(2)
        delivery = confirm(shipment, {"package": 1, "missing": True}, {"package": 2, "damaged": 1, "reason": "wet"})
        row = shipment.discrepancies.get(kind="damage")
        by = make_user(Role.COORDINATOR)
        discrepancies.decide(row, decision="claim", note="insured", version=row.version, by=by, at=NOON)

        reverse(delivery)

        assert set(shipment.discrepancies.values_list("kind", "state", "decision")) == {
            ("lost_package", "closed", "none"),
            ("damage", "decided", "claim"),
        }

    def test_a_partner_can_reverse_its_own_confirmations_but_not_those_of_staff(self) -> None:
        partner = make_partner()
        shipment, client = make_dispatched(2, partner=partner), key_client(make_key(partner))
        by_staff = confirm(shipment, {"package": 1, "good": 1}, default="none")
        told = {"stated_at": NOON, "received_by": "Awa", "default": "good", "client_id": uuid4()}
        address = f"/api/v1/shipments/{shipment.number}/deliveries/"
        own = client.post(address, told, format="json", headers=once()).json()

        def take_back(key: Any) -> Any:
            told = {"client_id": str(uuid4()), "reason": "wrong"}
            return client.post(f"{address}{key}/reverse/", told, format="json", headers=once())

        refused, done = take_back(by_staff.pk), take_back(own["id"])

        assert (refused.status_code, refused.json()["code"]) == (409, "cannot_reverse")
        assert "charity" in refused.json()["detail"]
        assert done.status_code == 201, done.json()

    def test_a_delivery_is_reversed_only_once(self) -> None:
        delivery = confirm(make_dispatched())
        reversal = reverse(delivery)

        for again in (delivery, reversal):
            with pytest.raises(services.CannotReverse):
                reverse(again)

    def test_is_refused_if_a_later_delivery_depends_on_it(self) -> None:
        shipment = make_dispatched()
        surplus = confirm(shipment, {"package": 1, "surplus": 5}, default="none")
        confirm(shipment, {"package": 1, "good": 15}, default="none")

        with pytest.raises(services.CannotReverse, match="surplus"):
            reverse(surplus)

        assert figures.received(shipment).pieces_good == 15
