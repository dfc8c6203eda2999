"""A filter by the id of a row that somebody may not see tells nothing: not even that the row exists."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import django_filters
import pytest
from django.urls import reverse
from django_filters import rest_framework as filters
from django_filters.filters import ModelChoiceFilter, ModelMultipleChoiceFilter

from config.api import FilterBackend
from logistics.people import services as people
from logistics.roles import Role
from tests.clients import client_of
from tests.endpoints import endpoints
from tests.lists import INSIDE, routes
from tests.makers.copies import Goods
from tests.makers.partners import make_contact, make_key, make_partner, make_partner_user, make_site
from tests.makers.people import make_user
from tests.makers.shipments import make_shipment


def offered() -> Iterator[tuple[str, str, filters.Filter]]:
    """Yield each list, and each filter that it offers."""
    for route in routes():
        view: Any = getattr(route.callback, "cls", None)
        if getattr(route.callback, "actions", {}).get("get") == "list":
            filterset = FilterBackend().get_filterset_class(view(), view.queryset)
            for name, given in filterset.base_filters.items() if filterset else ():
                yield str(route.name), name, given


BY_ID = sorted({(at, name) for at, name, given in offered() if isinstance(given, filters.UUIDFilter)})


def test_no_filter_looks_its_row_up_among_rows_that_the_caller_may_not_see() -> None:
    found = {
        (at, name) for at, name, given in offered() if isinstance(given, ModelChoiceFilter | ModelMultipleChoiceFilter)
    }

    assert found == set()
    assert {("contact-list", "partner"), ("site-list", "partner"), ("auditentry-list", "by")} <= set(BY_ID)
    assert not [at for at, _name in BY_ID if at in INSIDE]


@pytest.mark.django_db
def test_ids_that_do_not_exist_give_an_empty_list_and_ids_that_are_none_are_refused() -> None:
    staff = [client_of(make_user(role)) for role in (Role.AUDITOR, Role.COORDINATOR, Role.FINANCE)]
    for at, name in BY_ID:
        client = next(each for each in staff if each.get(reverse(at)).status_code == 200)

        missing, wrong = client.get(reverse(at), {name: str(uuid4())}), client.get(reverse(at), {name: "x"})

        assert (missing.status_code, missing.json()["results"], wrong.status_code) == (200, [], 400), (at, name)


@pytest.mark.django_db
def test_yes_or_no_is_true_or_false_and_other_words_are_refused_instead_of_showing_every_row() -> None:
    shipment = make_shipment(make_partner())
    inside = {"shipment": shipment.number, "partner_pk": str(shipment.consignee_id)}
    client = client_of(make_user(Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR))
    tried = [(at, name) for at, name, given in offered() if isinstance(given, django_filters.BooleanFilter)]

    def ask(at: str, name: str, word: str) -> int:
        url = reverse(at, kwargs={INSIDE[at]: inside[INSIDE[at]]} if at in INSIDE else {})
        return int(client.get(url, {name: word}).status_code)

    found = {(at, name): [ask(at, name, word) for word in ("true", "False", "yes", "0")] for at, name in tried}

    assert {key: statuses for key, statuses in found.items() if statuses != [200, 200, 400, 400]} == {}
    assert {("import-list", "dry_run"), ("package-list", "is_heavy"), ("contact-list", "is_notified")} <= set(found)


@pytest.mark.django_db
def test_a_number_with_decimals_is_refused_where_only_whole_ones_exist() -> None:
    shipment = make_shipment(make_partner())
    client = client_of(make_user(Role.WAREHOUSE))
    at = f"/api/v1/shipments/{shipment.number}"

    answers = [
        [client.get(url + number).status_code for number in ("2", "1.5", "9" * 30, "NaN")]
        for url in (f"{at}/lines/?package=", f"{at}/packages/?number_from=", "/api/v1/documents/?progress_below=")
    ]

    assert answers == [[200, 400, 200, 400]] * 3


Ask = Callable[[], Any]  # sends a request and returns its answer
Guesses = dict[str, tuple[Ask, Ask]]


def guesses() -> Guesses:
    """Return, by name, how a partner asks for a foreign row, and how for a missing one."""
    goods, other = Goods(), Goods(make_partner(code="FOREIGN"))
    client, gone = client_of(make_partner_user(goods.partner)), str(uuid4())
    contact, site, key = make_contact(other.partner), make_site(other.partner), make_key(other.partner)

    def ask(method: str, path: str) -> Ask:
        more: Any = {} if method == "get" else {"format": "json", "headers": {"Idempotency-Key": gone}}
        return lambda: getattr(client, method)(path, {} if method != "get" else None, **more)

    # Foreign rows, then foreign rows inside a shipment and a partner of one's own.
    inside = {
        "lines": other.line, "imports": other.upload, "deliveries": other.delivery, "papers": other.paper,
        "keys": key.row,
    }  # fmt: skip
    alone = {
        "partners": other.partner, "contacts": contact, "sites": site, "discrepancies": other.discrepancy,
        "documents": other.paper.document, "shipments": other.shipment,
    }  # fmt: skip
    own = {"shipments": str(goods.shipment.pk), "partners": str(goods.partner.pk)}
    of_inside = {name: str(row.pk) for name, row in inside.items()}
    of_all = of_inside | {name: str(row.pk) for name, row in alone.items()}
    found: Guesses = {}
    for there, missing in ((of_all, dict.fromkeys(of_all, gone)), (of_inside | own, dict.fromkeys(inside, gone) | own)):
        for (method, path, _view), (_method, nowhere, _) in zip(endpoints(there), endpoints(missing), strict=True):
            if path != nowhere:
                found[f"{method} {path}"] = ask(method, path), ask(method, nowhere)
    found["GET a shipment by number"] = (
        ask("get", f"/api/v1/shipments/{other.shipment.number}/"),
        ask("get", "/api/v1/shipments/SHP-2026-99999/"),
    )
    for at, foreign, nothing in (
        ("contacts", str(other.partner.pk), gone),
        ("sites", str(other.partner.pk), gone),
        ("shipments", "FOREIGN", "MISSING"),
    ):
        foreign_rows, no_rows = (f"/api/v1/{at}/?partner={one}" for one in (foreign, nothing))
        found[f"get {at}/?partner="] = ask("get", foreign_rows), ask("get", no_rows)
    return found


@pytest.mark.django_db
def test_a_foreign_row_is_answered_like_a_missing_one() -> None:
    different, asked = {}, guesses()

    for name, (there, missing) in asked.items():
        answers = [(answer.status_code, answer.content) for answer in (there(), missing())]
        if answers[0] != answers[1]:
            different[name] = answers

    assert different == {}
    assert len(asked) > 60


def slower(one: Ask, other: Ask, samples: int = 200) -> float:
    """Return how often the first takes longer, of all pairs of samples: 0.5 if neither tells anything."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(samples):
        for ask, taken in list(zip((one, other), times, strict=True))[:: 1 if turn % 2 else -1]:
            started = time.perf_counter()
            ask()
            taken.append(time.perf_counter() - started)
    return sum(first > second for first in times[0] for second in times[1]) / samples**2


# Four standard deviations of what chance gives for 200 samples each.
TOLERANCE = 4 * (1 / 12 * (1 / 200 + 1 / 200)) ** 0.5


@pytest.mark.long
@pytest.mark.django_db
def test_a_foreign_row_takes_as_long_as_a_missing_one() -> None:
    read = {name: pair for name, pair in guesses().items() if name.startswith("get ")}

    found = {name: slower(*pair) for name, pair in read.items()}

    assert {name: share for name, share in found.items() if abs(share - 0.5) > TOLERANCE} == {}


@pytest.mark.django_db
def test_a_wrong_key_with_a_known_prefix_costs_what_an_unknown_one_costs(django_assert_num_queries: Any) -> None:
    """One statement, which finds nothing in both cases."""
    known = wrong_keys()[0]

    for text in (known, f"{'0' * 12}.x"):
        with django_assert_num_queries(1):
            assert people.key_of(text) is None


@pytest.mark.long
@pytest.mark.django_db
def test_a_wrong_key_takes_as_long_with_a_known_prefix() -> None:
    known, unknown = wrong_keys()

    share = slower(lambda: people.key_of(known), lambda: people.key_of(unknown))

    assert abs(share - 0.5) < TOLERANCE


def wrong_keys() -> tuple[str, str]:
    """Return two wrong keys: with the prefix of a valid key, and with that of none."""
    secret = "x" * 43
    return f"{make_key(make_partner()).row.prefix}.{secret}", f"{'0' * 12}.{secret}"
