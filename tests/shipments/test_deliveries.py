from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from logistics.errors import Invalid, WrongState
from logistics.mail.models import Email
from shipments.deliveries import figures, services
from shipments.deliveries.models import Delivery, DeliveryLine, Tally
from shipments.discrepancies.models import Discrepancy
from shipments.papers.models import Paper
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched, make_sealed
from tests.rights import as_superuser
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def found(shipment: Shipment) -> list[tuple[str, int | None, int]]:
    rows = shipment.discrepancies.select_related("package").order_by("id")
    return [(row.kind, row.package.number if row.package else None, row.quantity) for row in rows]


class TestAllSound:
    def test_one_small_call_confirms_the_whole_shipment(self) -> None:
        shipment = make_dispatched(3, lines=2)

        confirm(shipment)

        assert (shipment.status, shipment.arrived_at) == ("received", NOON)
        assert found(shipment) == []
        received = figures.received(shipment)
        assert (received.packages_sound, received.lines_resolved, received.pieces_good) == (3, 6, 60)

    def test_missing_packages_and_damage_open_discrepancies(self) -> None:
        shipment = make_dispatched(5)

        confirm(
            shipment,
            {"package": 2, "missing": True, "reason": "not in the container"},
            {"package": 4, "missing": True},
            {"package": 5, "line": 1, "damaged": 1, "reason": "door dented"},
        )

        assert shipment.status == Status.RECEIVED
        assert found(shipment) == [("lost_package", 2, 10), ("lost_package", 4, 10), ("damage", 5, 1)]
        received = figures.received(shipment)
        assert (received.packages_counted, received.packages_sound) == (3, 2)
        assert (received.pieces_good, received.pieces_damaged, received.pieces_missing) == (29, 1, 20)

    def test_requests_a_goods_received_note_with_the_differences(self) -> None:
        shipment = make_dispatched(2)

        confirm(shipment, {"package": 2, "damaged": 3, "reason": "wet"}, seal_intact=True, delivered_by="Moussa")

        paper = shipment.papers.get(kind=Paper.Kind.GOODS_RECEIVED_NOTE)
        context = paper.document.context
        assert (paper.number, context["seal_intact"]) == (f"{shipment.number}-GRN-1", True)
        assert context["received"]["pieces_good"] == 17
        assert [(d["package"], d["sent"], d["good"], d["damaged"]) for d in context["differences"]] == [(2, 10, 7, 3)]

    def test_the_charity_is_mailed_only_if_there_are_differences(self) -> None:
        confirm(make_dispatched())
        shipment = make_dispatched()

        confirm(shipment, {"package": 1, "missing": True})

        mail = Email.objects.get(kind="delivery-differs")
        assert (mail.to, mail.subject) == (
            "office@example.org",
            f"Shipment {shipment.number}: what arrived differs from what was sent",
        )
        assert "Missing: 10" in mail.body

    def test_the_sent_quantities_do_not_change(self) -> None:
        shipment = make_dispatched()

        confirm(shipment, {"package": 1, "missing": 4})

        assert shipment.packages.get().lines.get().quantity == 10
        assert Tally.objects.get().shipped == 10


class TestSeveralDeliveries:
    def test_add_up_until_every_line_is_accounted_for(self) -> None:
        shipment = make_dispatched(3)

        confirm(shipment, {"package": 1, "good": True}, default="none")
        assert shipment.status == Status.PARTIALLY_RECEIVED
        confirm(shipment, {"package": 2, "good": 4}, default="none")
        assert shipment.status == Status.PARTIALLY_RECEIVED
        confirm(shipment, {"package": 2, "line": 1, "missing": 1})

        assert shipment.status == Status.RECEIVED
        tally = Tally.objects.get(line__package__number=2)
        assert (tally.good, tally.missing, tally.is_resolved) == (9, 1, True)

    def test_lines_marked_later_are_neither_good_nor_missing(self) -> None:
        shipment = make_dispatched(3)

        confirm(shipment, {"package": 3, "later": True})

        assert shipment.status == Status.PARTIALLY_RECEIVED
        assert figures.received(shipment).lines_resolved == 2
        assert not Tally.objects.filter(line__package__number=3).exists()

    def test_nothing_is_missing_unless_declared(self) -> None:
        shipment = make_dispatched(2)

        confirm(shipment, {"package": 1, "good": True}, default="none")

        assert figures.received(shipment).pieces_missing == 0
        assert found(shipment) == []

    def test_a_surplus_may_be_counted_later(self) -> None:
        shipment = make_dispatched()

        confirm(shipment, {"package": 1, "surplus": 5}, default="none")
        confirm(shipment, {"package": 1, "good": 15}, default="none")

        assert shipment.status == Status.RECEIVED

    def test_a_confirmation_that_counts_nothing_is_refused(self) -> None:
        shipment = make_dispatched()
        confirm(shipment)

        with pytest.raises(services.NothingToConfirm):
            confirm(shipment)

        assert Delivery.objects.count() == 1


class TestSurplusAndUnlisted:
    def test_more_than_was_sent_is_surplus(self) -> None:
        shipment = make_dispatched()

        confirm(shipment, {"package": 1, "surplus": 2})

        tally = Tally.objects.get()
        assert (tally.good, tally.surplus, tally.is_resolved) == (12, 2, True)
        assert found(shipment) == [("surplus", 1, 2)]

    def test_unlisted_goods_are_kept_apart(self) -> None:
        shipment = make_dispatched()

        delivery = confirm(shipment, unlisted=[{"description": "Bicycle", "quantity": 1, "unit": "H87", "remark": ""}])

        assert found(shipment) == [("wrong_item", None, 1)]
        assert delivery.unlisted.get().description == "Bicycle"
        assert figures.received(shipment).pieces_good == 10


class TestRefusals:
    @pytest.mark.parametrize(
        ("exception", "field", "code"),
        [
            ({"package": 9, "missing": True}, "exceptions[0].package", "does_not_exist"),
            ({"package": 1, "line": 3, "missing": True}, "exceptions[0].line", "does_not_exist"),
            ({"package": 1, "damaged": 1, "reason": "wet"}, "exceptions[0].line", "required"),
            ({"package": 1, "line": 1, "damaged": 1}, "exceptions[0].reason", "required"),
            ({"package": 1, "line": 1, "missing": 11}, "exceptions[0]", "too_many"),
            ({"package": 1, "line": 1, "good": 5, "damaged": 6, "reason": "wet"}, "exceptions[0]", "too_many"),
            ({"package": 1, "line": 1, "missing": 1, "surplus": 1}, "exceptions[0]", "contradiction"),
            ({"package": 1, "missing": True, "good": True}, "exceptions[0]", "contradiction"),
            ({"package": 1, "surplus": True}, "exceptions[0]", "contradiction"),
            ({"package": 1}, "exceptions[0]", "says_nothing"),
        ],
    )
    def test_impossible_figures_are_refused(self, exception: dict[str, Any], field: str, code: str) -> None:
        shipment = make_dispatched(lines=2)

        with pytest.raises(Invalid) as refusal, transaction.atomic():
            confirm(shipment, exception)

        errors: Any = refusal.value.details["errors"]
        assert (errors[0]["field"], errors[0]["code"]) == (field, code)
        assert not Delivery.objects.exists()

    def test_text_that_the_note_cannot_print_is_refused(self) -> None:
        with pytest.raises(Invalid) as refusal, transaction.atomic():
            confirm(make_dispatched(), {"package": 1, "damaged": True, "reason": "broken 😢"})

        errors: Any = refusal.value.details["errors"]
        assert (errors[0]["field"], errors[0]["code"]) == ("exceptions[0].reason", "not_printable")

    def test_a_line_named_twice_is_refused(self) -> None:
        with pytest.raises(Invalid, match="twice") as refusal:
            confirm(make_dispatched(), {"package": 1, "missing": True}, {"package": 1, "line": 1, "missing": 1})

        errors: Any = refusal.value.details["errors"]
        assert (errors[0]["field"], errors[0]["code"]) == ("exceptions[1]", "not_unique")

    def test_a_confirmation_before_dispatch_is_refused(self) -> None:
        with pytest.raises(WrongState):
            confirm(make_sealed())

    def test_a_time_in_the_future_is_refused(self) -> None:
        with pytest.raises(Invalid, match="clock"):
            confirm(make_dispatched(), stated_at=NOON + timedelta(days=2))

    def test_a_client_id_reused_for_another_confirmation_is_refused(self) -> None:
        shipment, client_id = make_dispatched(2), uuid4()
        confirm(shipment, {"package": 1, "later": True}, client_id=client_id)

        with pytest.raises(services.ClientIdReused):
            confirm(shipment, client_id=client_id)


class TestConstraints:
    def test_the_database_refuses_more_than_was_shipped_and_surplus(self) -> None:
        confirm(make_dispatched())

        with pytest.raises(IntegrityError, match="no_more_is_accounted_for_than_was_shipped_and_surplus"):
            Tally.objects.update(good=11)

    def test_the_database_refuses_a_negative_tally(self) -> None:
        confirm(make_dispatched())

        with pytest.raises(IntegrityError, match="a_tally_is_not_negative"):
            Tally.objects.update(good=-1)

    def test_the_database_refuses_damage_without_a_reason(self) -> None:
        shipment = make_dispatched()
        delivery = confirm(shipment, {"package": 1, "later": True}, unlisted=[{"description": "x", "quantity": 1}])

        with pytest.raises(IntegrityError, match="damage_has_a_reason"):
            DeliveryLine.objects.create(delivery=delivery, line=shipment.packages.get().lines.get(), damaged=1)

    @pytest.mark.parametrize("model", [Delivery, DeliveryLine])
    def test_the_database_refuses_to_change_or_delete_a_delivery(self, model: Any) -> None:
        confirm(make_dispatched())

        for change in (
            lambda: model.objects.update(**{_first(model): 1}),
            lambda: model.objects.all()._raw_delete("default"),
        ):
            with pytest.raises(DatabaseError, match="annot"), as_superuser():
                change()

    def test_the_database_refuses_a_client_id_twice(self) -> None:
        delivery = confirm(make_dispatched())

        with pytest.raises(IntegrityError, match="a_client_id_confirms_once_in_a_shipment"):
            Delivery.objects.create(
                shipment=delivery.shipment, sequence=2, client_id=delivery.client_id, body_sha256="x", stated_at=NOON,
                recorded_at=NOON, recorded_by=delivery.recorded_by, source="api", default="good", received_by="x",
            )  # fmt: skip

    def test_the_database_refuses_a_decision_without_a_date(self) -> None:
        confirm(make_dispatched(), {"package": 1, "missing": True})

        with pytest.raises(IntegrityError, match="a_discrepancy_is_decided_exactly_when_it_says_so"):
            Discrepancy.objects.update(state="decided", decision="accept")


def _first(model: Any) -> str:
    return "sequence" if model is Delivery else "good"


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_the_same_confirmation_many_times_at_once_counts_once(self) -> None:
        shipment, client_id, by = make_dispatched(5), uuid4(), make_packer()

        def send(_: int) -> bool:
            return services.confirm(
                shipment, client_id=client_id, stated_at=NOON, received_by="A", by=by, at=NOON, default="good"
            ).is_new

        assert sum(in_threads(send)) == 1
        assert figures.received(shipment).pieces_good == 50
        assert shipment.papers.filter(kind="goods-received-note").count() == 1

    def test_concurrent_confirmations_never_count_more_than_was_sent(self) -> None:
        shipment, by = make_dispatched(), make_packer()

        def send(_: int) -> bool:
            try:
                services.confirm(
                    shipment, client_id=uuid4(), stated_at=NOON, received_by="A", by=by, at=NOON, default="none",
                    exceptions=[{"package": 1, "good": 3}],
                )  # fmt: skip
            except Invalid:
                return False
            return True

        assert sum(in_threads(send)) == 3
        assert Tally.objects.get().good == 9
