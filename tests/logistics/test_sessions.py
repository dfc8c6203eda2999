"""Sessions of the admin: who reads the table of sessions cannot use one."""

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from logistics.roles import Role
from tests.clients import give_session
from tests.makers.people import PASSWORD, make_user

pytestmark = pytest.mark.django_db
HTML = {"Accept": "text/html"}
COOKIE = settings.SESSION_COOKIE_NAME


def opens(cookie: str) -> bool:
    client = Client(headers=HTML)
    client.cookies[COOKIE] = cookie
    return client.get("/admin/").status_code == 200


def test_what_the_database_stores_of_a_session_does_not_open_the_admin() -> None:
    client = Client(headers=HTML)
    client.post("/admin/login/", {"username": make_user(Role.FINANCE).email, "password": PASSWORD})
    cookie = client.cookies[COOKIE].value
    (stored,) = Session.objects.values_list("session_key", flat=True)

    assert opens(cookie)
    assert stored != cookie
    assert not opens(stored)
    assert not opens("")


def test_signing_out_ends_the_session() -> None:
    client = Client(headers=HTML)
    give_session(client, make_user(Role.FINANCE))
    cookie = client.cookies[COOKIE].value
    assert opens(cookie)

    client.post("/admin/logout/")

    assert not opens(cookie)
    assert not Session.objects.exists()


def test_signing_in_gives_a_new_key() -> None:
    """A key that somebody else planted in the browser must not become a signed-in one."""
    client, user = Client(headers=HTML), make_user(Role.FINANCE)
    give_session(client, make_user(Role.WAREHOUSE))
    planted = client.cookies[COOKIE].value

    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})

    assert client.cookies[COOKIE].value != planted
    assert not opens(planted)
