"""Passwords, API keys and secret links cannot be guessed at will, and guessing locks nobody else out."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from redis.exceptions import ConnectionError as CacheDown

from config.guessing import KEY, LIMITS, LINK, PASSWORD, Limit
from donations.gifts import tokens
from logistics.people import services as people
from logistics.roles import Role
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.makers.moments import NOON
from tests.makers.people import PASSWORD as RIGHT
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db
WRONG_KEY = "0123456789ab.not-the-secret"


@pytest.fixture(autouse=True)
def _three_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (PASSWORD, KEY, LINK):
        monkeypatch.setitem(LIMITS, kind, LIMITS[kind]._replace(each=3))


def client(address: str = "203.0.113.5") -> Client:
    return Client(REMOTE_ADDR=address)


def with_key(key: str, address: str = "203.0.113.5") -> Any:
    return client(address).get("/api/v1/shipments/", headers={"Authorization": f"Bearer {key}"})


def sign_in(name: str, address: str, password: str = "guess") -> int:
    return client(address).post("/admin/login/", {"username": name, "password": password}).status_code


def secret_paths(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Each address that is opened by the secret in it, with a secret that is wrong."""
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from secret_paths(pattern.url_patterns, path)
        elif "token>" in path and path.startswith("/") and "^" not in path:
            yield path.replace("<str:token>", "AAAAAAAAAAAAAAAAAAAAAA")


SECRET_PATHS = sorted(secret_paths(get_resolver().url_patterns))


class TestKeys:
    def test_guesses_are_bounded_and_the_right_key_still_works(self) -> None:
        key = people.make_key(
            make_user(Role.WAREHOUSE), name="packing", valid=timedelta(days=1), by=None, at=timezone.now()
        ).text

        answers = [with_key(WRONG_KEY) for _ in range(5)]

        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert (answers[-1].json()["code"], answers[-1]["Retry-After"]) == ("throttled", "60")
        assert with_key(key).status_code == 200
        assert with_key(WRONG_KEY, "203.0.113.6").status_code == 401

    def test_a_program_whose_key_has_ended_is_told_so_each_time(self) -> None:
        user = make_user(Role.WAREHOUSE)
        key = people.make_key(user, name="packing", valid=timedelta(days=1), by=None, at=timezone.now())
        people.revoke_key(key.row, by=None, at=timezone.now())

        assert {with_key(key.text).status_code for _ in range(5)} == {401}
        assert with_key(f"{key.row.prefix}.guess").status_code == 401


class TestLinks:
    def test_every_address_with_a_secret_is_found(self) -> None:
        assert {"/gifts/AAAAAAAAAAAAAAAAAAAAAA/", "/api/v1/gifts/AAAAAAAAAAAAAAAAAAAAAA/"} < set(SECRET_PATHS)
        assert {"/verify/AAAAAAAAAAAAAAAAAAAAAA/", "/p/AAAAAAAAAAAAAAAAAAAAAA/"} < set(SECRET_PATHS)

    @pytest.mark.parametrize("path", [path for path in SECRET_PATHS if not path.startswith("/my-gifts/")])
    def test_guesses_are_bounded(self, path: str) -> None:
        send = client().post if path.endswith(("/pay/", "/checkout/")) else client().get

        statuses = [send(path, headers={"Idempotency-Key": f"guess-{n}"}).status_code for n in range(5)]

        assert statuses == [404, 404, 404, 429, 429]

    def test_the_right_link_still_opens(self) -> None:
        make_charity()
        gift = received_donation(NOON)
        for _ in range(5):
            client().get("/gifts/AAAAAAAAAAAAAAAAAAAAAA/")

        assert client().get(tokens.path_of(gift)).status_code == 200


class TestPasswords:
    def test_another_name_each_time_does_not_help(self) -> None:
        assert [sign_in(f"p{n}@example.org", "203.0.113.5") for n in range(5)] == [200, 200, 200, 429, 429]

    def test_nor_does_another_address_of_the_same_network(self) -> None:
        statuses = [sign_in(f"p{n}@example.org", f"2001:db8:0:7::{n:x}") for n in range(1, 6)]

        assert statuses == [200, 200, 200, 429, 429]
        assert sign_in("p@example.org", "2001:db8:0:8::1") == 200

    def test_no_password_is_checked_over_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        user = make_user(Role.WAREHOUSE)
        for n in range(3):
            sign_in(f"p{n}@example.org", "203.0.113.5")
        monkeypatch.setattr(hashers, "verify_password", None)

        assert sign_in(user.email, "203.0.113.5", RIGHT) == 429

    def test_others_can_still_sign_in(self) -> None:
        user = make_user(Role.WAREHOUSE)
        for n in range(5):
            sign_in(f"p{n}@example.org", "203.0.113.5")

        assert sign_in(user.email, "203.0.113.6", RIGHT) == 302

    def test_many_addresses_together_are_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(LIMITS, PASSWORD, Limit(3, 4, 600))

        user = make_user(Role.WAREHOUSE)
        assert sign_in(user.email, "203.0.113.99", RIGHT) == 302

        assert [sign_in("p@example.org", f"203.0.113.{n}") for n in range(6)] == [200, 200, 200, 200, 429, 429]
        assert sign_in(user.email, "203.0.113.98", RIGHT) == 429
        assert sign_in(user.email, "203.0.113.99", RIGHT) == 302  # somebody signed in there before

    def test_signing_in_is_no_guess(self) -> None:
        user = make_user(Role.WAREHOUSE)

        assert {sign_in(user.email, "203.0.113.5", RIGHT) for _ in range(5)} == {302}


def test_without_the_cache_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise CacheDown

    for name in ("add", "incr", "get_many", "set"):
        monkeypatch.setattr(cache, name, fail)

    assert [with_key(WRONG_KEY).status_code for _ in range(5)] == [401] * 5
    assert [sign_in(f"p{n}@example.org", "203.0.113.5") for n in range(5)] == [200] * 5
