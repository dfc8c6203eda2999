"""The client address of a request, as used by rate limits and lock-outs, with and without proxies."""

import pytest
from axes.helpers import get_client_ip_address
from axes.utils import reset
from django.test import Client, RequestFactory

from config.throttling import CallerThrottle
from logistics.roles import Role
from logistics.visitors import address_of
from tests.makers.people import PASSWORD, make_user


def request(told: str = "", seen: str = "10.0.0.1"):
    headers = {"X-Forwarded-For": told} if told else {}
    return RequestFactory().get("/", REMOTE_ADDR=seen, headers=headers)


@pytest.mark.parametrize(
    ("proxies", "told", "seen", "address"),
    [
        (0, "", "192.0.2.7", "192.0.2.7"),
        (0, "203.0.113.5", "192.0.2.7", "192.0.2.7"),  # nobody of ours says so
        (1, "203.0.113.5", "10.0.0.1", "203.0.113.5"),
        (1, "6.6.6.6, 203.0.113.5", "10.0.0.1", "203.0.113.5"),  # the first one is forged by the client
        (2, "6.6.6.6, 203.0.113.5, 10.0.0.2", "10.0.0.1", "203.0.113.5"),
        (2, "203.0.113.5", "10.0.0.1", "203.0.113.5"),
        (1, "203.0.113.5:4711", "10.0.0.1", "203.0.113.5"),
        (1, "[2001:DB8::1]:4711", "10.0.0.1", "2001:db8::"),
        (1, "2001:db8:0:7:ffff:ffff:ffff:1", "10.0.0.1", "2001:db8:0:7::"),  # its owner has the whole /64
        (1, "::ffff:203.0.113.5", "10.0.0.1", "203.0.113.5"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "unknown", "10.0.0.1", "10.0.0.1"),
        (1, "", "", ""),  # a socket
    ],
)
def test_the_address_comes_from_our_own_proxies(settings, proxies, told, seen, address):
    settings.TRUSTED_PROXIES = proxies

    assert address_of(request(told, seen)) == address


def test_all_limits_use_the_same_address(settings):
    settings.TRUSTED_PROXIES = 1
    one, same, other = (request(told) for told in ("6.6.6.6, 203.0.113.5", "203.0.113.5:99", "203.0.113.6"))
    for asked in (one, same, other):
        asked.user = None

    assert get_client_ip_address(one) == get_client_ip_address(same) == "203.0.113.5"
    assert [
        CallerThrottle().limits(asked, None) == CallerThrottle().limits(one, None) for asked in (one, same, other)
    ] == [True, True, False]


@pytest.mark.django_db
class TestLock:
    @pytest.fixture(autouse=True)
    def _behind_one_proxy(self, settings):
        settings.TRUSTED_PROXIES = 1
        reset()

    def sign_in(self, email: str, address: str, password: str = PASSWORD) -> int:
        client = Client(headers={"X-Forwarded-For": address}, REMOTE_ADDR="10.0.0.1")
        return client.post("/admin/login/", {"username": email, "password": password}).status_code

    def test_guessing_passwords_locks_out_only_the_guessers_address(self):
        user = make_user(Role.WAREHOUSE)
        for _ in range(6):
            self.sign_in(user.email, "203.0.113.5", "guess")

        assert self.sign_in(user.email, "203.0.113.5") == 429
        assert self.sign_in(user.email, "203.0.113.6") == 302

    def test_a_forged_forwarded_header_does_not_lift_the_lock(self):
        user = make_user(Role.WAREHOUSE)
        for number in range(6):
            self.sign_in(user.email, f"6.6.6.{number}, 203.0.113.5", "guess")

        assert self.sign_in(user.email, "6.6.6.99, 203.0.113.5") == 429
