"""Lists of 50 rows, in a small and a large database, compared with Django REST framework's ModelSerializer."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import resolve
from rest_framework.serializers import ModelSerializer
from rest_framework.test import APIClient

from config import description, docs
from logistics.roles import Role
from tests.benchmarks.measuring import Cost, Figure, Report, cost, statements
from tests.clients import client_of
from tests.makers.copies import Gifts, Goods
from tests.makers.people import make_user

FEW, MANY = 1_000, 100_000


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Goods, Gifts, APIClient]]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield Goods(), Gifts(), client_of(make_user(Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR))
        transaction.set_rollback(True)


def plain_serializer(url: str) -> Any:
    """Return all fields of the list's rows, as a default ModelSerializer writes them."""
    view: Any = resolve(url).func
    model = view.cls.queryset.model
    return type(
        f"Plain{model.__name__}", (ModelSerializer,), {"Meta": type("Meta", (), {"model": model, "fields": "__all__"})}
    )


def with_plain_serializer(client: APIClient, url: str, monkeypatch: pytest.MonkeyPatch) -> Cost:
    view: Any = resolve(url).func
    columns_of_ours = view.cls.get_queryset
    with monkeypatch.context() as patch:
        patch.setattr(view.cls, "serializer_class", plain_serializer(url))
        patch.setattr(view.cls, "get_queryset", lambda asked: columns_of_ours(asked).defer(None))  # all columns
        return cost(lambda: client.get(url), times=15, warm=3)


def test_lists_of_50(world: Any, report: Report, monkeypatch: pytest.MonkeyPatch):
    goods, gifts, client = world
    urls = {
        "donations": "/api/v1/donations/",
        "shipments": "/api/v1/shipments/",
        "lines": f"/api/v1/shipments/{goods.shipment.pk}/lines/",
    }
    took: dict[tuple[str, int], Cost] = {}
    asked: dict[tuple[str, int], list[str]] = {}
    plain: dict[str, Cost] = {}
    for first, last in ((2, FEW), (FEW + 1, MANY)):
        gifts.grow(first, last)
        goods.grow(first, last)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0; ANALYZE")
        for name, url in urls.items():
            took[name, last] = cost(partial(get, client, url), times=25, warm=5)
            asked[name, last] = statements(partial(get, client, url))
    down = {name: far_down(client, url) for name, url in urls.items()}
    deep = {name: statements(partial(get, client, url)) for name, url in down.items()}
    for name, url in urls.items():
        plain[name] = with_plain_serializer(client, url, monkeypatch)
    for name in urls:
        few, many, sql = took[name, FEW], took[name, MANY], asked[name, MANY]
        report.add(
            f"GET {name}, 50 of {MANY:,}",
            Figure("CPU", many.cpu_ms, "ms"),
            Figure("less CPU than ModelSerializer", plain[name].cpu_ms / many.cpu_ms, "×", least=2.3),
            Figure("SQL statements beside the sign-in's two", len(sql) - 2, "", most=4),
            Figure("of them COUNT(*)", sum("COUNT(*)" in query for query in sql), "", most=0),
            Figure(f"wall, median, of {FEW:,} rows", few.wall_ms, "ms"),
            Figure(f"wall, median, of {MANY:,} rows", many.wall_ms, "ms"),
            Figure("database pages for the first page", max(map(pages, sql)), "", most=60),
            Figure("database pages for a page 4,000 rows down", max(map(pages, deep[name])), "", most=60),
        )


@pytest.mark.django_db
def test_description_of_the_api(report: Report):
    client, sizes = Client(), {}
    for name, path in (("as a page", "/api/v1/docs/"), ("as JSON", "/api/v1/schema/?format=json")):

        def ask(path: str = path) -> None:
            sizes[path] = len(client.get(path, headers={"Accept-Encoding": "gzip"}).content)

        def as_after_a_start() -> None:
            description._read.cache_clear()
            docs._page.cache_clear()

        ask()  # generates the files, as a release does
        first, later = cost(ask, times=15, before=as_after_a_start), cost(ask, times=30)
        report.add(
            f"the API {name}",
            Figure("wall, the first of a process", first.wall_ms, "ms", most=50),
            Figure("wall, each later one", later.wall_ms, "ms", most=50),
            Figure("size", sizes[path] / 1000, "kB", most=60),
        )


def far_down(client: APIClient, url: str, *, turned: int = 20) -> str:
    """Return the URL of a page of 50 after this many pages of 200."""
    at = f"{url}?page_size=200"
    for _ in range(turned):
        at = client.get(at).json()["next"]
    return at.replace("page_size=200", "page_size=50")


def pages(sql: str) -> int:
    """Return how many 8 kB pages PostgreSQL reads, which does not depend on how busy the machine is."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        plan = cursor.fetchone()[0]
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def get(client: APIClient, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 50
