"""Every list endpoint of the API, found from the routes, and data with as many rows in each as needed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from rest_framework.test import APIClient

from logistics.roles import Role
from tests.clients import client_of
from tests.makers.copies import Base, Gifts, Goods
from tests.makers.partners import make_partner_user
from tests.makers.people import make_user
from tests.rights import as_superuser

STAFF = (Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR)
# URL arguments of nested lists.
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
    """Return the names of all routes that list rows, including a shipment's trail."""
    lists = [route.name for route in routes() if getattr(route.callback, "actions", {}).get("get") == "list"]
    return sorted({*(name for name in lists if name), "shipment-trail"})


@dataclass
class Measured:
    """Return the queries of each list with ten rows, and the data, grown to a thousand rows since."""

    clients: dict[str, APIClient]
    inside: dict[str, str]
    few: dict[tuple[str, str], int] = field(default_factory=dict)

    def ask(self, who: str, name: str) -> tuple[int, list[Any]]:
        """Return the number of queries of a list, none of which counts its rows, and the rows."""
        url = reverse(name, kwargs={INSIDE[name]: self.inside[INSIDE[name]]} if name in INSIDE else {})
        with CaptureQueriesContext(connection) as asked:
            answer = self.clients[who].get(url, {"page_size": 200} if name != "shipment-trail" else {})
        assert answer.status_code == 200, answer.content
        assert not any('AS "__count"' in question["sql"] for question in asked)  # as Django counts
        found = answer.json()
        return len(asked), found if isinstance(found, list) else found["results"]


CASES = [
    *(("staff", name) for name in list_names()),
    *(("partner", name) for name in FOR_PARTNERS),
    *(("anybody", name) for name in FOR_EVERYBODY),
]


class World:
    """One row of each list, which can be copied to as many as needed."""

    def __init__(self) -> None:
        self.goods, self.gifts = Goods(), Gifts()
        self.base = Base(self.goods.partner)

    def measured(self) -> Measured:
        return Measured(
            {
                "staff": client_of(make_user(*STAFF)),
                "partner": client_of(make_partner_user(self.goods.partner)),
                "anybody": client_of(),
            },
            {"shipment": str(self.goods.shipment.pk), "partner_pk": str(self.goods.partner.pk)},
        )

    def grow(self, first: int, last: int) -> None:
        self.goods.grow(first, last)
        self.goods.grow_papers(first, last)
        self.gifts.grow(first, last)
        self.base.grow(first, last)
        # As autovacuum does in production. Without statistics, joins are planned for tables of one row.
        with as_superuser() as cursor:
            cursor.execute("ANALYZE")


def lists_with_pages() -> list[str]:
    return [name for name in list_names() if name != "shipment-trail"]
