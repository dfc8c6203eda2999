"""Concurrent requests on real PostgreSQL: one gift, one donor, one limit, one number."""

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


def test_concurrent_gifts_are_idempotent_and_limited(
    committed_giving: Giving, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Disable throttling, which counts in the cache: the limits in our own rows must hold without it.
    for scope in ("give", "anonymous"):
        monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "100000/hour")
    giving = committed_giving
    sessions = giving.stand_in.world.store.newest_first

    # The same request twenty times at once is one gift; early repeats are told to retry.
    key = str(uuid.uuid4())
    statuses = at_once(giving, [body_of_gift()] * 20, [key] * 20)
    assert set(statuses) <= {201, 409} and 201 in statuses
    assert (Donation.objects.count(), PaymentAttempt.objects.count(), len(sessions("checkout.session"))) == (1, 1, 1)

    # Eight concurrent gifts of a new donor create one donor.
    donor = {"name": "Wong Siu Ming", "email": "wong@example.org"}
    assert at_once(giving, [body_of_gift(donor=donor)] * 8, [str(uuid.uuid4()) for _ in range(8)]) == [201] * 8
    assert Donor.objects.get(email="wong@example.org").donations.count() == 8

    # Sixty concurrent attempts of a card tester: ten more reach Stripe, and no more.
    already = PaymentAttempt.objects.count()
    settings.GIVE_LIMITS = settings.GIVE_LIMITS | {"address": already + 10}
    statuses = at_once(giving, [body_of_gift()] * 60, [str(uuid.uuid4()) for _ in range(60)])
    assert (statuses.count(201), statuses.count(403)) == (10, 50)
    assert len(sessions("checkout.session")) == already + 10
