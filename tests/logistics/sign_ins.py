"""Sign-in of staff with a second factor, as the pages ask for it."""

import re
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.test import Client
from django.utils import timezone

from logistics.people import second_factor
from logistics.people import services as people
from logistics.people.models import User
from logistics.roles import Role
from tests.makers.people import PASSWORD, make_user

SECRET = b"12345678901234567890"  # of RFC 6238's test vectors

START = datetime.fromisoformat("2026-11-27T09:00:00+00:00")

HTML = {"Accept": "text/html"}


def code_at(at: datetime, secret: bytes = SECRET) -> str:
    return TOTP(secret, 6, SHA1(), 30).generate(int(at.timestamp())).decode()


def with_factor(*roles: Role) -> tuple[User, list[str]]:
    """Return a user whose second factor was set up an hour ago, and the recovery codes."""
    user, before = make_user(*roles or (Role.COORDINATOR,)), timezone.now() - timedelta(hours=1)
    return user, second_factor.set_up(user, SECRET, code_at(before), at=before)


def give_password(user: User, address: str = "203.0.113.5", password: str = PASSWORD) -> tuple[Client, Any]:
    client = Client(headers=HTML, REMOTE_ADDR=address)
    return client, client.post(
        "/admin/login/?next=/admin/logistics/partner/", {"username": user.email, "password": password}
    )


def is_in(client: Client) -> bool:
    """Return whether the session opens the admin; the API must agree."""
    opens = client.get("/admin/").status_code == 200
    assert opens == (client.get("/api/v1/me/", headers={"Accept": "*/*"}).status_code == 200)
    return opens


def shown_secret(client: Client) -> bytes:
    """Return the secret that the set-up page shows for typing."""
    import base64

    page = client.get("/admin/set-up-second-factor/").content.decode()
    found = re.search(r"\b(?:[A-Z2-7]{4}-){7}[A-Z2-7]{4}\b", page)
    assert found, page
    return base64.b32decode(found[0].replace("-", ""))


def invited(user: User) -> str:
    """Return the path of the link that was mailed to this user."""
    from logistics.mail.models import Email

    root = User.objects.create_superuser("root@example.org", PASSWORD, name="Root")
    people.send_link(user, by=root, at=timezone.now())
    found = re.search(r"/admin/password/\S+", Email.objects.get(to=user.email).body)
    assert found
    return found[0]
