"""Paging through a list shows each row once, in both directions, for every ordering."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from tests.lists import INSIDE, Measured, World, lists_with_pages, routes

pytestmark = pytest.mark.lists


@pytest.fixture(scope="module")
def alike(django_db_setup: None, django_db_blocker: Any) -> Iterator[Measured]:
    """Create some forty rows in each list, mostly copies of one, which share the values used for ordering."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = World()
        measured = world.measured()
        world.grow(2, 40)
        yield measured
        transaction.set_rollback(True)


def orderings() -> list[tuple[str, str]]:
    """Return each list with each of its orderings."""
    views: dict[str, Any] = {route.name: route.callback for route in routes() if route.name in lists_with_pages()}
    return [
        (name, sign + field_name)
        for name in lists_with_pages()
        for field_name in views[name].cls.ordering_fields
        for sign in ("", "-")
    ]


@pytest.mark.parametrize(("name", "ordering"), orderings())
def test_paging_shows_each_row_once_forwards_and_backwards(alike: Measured, name: str, ordering: str):
    client: Any = alike.clients["staff"]
    url: str | None = reverse(name, kwargs={INSIDE[name]: alike.inside[INSIDE[name]]} if name in INSIDE else {})
    pages = [client.get(url, {"ordering": ordering, "page_size": 17}).json()]
    while (url := pages[-1]["next"]) and len(pages) < 10:
        pages.append(client.get(url).json())

    back = [pages[-1]]
    while (url := back[-1]["previous"]) and len(back) < 10:
        back.append(client.get(url).json())

    forwards = [row["id"] for page in pages for row in page["results"]]
    assert len(set(forwards)) == len(forwards) >= 40
    assert [row["id"] for page in reversed(back) for row in page["results"]] == forwards
    assert (pages[0]["previous"], back[-1]["previous"], pages[-1]["next"]) == (None, None, None)


def test_a_cursor_belongs_to_one_ordering(alike: Measured):
    client: Any = alike.clients["staff"]
    page = client.get("/api/v1/donations/", {"ordering": "amount_minor", "page_size": 10}).json()

    answer = client.get(page["next"].replace("amount_minor", "-amount_minor"))

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
