"""Which roles may see which mails. Addresses are personal data, so access depends on the kind of mail."""

from collections.abc import Collection

from django.db.models import QuerySet

from logistics.mail.models import Email
from logistics.roles import HasRoles, Role

_readers: dict[str, frozenset[Role]] = {}


def register(roles: Collection[Role], *kinds: str) -> None:
    """Let users with these roles see mails of these kinds. Each app registers its own kinds in its apps.py."""
    for kind in kinds:
        _readers[kind] = frozenset(roles)


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
