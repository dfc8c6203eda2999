"""Who may see which mails. A mail's address is personal data, so its kind says which roles work with its readers."""

from collections.abc import Collection

from django.db.models import QuerySet

from logistics.mail.models import Email
from logistics.roles import HasRoles, Role

_readers: dict[str, frozenset[Role]] = {}


def register(roles: Collection[Role], *kinds: str) -> None:
    """Let people with these roles see mails of these kinds. Each app does so for its own kinds, in its apps.py."""
    for kind in kinds:
        _readers[kind] = frozenset(roles)


def kinds() -> set[str]:
    """Return the kinds of mail that some role reads."""
    return set(_readers)


def mails_for(user: HasRoles) -> QuerySet[Email]:
    """Return the mails that this person may know of, without their text, which may hold a secret link.

    Auditors see all of them. A kind that nobody registered is for auditors only.
    """
    mails: QuerySet[Email] = Email.objects.defer("body", "attachments")
    if user.has_role(Role.AUDITOR):
        return mails
    return mails.filter(kind__in=[kind for kind, roles in _readers.items() if user.has_role(*roles)])
