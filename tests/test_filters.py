"""A filter by the id of a row that somebody may not see tells nothing: not even that the row exists."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import django_filters
import pytest
from django.urls import reverse
from django_filters import rest_framework as filters
from django_filters.filters import ModelChoiceFilter, ModelMultipleChoiceFilter
from rest_framework.test import APIClient

from config.api import FilterBackend
from logistics.roles import Role
from tests.clients import client_of
from tests.lists import INSIDE, routes
from tests.makers.partners import make_contact, make_partner, make_partner_user, make_site
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


def guesses() -> dict[str, tuple[APIClient, str, str]]:
    """Return, by name, a partner's client, and the addresses of a foreign and of a missing row."""
    client, other = client_of(make_partner_user(make_partner())), make_partner(code="FOREIGN")
    contact, site = make_contact(other), make_site(other)
    shipment, gone = make_shipment(other), uuid4()
    pairs = {
        "contacts of a partner": (f"contacts/?partner={other.pk}", f"contacts/?partner={gone}"),
        "sites of a partner": (f"sites/?partner={other.pk}", f"sites/?partner={gone}"),
        "shipments of a partner": ("shipments/?partner=FOREIGN", "shipments/?partner=MISSING"),
        "a partner": (f"partners/{other.pk}/", f"partners/{gone}/"),
        "a contact": (f"contacts/{contact.pk}/", f"contacts/{gone}/"),
        "a site": (f"sites/{site.pk}/", f"sites/{gone}/"),
        "packages": (f"shipments/{shipment.number}/packages/", "shipments/SHP-2026-99999/packages/"),
    }
    return {name: (client, f"/api/v1/{there}", f"/api/v1/{missing}") for name, (there, missing) in pairs.items()}


@pytest.mark.django_db
def test_a_foreign_row_is_answered_like_a_missing_one() -> None:
    for name, (client, there, missing) in guesses().items():
        answers = client.get(there), client.get(missing)

        assert len({(answer.status_code, answer.content) for answer in answers}) == 1, name


@pytest.mark.long
@pytest.mark.django_db
def test_a_foreign_row_takes_as_long_as_a_missing_one() -> None:
    """Which of the two is slower is a coin's toss: 0.5, give or take four standard deviations of 200 samples each."""
    samples, tolerance = 200, 4 * (1 / 12 * (1 / 200 + 1 / 200)) ** 0.5
    timed = ("contacts of a partner", "shipments of a partner", "a contact")
    for name, (client, *pair) in [(name, guess) for name, guess in guesses().items() if name in timed]:
        times: dict[str, list[float]] = {at: [] for at in pair}
        for turn in range(samples):
            for at in pair[:: 1 if turn % 2 else -1]:
                started = time.perf_counter()
                client.get(at)
                times[at].append(time.perf_counter() - started)

        there, missing = times.values()
        slower = sum(one > other for one in there for other in missing) / samples**2

        assert abs(slower - 0.5) < tolerance, (name, slower)
