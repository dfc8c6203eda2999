"""Which rows a caller sees: staff all, a partner's user its partner's, one bound to a site only those of the site.

This is the one place that decides it. Every queryset that a partner's user can reach, in any app, goes through
`visible` or `of_site`; services ask `site_of` before they write.
"""

from typing import Protocol, TypeVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from logistics.errors import DomainError
from logistics.partners.models import Membership
from logistics.people.models import User

Row = TypeVar("Row", bound=models.Model)
Caller = AbstractBaseUser | AnonymousUser


class GoesTo(Protocol):
    def __call__(self, site_id: UUID, /) -> Q | None:
        """Return the condition on rows that are for this site; None if they are all for the partner as a whole."""


class BoundToSite(DomainError):
    """Your key is bound to one site, and this is about the other sites too."""

    code = "bound_to_site"
    status = 403


def membership_of(user: Caller) -> Membership | None:
    """Return for which partner, and for which site of it, a user acts; None for staff and the public."""
    if not isinstance(user, User) or user.is_staff:
        return None
    found: Membership | None = getattr(user, "membership", None)  # one query, then kept on the user
    return found


def site_of(user: Caller) -> UUID | None:
    """Return the id of the site that a user is bound to; None for staff, and for a user of the whole partner."""
    membership = membership_of(user)
    return membership.site_id if membership else None


def visible(rows: "models.QuerySet[Row]", user: Caller, *, partner: str, goes_to: GoesTo) -> "models.QuerySet[Row]":
    """Limit rows to those that a caller may see. `partner` is the lookup from a row to its partner."""
    if isinstance(user, User) and user.is_staff:
        return rows
    membership = membership_of(user)
    if membership is None:
        return rows.none()
    return of_site(rows.filter(**{partner: membership.partner_id}), user, goes_to)


def of_site(rows: "models.QuerySet[Row]", user: Caller, goes_to: GoesTo) -> "models.QuerySet[Row]":
    """Limit rows of one partner to those of the site that a caller is bound to; all of them if it is not bound."""
    site_id = site_of(user)
    if site_id is None:
        return rows
    condition = goes_to(site_id)
    return rows.none() if condition is None else rows.filter(condition)


def whole_partner(site_id: UUID, /) -> None:
    """Rows that belong to a partner as a whole: a caller who is bound to a site sees none."""
