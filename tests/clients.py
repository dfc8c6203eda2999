"""Test clients for the API and the pages, and helpers to read responses."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string
from rest_framework.test import APIClient

from config.api import PROBLEM_JSON
from logistics.people import services as people
from logistics.people.models import User
from logistics.people.sessions import SessionStore, stored_key
from logistics.roles import Role
from tests.makers.people import make_user

BACKEND = "logistics.people.backends.RoleBackend"


def client_of(user: User | None = None, **headers: str) -> APIClient:
    """Return an API client signed in as this user, or anonymous."""
    client = APIClient(headers=headers or None)
    if user is not None:
        give_session(client, user)
    return client


def give_session(client: Client, user: User) -> None:
    """Sign in at the cost of one statement. Django's `force_login` needs fifteen, for what tests of sign-in look at."""
    said = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: BACKEND,
        HASH_SESSION_KEY: user.get_session_auth_hash(),
        "signed_in_at": timezone.now().timestamp(),
    }
    cookie = get_random_string(32)
    session = Session(
        session_key=stored_key(cookie),
        session_data=SessionStore().encode(said),
        expire_date=timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE),
    )
    session.save(force_insert=True)
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie


def just_signed_in(client: Client, *, minutes_ago: int = 0) -> None:
    """Make the session one that began this long ago: `force_login` gives no proof of who it is."""
    session = client.session
    session["signed_in_at"] = (timezone.now() - timedelta(minutes=minutes_ago)).timestamp()
    session.save()


def key_client(key: people.NewKey) -> APIClient:
    """Return a client that sends this API key."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    return client


def signed_in(*roles: Role) -> Client:
    client = Client()
    give_session(client, make_user(*roles))
    return client


def once() -> dict[str, str]:
    """Return the headers of a new write."""
    return {"Idempotency-Key": str(uuid4())}


def fields_of(problem: Any) -> Iterable[str]:
    """Return the names of the fields in the errors of a problem+json response."""
    return [error["field"] for error in problem["errors"]]


def is_a_problem(answer, status, code):
    assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM_JSON)
    body = answer.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:relief:problem:{code}")
    assert body["title"]
    assert body["detail"]
    assert answer["X-Request-ID"]
    return True
