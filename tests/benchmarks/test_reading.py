"""Lists of 50 rows, in a small and a large database, compared with Django REST framework's ModelSerializer."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.test import Client
from django.urls import resolve
from rest_framework.serializers import ModelSerializer
from rest_framework.test import APIClient

from config import description, docs
from logistics.roles import Role
from tests.benchmarks.asking import bare
from tests.benchmarks.measuring import Cost, Figure, Report, cost, costs, statements
from tests.clients import client_of
from tests.makers.copies import Gifts, Goods
from tests.makers.people import make_user

FEW, MANY = 1_000, 100_000


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Goods, Gifts, APIClient]]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield Goods(), Gifts(), client_of(make_user(Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR))
        transaction.set_rollback(True)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def plain_serializer(url: str) -> Any:
    """Return all fields of the list's rows, as a default ModelSerializer writes them."""
    view: Any = resolve(url).func
    model = view.cls.queryset.model
    return type(
        f"Plain{model.__name__}", (ModelSerializer,), {"Meta": type("Meta", (), {"model": model, "fields": "__all__"})}
    )


def beside(client: APIClient, url: str) -> dict[str, Callable[[], object]]:
    """Return what is compared: our list, the same list by ModelSerializer, and the floor: `values()` and orjson."""
    view: Any = resolve(url).func
    ours, columns_of_ours = view.cls.serializer_class, view.cls.get_queryset
    rows = ours.columns(view.cls.queryset.model)

    ask = bare(url, HTTP_COOKIE="; ".join(f"{name}={one.value}" for name, one in client.cookies.items()))

    def plain() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(view.cls, "serializer_class", plain_serializer(url))
            patch.setattr(view.cls, "get_queryset", lambda asked: columns_of_ours(asked).defer(None))  # all columns
            patch.setattr("config.pagination.fast", lambda found: found)
            ask()

    def floor() -> bytes:
        return orjson.dumps(list(view.cls.queryset.model.objects.order_by("-id").values("id", *rows)[:51]), default=str)

    return {"ours": ask, "plain": plain, "floor": floor}


def test_lists_of_50(world: Any, report: Report):
    goods, gifts, client = world
    urls = {
        "donations": "/api/v1/donations/",
        "shipments": "/api/v1/shipments/",
        "lines": f"/api/v1/shipments/{goods.shipment.pk}/lines/",
    }
    took: dict[tuple[str, int], Cost] = {}
    asked: dict[tuple[str, int], list[str]] = {}
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
        turns = costs(beside(client, url), times=40, warm=5)
        few, many, sql = took[name, FEW], took[name, MANY], asked[name, MANY]
        report.add(
            f"GET {name}, 50 of {MANY:,}",
            Figure("CPU", turns["ours"].cpu_ms, "ms"),
            Figure("less CPU than ModelSerializer", turns["plain"].cpu_ms / turns["ours"].cpu_ms, "×", least=2.3),
            Figure("CPU over that of values() and orjson", turns["ours"].cpu_ms / turns["floor"].cpu_ms, "×", most=2),
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
