"""Kinds of mail: their names, and which roles may see them, as addresses are personal data."""

from collections.abc import Collection, Mapping

from django.db.models import QuerySet
from django.utils.functional import Promise

from logistics.mail.models import Email
from logistics.roles import HasRoles, Role

_readers: dict[str, frozenset[Role]] = {}
_names: dict[str, str | Promise] = {}
_optional: set[str] = set()


def register(roles: Collection[Role], names: Mapping[str, str | Promise], *, optional: Collection[str] = ()) -> None:
    """Let users with these roles see mails of these kinds. Each app registers its own kinds, named, in its apps.py.

    `optional`: those that their recipients may unsubscribe from.
    """
    for kind, name in names.items():
        _readers[kind], _names[kind] = frozenset(roles), name
    _optional.update(optional)


def readers_of(kind: str) -> frozenset[Role]:
    """Return the roles that may see mails of a kind."""
    return _readers.get(kind, frozenset())


def is_optional(kind: str) -> bool:
    """Return whether recipients may unsubscribe from mails of a kind."""
    return kind in _optional


def name_of(kind: str) -> str:
    """Return the name of a kind of mail, in the reader's language; the kind itself if no app registered it."""
    return str(_names.get(kind, kind))


def kinds() -> set[str]:
    """Return all registered kinds of mail."""
    return set(_readers)


def mails_for(user: HasRoles) -> QuerySet[Email]:
    """Return the mails that this user may see, without their text, which may hold a secret link.

    Auditors see all of them. A kind that no app registered is for auditors only.
    """
    mails: QuerySet[Email] = Email.objects.defer("body", "attachments")
    if user.has_role(Role.AUDITOR):
        return mails
    return mails.filter(kind__in=[kind for kind, roles in _readers.items() if user.has_role(*roles)])
