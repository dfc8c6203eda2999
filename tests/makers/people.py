"""People who sign in."""

from typing import Any

from logistics.people.models import User
from logistics.roles import Role
from tests.makers.numbers import next_number

PASSWORD = "correct horse battery staple"


def make_user(*roles: Role, **fields: Any) -> User:
    number = next_number()
    given = {"email": f"user{number}@example.org", "name": f"User {number}", "roles": list(roles)} | fields
    return User.objects.create_user(password=PASSWORD, **given)


def make_packer() -> User:
    return make_user(Role.WAREHOUSE, name="Lee Ka Yan")
