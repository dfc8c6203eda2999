"""Every list of the API takes the same number of queries for 10 rows and for 1,000."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from logistics.catalogue.models import Item
from shipments.packing.models import ManifestLine, Package
from tests.lists import CASES, INSIDE, Measured, World, lists_with_pages, routes
from tests.rights import as_superuser

pytestmark = pytest.mark.lists
# Two for the key, one for the shipment that a list belongs to, one for the rows, and one for each relation: at most
# six, but for lists whose rows show more relations than two or three.
QUERIES = {"discrepancy-list": 7, "package-list": 8, "refund-list": 8, "donation-list": 9, "receipt-list": 9}


@pytest.fixture(scope="module")
def measured(django_db_setup: None, django_db_blocker: Any) -> Iterator[Measured]:
    with django_db_blocker.unblock(), transaction.atomic():
        world = World()
        measured = world.measured()
        world.grow(2, 10)
        for case in CASES:
            measured.ask(*case)  # queries made once per process do not count
            measured.few[case] = measured.ask(*case)[0]
        world.grow(11, 1000)
        yield measured
        transaction.set_rollback(True)


@pytest.mark.parametrize(("who", "name"), CASES)
def test_a_list_takes_the_same_queries_for_10_and_1000_rows(measured: Measured, who: str, name: str):
    questions, rows = measured.ask(who, name)

    assert questions == measured.few[who, name] <= QUERIES.get(name, 6)
    # One page of the thousand, except for a shipment's trail, which has no pages.
    assert len(rows) == 200 or (name == "shipment-trail" and len(rows) > 1000)


@pytest.mark.parametrize("name", lists_with_pages())
def test_a_list_can_be_sorted(measured: Measured, name: str):
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
def test_a_list_can_be_searched(measured: Measured, name: str):
    callback: Any = next(route.callback for route in routes() if route.name == name)
    rows: Any = callback.cls.queryset.model.objects
    url = reverse(name, kwargs={INSIDE[name]: measured.inside[INSIDE[name]]} if name in INSIDE else {})

    def found(text: str) -> set[str]:
        answer = measured.clients["staff"].get(url, {"search": text, "page_size": "20"})
        assert answer.status_code == 200, answer.content
        return {row["id"] for row in answer.json()["results"]}

    assert found("no-row-has-this-text") == set()
    shown = [row["id"] for row in measured.ask("staff", name)[1]]
    # A row is found by each text of its own: whatever its case, unless it is an id that is compared as it is.
    texts = {
        text if whole else text.upper()
        for field_name, whole in (
            (each.removesuffix("__exact"), "__exact" in each) for each in callback.cls.search_fields
        )
        for text in rows.filter(pk=shown[0]).values_list(field_name, flat=True)
        if text
    }
    assert texts, f"{name}: the row has no text that can be searched"
    for text in texts:
        assert found(text), text


def test_packages_are_searched_quickly_even_with_statistics_of_empty_tables(measured: Measured):
    """As after an import during which autovacuum looked. Joined to their lines and items, a search took minutes."""
    url = reverse("package-list", kwargs={"shipment": measured.inside["shipment"]})

    with transaction.atomic():
        with as_superuser() as cursor:
            for model in (Package, ManifestLine, Item):
                table = ["schemaname", "public", "relname", model._meta.db_table]
                cursor.execute(
                    "SELECT pg_restore_relation_stats(%s, %s, %s, %s, 'relpages', 1, 'reltuples', 0::real)", table
                )
            cursor.execute("SET LOCAL statement_timeout = '3s'")
        answer = measured.clients["staff"].get(url, {"search": "no row"})
        transaction.set_rollback(True)

    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize("name", lists_with_pages())
def test_a_list_describes_its_orderings(measured: Measured, name: str):
    url = reverse(name, kwargs={INSIDE[name]: measured.inside[INSIDE[name]]} if name in INSIDE else {})

    answer = measured.clients["staff"].get(url, {"ordering": "colour"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
