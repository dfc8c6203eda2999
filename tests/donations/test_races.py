"""Many at once, on real PostgreSQL: one gift, one donor, one limit, one number."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from tests.donations.giving import Giving, body_of_gift

URL = "/api/v1/donations/"


def at_once(giving: Giving, bodies: list[dict[str, Any]], keys: list[str]) -> list[int]:
    def send(job: tuple[dict[str, Any], str]) -> int:
        body, key = job
        try:
            return int(Giving(giving.stand_in, Client()).post(URL, body, key=key).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(send, zip(bodies, keys, strict=True)))


def test_many_at_once(committed_giving: Giving, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Out of the way: what is counted in the cache. Our own rows must hold the line without it.
    for scope in ("give", "anonymous"):
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "100000/hour")
    giving = committed_giving
    sessions = giving.stand_in.world.store.newest_first

    # The same request twenty times at once is one gift; those that came too early are told to come again.
    key = str(uuid.uuid4())
    statuses = at_once(giving, [body_of_gift()] * 20, [key] * 20)
    assert set(statuses) <= {201, 409} and 201 in statuses
    assert (Donation.objects.count(), PaymentAttempt.objects.count(), len(sessions("checkout.session"))) == (1, 1, 1)

    # A new donor's eight gifts at once are eight gifts of one donor.
    donor = {"name": "Wong Siu Ming", "email": "wong@example.org"}
    assert at_once(giving, [body_of_gift(donor=donor)] * 8, [str(uuid.uuid4()) for _ in range(8)]) == [201] * 8
    assert Donor.objects.get(email="wong@example.org").donations.count() == 8

    # A card tester's sixty tries at once: ten more reach Stripe, and not one beyond.
    already = PaymentAttempt.objects.count()
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": already + 10}
    statuses = at_once(giving, [body_of_gift()] * 60, [str(uuid.uuid4()) for _ in range(60)])
    assert (statuses.count(201), statuses.count(429)) == (10, 50)
    assert len(sessions("checkout.session")) == already + 10
