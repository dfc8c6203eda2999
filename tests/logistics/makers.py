"""Makers of rows of the base rooms, for the tests of all apps."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from django.db import connection
from rest_framework.test import APIClient

from logistics.catalogue.models import Category, Item
from logistics.mail.models import Email
from logistics.partners import services as partners
from logistics.partners.models import Contact, Membership, Partner, Site, site_code
from logistics.people import services as people
from logistics.people.models import User
from logistics.roles import Role
from logistics.transactions import insert_drawn

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
YEAR = timedelta(days=365)
_number = count(1)

Result = TypeVar("Result")


def make_user(*roles: Role, **fields: Any) -> User:
    number = next(_number)
    given = {"email": f"user{number}@example.org", "name": f"User {number}", "roles": list(roles)} | fields
    return User.objects.create_user(password=PASSWORD, **given)


def make_partner(**fields: Any) -> Partner:
    number = next(_number)
    given = {"code": f"P{number}", "name": f"Partner {number}", "languages": ["fr", "en"], "country": "ML"}
    return Partner.objects.create(**given | fields)


def make_partner_user(partner: Partner | None = None) -> User:
    user = make_user(Role.PARTNER)
    Membership.objects.create(user=user, partner=partner or make_partner())
    return user


def make_key(partner: Partner, *, name: str = "phone", at: datetime | None = None) -> people.NewKey:
    return partners.issue_key(partner, name=name, valid=YEAR, by=None, at=at or datetime.now(UTC))


def make_contact(partner: Partner | None = None, **fields: Any) -> Contact:
    number = next(_number)
    given = {"name": f"Contact {number}", "email": f"contact{number}@example.org"}
    return Contact.objects.create(partner=partner or make_partner(), **given | fields)


def make_site(partner: Partner | None = None, **fields: Any) -> Site:
    given = {"region": "ML04", "hand_over_point": "Warehouse of the partner, Ségou"}
    site = Site(partner=partner or make_partner(), **given | fields)
    insert_drawn(site, field="code", draw=site_code)
    return site


def make_category(**fields: Any) -> Category:
    number = next(_number)
    return Category.objects.create(**{"name_en": f"Category {number}", "name_fr": f"Catégorie {number}"} | fields)


def make_item(category: Category | None = None, **fields: Any) -> Item:
    number = next(_number)
    given = {"code": f"ITEM-{number}", "name_en": f"Item {number}", "name_fr": f"Article {number}", "hs6": "940360"}
    return Item.objects.create(category=category or make_category(), **given | fields)


def make_email(**fields: Any) -> Email:
    """Make a job of which no worker was notified."""
    given = {"kind": "note", "to": "somebody@example.org", "subject": "A note", "body": "Hello.\n"}
    return Email.objects.create(**given | fields)


def client_of(user: User | None = None, **headers: str) -> APIClient:
    """Return an API client that is signed in as this user, or is nobody."""
    client = APIClient(headers=headers or None)
    if user is not None:
        client.force_login(user, backend="logistics.people.backends.RoleBackend")
    return client


def key_client(key: people.NewKey) -> APIClient:
    """Return a client that sends this API key."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


def once() -> dict[str, str]:
    """Headers of a new write."""
    return {"Idempotency-Key": str(uuid4())}


def in_threads(work: Callable[[int], Result], times: int = 8) -> list[Result]:
    """Run `work` with 0, 1, 2 ... at once, each with a database connection of its own."""

    def run(number: int) -> Result:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def fields_of(problem: Any) -> Iterable[str]:
    """Return the names of the fields that a problem+json answer complains of."""
    return [error["field"] for error in problem["errors"]]
