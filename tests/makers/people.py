"""People who sign in."""

from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password

from logistics.people.models import User
from logistics.roles import Role
from tests.makers.numbers import next_number

PASSWORD = "correct horse battery staple"


def make_user(*roles: Role, **fields: Any) -> User:
    number = next_number()
    given = {"email": f"user{number}@example.org", "name": f"User {number}", "roles": list(roles)} | fields
    # Not `create_user`: a hash for each and the end of earlier keys would be a tenth of the suite.
    return User.objects.create(password=_hashed(PASSWORD, settings.PASSWORD_HASHERS[0]), **given)


@cache
def _hashed(password: str, _hasher: str) -> str:
    return make_password(password)


def make_packer() -> User:
    return make_user(Role.WAREHOUSE, name="Lee Ka Yan")
