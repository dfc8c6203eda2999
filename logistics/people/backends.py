from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone

from logistics.people.models import User
from logistics.rows import Prepared

_USERS = Prepared(lambda pk: User.objects.select_related("membership").filter(pk=pk), UUID(int=1))


def guessed_email(request: HttpRequest | None, credentials: Mapping[str, object] | None = None) -> str:
    """Return the email of a sign-in attempt for django-axes, in lower case, because sign-in ignores case."""
    given: Mapping[str, object] = credentials or (request.POST if request else {})
    return str(given.get("username") or given.get("email") or "").strip().casefold()


class RoleBackend(ModelBackend):
    """Sign people in by email and password; their roles give their permissions."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the user of a session with their membership, which most requests need (logistics.partners.scope)."""
        user = _USERS.first(user_id)
        return user if self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: AbstractBaseUser | AnonymousUser | None) -> bool:
        """Return whether the user may sign in, and stay so: Django asks at each request."""
        return isinstance(user, User) and user.is_working(timezone.now())

    def has_perm(self, user_obj: User, perm: str, obj: object = None) -> bool:  # type: ignore[override]
        return user_obj.has_perm(perm, obj)
