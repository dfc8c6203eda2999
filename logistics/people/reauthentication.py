"""Proof, within a session or for a program, that it is still the same person: the password, asked for again."""

from datetime import datetime

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.translation import gettext as _

from logistics.errors import DomainError
from logistics.people.models import User


class WrongPassword(DomainError):
    """The password is not that of the signed-in user."""

    code = "wrong_password"
    status = 403


class TooManyPasswords(DomainError):
    """Too many wrong passwords were sent from this address."""

    code = "too_many_passwords"
    status = 429
    headers = {"Retry-After": "600"}


def prove(request: HttpRequest, user: User, password: str, *, at: datetime) -> datetime:
    """Return the time of the proof, which is now. Raises WrongPassword, TooManyPasswords.

    Guesses count as those of the sign-in page do: by name and address (django-axes, which answers 429 itself), and by
    address whatever the name (config.guessing, which sets `is_over_password_limit` and reads `has_wrong_password`).
    """
    is_over = getattr(request, "is_over_password_limit", None)
    if is_over is not None and is_over():
        raise TooManyPasswords(_("Too many failed sign-in attempts. Wait 15 minutes, then try again."))
    found = authenticate(request, username=user.email, password=password)
    if found is None or found.pk != user.pk:
        request.has_wrong_password = True  # type: ignore[attr-defined]  # for config.guessing
        raise WrongPassword(_("This is not your password."))
    return at
