"""A shipment is found by exactly those who see it in their list."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.db.transaction import TransactionManagementError
from django.http import Http404

from logistics.people.models import User
from logistics.roles import Role
from shipments.shipments import access
from shipments.shipments.models import Shipment
from shipments.shipments.services import hold
from tests.makers.partners import make_partner, make_partner_user
from tests.makers.people import make_user
from tests.makers.shipments import MARKS, make_dispatched, make_shipment

pytestmark = pytest.mark.django_db


def is_found(user: User | AnonymousUser, key: object) -> bool:
    try:
        return access.find(user, str(key)).pk is not None
    except Http404:
        return False


@pytest.mark.parametrize("by", ["number", "pk"])
def test_it_is_found_by_those_whose_list_has_it(by: str) -> None:
    partner, other = make_partner(), make_partner()
    sent, sent_to_another = make_dispatched(partner=partner), make_dispatched(partner=other)
    draft = make_shipment(partner=partner, marks=MARKS)
    site = sent.sites.get().site
    users: dict[str, User | AnonymousUser] = {
        "coordinator": make_user(Role.COORDINATOR),
        "superuser": make_user(is_superuser=True),
        "staff and partner": make_user(Role.WAREHOUSE, Role.PARTNER),
        "partner": make_partner_user(partner),
        "another partner": make_partner_user(other),
        "bound to its site": make_partner_user(partner, site=site),
        "bound to another site": make_partner_user(partner, site=draft.sites.get(label="A").site),
        "of no partner": make_user(Role.PARTNER),
        "nobody": AnonymousUser(),
    }
    shipments = {"sent": sent, "sent to another": sent_to_another, "draft": draft}
    for who, user in users.items():
        listed = set(access.visible_to(user).values_list("pk", flat=True))
        for which, shipment in shipments.items():
            assert is_found(user, getattr(shipment, by)) == (shipment.pk in listed), f"{who}, {which}"
    assert is_found(users["coordinator"], getattr(draft, by))
    assert is_found(users["partner"], getattr(sent, by))
    assert not is_found(users["partner"], getattr(draft, by))
    assert not is_found(users["partner"], getattr(sent_to_another, by))


def test_it_is_found_as_it_is_now_with_its_consignee() -> None:
    draft, user = make_shipment(), make_user(Role.COORDINATOR)
    for title in ("Beds", "Books"):
        Shipment.objects.filter(pk=draft.pk).update(title=title)
        found = access.find(user, draft.number)
        assert (found.title, found.consignee.name) == (title, draft.consignee.name)


def test_what_is_held_is_the_row_as_it_is_now() -> None:
    shipment = make_shipment()
    Shipment.objects.filter(pk=shipment.pk).update(title="Books")
    assert hold(shipment).title == "Books"
    with pytest.raises(Shipment.DoesNotExist):
        hold(Shipment())


def test_a_shipment_is_held_only_inside_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    shipment = make_shipment()
    monkeypatch.setattr(connections["default"], "in_atomic_block", False)
    with pytest.raises(TransactionManagementError):
        hold(shipment)
