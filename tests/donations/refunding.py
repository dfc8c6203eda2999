"""Helpers for tests of refunds: people in finance who request and approve them over the API."""

from typing import Any

from rest_framework.test import APIClient

from donations.gifts.models import Donation
from logistics.roles import Role
from tests.clients import client_of, once
from tests.donations.giving import Giving
from tests.makers.people import make_user

ASKED = {"reason": "requested_by_customer", "note": "The donor telephoned."}


def someone(*roles: Role) -> APIClient:
    """Return the client of a new person, by default in finance."""
    return client_of(make_user(*(roles or (Role.FINANCE,))))


def post(client: APIClient, path: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/{path}", body or {}, format="json", headers=once())


def ask(client: APIClient, gift: Donation, amount: str = "", **more: Any) -> Any:
    """Request a refund over the API; return the response."""
    body = ASKED | ({"amount": amount} if amount else {}) | more
    return post(client, f"donations/{gift.pk}/refund/", body)


def shown(client: APIClient, refund: Any) -> Any:
    """Return a refund as the API shows it now."""
    return client.get(f"/api/v1/refunds/{refund['id']}/").json()


def told(giving: Giving) -> None:
    """Deliver all events so far and run all jobs."""
    giving.deliver()
    giving.work()


def at_stripe(giving: Giving) -> list[dict[str, Any]]:
    """Return the refunds that Stripe has, oldest first."""
    return giving.stand_in.world.store.newest_first("refund")[::-1]
