"""Random codes that are taken are drawn again: through the API, the admin, and concurrently."""

import secrets
import threading
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from logistics.partners import models
from logistics.partners.models import Site, site_code
from logistics.people.models import ApiKey
from logistics.roles import Role
from logistics.transactions import NoFreeCode, insert_drawn
from tests.clients import client_of, once
from tests.makers.partners import make_key, make_partner, make_site
from tests.makers.people import make_user
from tests.threads import in_threads

TAKEN = "BBBBB"


@pytest.fixture
def coordinator():
    return client_of(make_user(Role.COORDINATOR))


def letters_begin_with(monkeypatch, letters: Iterator[str]) -> None:
    """Fix the next letters drawn for site codes; other random draws are unchanged."""
    at_random = secrets.choice

    def choose(alphabet):
        return next(letters, None) or at_random(alphabet) if alphabet is models.ALPHABET else at_random(alphabet)

    monkeypatch.setattr(secrets, "choice", choose)


def post_site(client, partner):
    body = {"partner": str(partner.pk), "region": "ML04", "hand_over_point": "The port"}
    return client.post("/api/v1/sites/", body, format="json", headers=once())


def post_site_in_admin(partner):
    client = Client()
    client.force_login(make_user(Role.COORDINATOR), backend="logistics.people.backends.RoleBackend")
    form = {"partner": str(partner.pk), "kind": "confidential", "public_name": "", "region": "ML04"}
    return client.post(reverse("admin:logistics_site_add"), form | {"hand_over_point": "The port"})


@pytest.mark.django_db
class TestSites:
    def test_the_api_draws_another_code_for_one_that_is_taken(self, coordinator, monkeypatch):
        make_site(code=TAKEN)
        partner = make_partner()
        letters_begin_with(monkeypatch, chain(TAKEN, TAKEN, "CCCCC"))

        answer = post_site(coordinator, partner)

        assert (answer.status_code, answer.json()["code"]) == (201, "CCCCC")
        assert sorted(Site.objects.values_list("code", flat=True)) == [TAKEN, "CCCCC"]

    def test_the_admin_draws_another_code_for_one_that_is_taken(self, monkeypatch):
        make_site(code=TAKEN)
        partner = make_partner()
        letters_begin_with(monkeypatch, chain(TAKEN * 3))  # the form's own row takes the first one

        answer = post_site_in_admin(partner)

        assert (answer.status_code, answer.url) == (302, reverse("admin:logistics_site_changelist"))
        assert Site.objects.filter(partner=partner).exclude(code=TAKEN).count() == 1

    def test_the_api_reports_when_no_code_is_free(self, coordinator, monkeypatch, caplog):
        make_site(code=TAKEN)
        partner = make_partner()
        letters_begin_with(monkeypatch, repeat("B"))

        answer = post_site(coordinator, partner)

        assert (answer.status_code, answer.json()["code"]) == (503, "no_free_code")
        assert answer["Retry-After"] == "10"
        assert Site.objects.count() == 1
        assert "no free code" in caplog.text

    def test_the_admin_reports_when_no_code_is_free(self, monkeypatch):
        make_site(code=TAKEN)
        partner = make_partner()
        letters_begin_with(monkeypatch, repeat("B"))

        answer = post_site_in_admin(partner)

        assert answer.status_code == 200
        assert "No free code was found" in answer.content.decode()
        assert Site.objects.count() == 1

    def test_bulk_inserts_handle_collisions_with_others_and_among_themselves(self, django_assert_num_queries):
        make_site(code=TAKEN)
        partner, codes = make_partner(), iter(["CCCCC", "DDDDD", "FFFFF"])
        sites = [Site(partner=partner, code=code, hand_over_point="The port") for code in (TAKEN, "CCCCC", "CCCCC")]

        with django_assert_num_queries(3):
            insert_drawn(*sites, field="code", draw=lambda: next(codes))

        assert {site.code for site in sites} == {"CCCCC", "DDDDD", "FFFFF"}
        assert {site.pk: site.code for site in Site.objects.filter(partner=partner)} == {
            site.pk: site.code for site in sites
        }

    def test_a_collision_does_not_break_the_surrounding_transaction(self):
        make_site(code=TAKEN)

        with transaction.atomic():
            before = make_partner()
            site = Site(partner=before, code=TAKEN, hand_over_point="The port")
            insert_drawn(site, field="code", draw=site_code)
            after = make_partner()

        assert before.sites.get() == site
        assert not after.sites.exists()

    @pytest.mark.parametrize("broken", ["a_confidential_site_has_no_public_name", "logistics_site_pkey"])
    def test_other_constraint_violations_are_not_retried(self, broken):
        there = make_site()
        site = Site(partner=there.partner, hand_over_point="The port")
        if broken == "logistics_site_pkey":
            site.pk = there.pk
        else:
            site.public_name = "Foyer"
        drawn = iter([site_code()])

        with pytest.raises(IntegrityError, match=broken), transaction.atomic():
            insert_drawn(site, field="code", draw=lambda: next(drawn))

        assert len([*drawn]) == 1  # still there


@pytest.mark.django_db(transaction=True)
def test_two_requests_that_draw_the_same_code_at_once_both_get_a_site(monkeypatch):
    clients = [client_of(make_user(Role.COORDINATOR)) for _ in range(2)]
    partners = [make_partner(), make_partner()]  # a request holds its partner, so that one partner's come in turn
    both_have_drawn, own, at_random = threading.Barrier(2, timeout=60), threading.local(), secrets.choice

    def choose(alphabet):
        if alphabet is not models.ALPHABET:
            return at_random(alphabet)
        own.letters = getattr(own, "letters", 0) + 1
        if own.letters == 5:
            both_have_drawn.wait()
        return "B" if own.letters <= 5 else at_random(alphabet)

    monkeypatch.setattr(secrets, "choice", choose)

    answers = in_threads(lambda number: post_site(clients[number], partners[number]), 2)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["code"] for answer in answers} - {TAKEN}) == 1
    assert sorted(Site.objects.values_list("code", flat=True)) == sorted(answer.json()["code"] for answer in answers)


@pytest.mark.django_db
def test_a_key_gets_another_prefix_for_one_that_is_taken(coordinator, monkeypatch):
    taken = make_key(make_partner()).row.prefix
    partner, at_random, first = make_partner(), secrets.token_hex, iter([taken, taken])
    monkeypatch.setattr(secrets, "token_hex", lambda size: next(first, None) or at_random(size))

    answer = coordinator.post(
        f"/api/v1/partners/{partner.pk}/keys/", {"name": "phone", "valid_days": 30}, format="json", headers=once()
    )

    assert answer.status_code == 201
    prefix = answer.json()["key"].partition(".")[0]
    assert prefix != taken
    assert sorted(ApiKey.objects.values_list("prefix", flat=True)) == sorted([taken, prefix])


@pytest.mark.django_db
def test_drawing_gives_up_after_repeated_collisions():
    make_site(code=TAKEN)
    site = Site(partner=make_partner(), code=TAKEN, hand_over_point="The port")

    with pytest.raises(NoFreeCode):
        insert_drawn(site, field="code", draw=lambda: TAKEN)
