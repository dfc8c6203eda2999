"""Every list of the API asks the database the same number of questions for 10 rows and for 1,000."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.test import APIClient

from logistics.people.models import Role
from tests.copies import Base, Books, Goods
from tests.logistics.makers import client_of, make_partner_user, make_user

STAFF = (Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR)
# Parts of the addresses of lists that lie within something.
INSIDE = {
    "partner-key-list": "partner_pk",
    **dict.fromkeys(
        ["package-list", "line-list", "delivery-list", "import-list", "paper-list", "shipment-trail"], "shipment"
    ),
}
FOR_PARTNERS = [
    *("shipment-list", "package-list", "line-list", "delivery-list", "paper-list"),
    *("site-list", "contact-list"),
]
FOR_EVERYBODY = ["appeal-list"]


def routes(within: URLResolver | None = None) -> Iterator[URLPattern]:
    for found in (within or get_resolver()).url_patterns:
        if isinstance(found, URLResolver):
            yield from routes(found)
        else:
            yield found


def list_names() -> list[str]:
    """The names of all routes that list rows, a shipment's trail among them."""
    lists = [route.name for route in routes() if getattr(route.callback, "actions", {}).get("get") == "list"]
    return sorted({*(name for name in lists if name), "shipment-trail"})


@dataclass
class Measured:
    """The questions that each list asked while there were ten rows, and the world, grown to a thousand since."""

    clients: dict[str, APIClient]
    inside: dict[str, str]
    few: dict[tuple[str, str], int] = field(default_factory=dict)

    def ask(self, who: str, name: str) -> tuple[int, list[Any]]:
        """How many questions a list asks the database, and its rows."""
        url = reverse(name, kwargs={INSIDE[name]: self.inside[INSIDE[name]]} if name in INSIDE else {})
        with CaptureQueriesContext(connection) as asked:
            answer = self.clients[who].get(url, {"page_size": 200})
        assert answer.status_code == 200, answer.content
        found = answer.json()
        return len(asked), found if isinstance(found, list) else found["results"]


CASES = [
    *(("staff", name) for name in list_names()),
    *(("partner", name) for name in FOR_PARTNERS),
    *(("anybody", name) for name in FOR_EVERYBODY),
]


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker: Any) -> Iterator[Measured]:
    with django_db_blocker.unblock(), transaction.atomic():
        goods, books = Goods(), Books()
        base = Base(goods.partner)
        world = Measured(
            {
                "staff": client_of(make_user(*STAFF)),
                "partner": client_of(make_partner_user(goods.partner)),
                "anybody": client_of(),
            },
            {"shipment": str(goods.shipment.pk), "partner_pk": str(goods.partner.pk)},
        )

        def grow(first: int, last: int) -> None:
            goods.grow(first, last)
            goods.grow_papers(first, last)
            books.grow(first, last)
            base.grow(first, last)

        grow(2, 10)
        for case in CASES:
            world.ask(*case)  # what is asked once in a process is no list's fault
            world.few[case] = world.ask(*case)[0]
        grow(11, 1000)
        yield world
        transaction.set_rollback(True)


@pytest.mark.parametrize(("who", "name"), CASES)
def test_a_list_costs_the_same_for_10_and_1000_rows(measured: Measured, who: str, name: str):
    questions, rows = measured.ask(who, name)

    assert questions == measured.few[who, name]
    # A page of the thousand, except a shipment's trail, which is read as a whole.
    assert len(rows) == 200 or (name == "shipment-trail" and len(rows) > 1000)


def lists_with_pages() -> list[str]:
    return [name for name in list_names() if name != "shipment-trail"]


@pytest.mark.parametrize("name", lists_with_pages())
def test_a_list_can_be_put_in_order(measured: Measured, name: str):
    callback: Any = next(route.callback for route in routes() if route.name == name)
    view = callback.cls
    url = reverse(name, kwargs={INSIDE[name]: measured.inside[INSIDE[name]]} if name in INSIDE else {})

    assert "id" in view.ordering_fields
    ids = {}
    for order in [sign + field_name for field_name in view.ordering_fields for sign in ("", "-")]:
        answer = measured.clients["staff"].get(url, {"ordering": order, "page_size": 20})
        assert answer.status_code == 200, (order, answer.content)
        ids[order] = [row["id"] for row in answer.json()["results"]]
    assert ids["id"] == sorted(ids["id"])
    assert ids["-id"] == sorted(ids["-id"], reverse=True)
    assert ids["id"] != ids["-id"]


@pytest.mark.parametrize("name", lists_with_pages())
def test_a_list_says_by_what_it_can_be_put_in_order(measured: Measured, name: str):
    url = reverse(name, kwargs={INSIDE[name]: measured.inside[INSIDE[name]]} if name in INSIDE else {})

    answer = measured.clients["staff"].get(url, {"ordering": "colour"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
