from collections.abc import Mapping

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from logistics.people.models import User


def guessed_email(request: HttpRequest | None, credentials: Mapping[str, object] | None = None) -> str:
    """Return whose password is being tried, for django-axes: in lower case, as sign-in itself finds people."""
    given: Mapping[str, object] = credentials or (request.POST if request else {})
    return str(given.get("username") or given.get("email") or "").strip().casefold()


class RoleBackend(ModelBackend):
    """Signs people in by e-mail and password. Their roles say what they may do."""

    def has_perm(self, user_obj: User, perm: str, obj: object = None) -> bool:  # type: ignore[override]
        return user_obj.has_perm(perm, obj)
