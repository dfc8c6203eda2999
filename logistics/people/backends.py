from collections.abc import Mapping
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from logistics.people.models import Role, User

# What staff may do in the admin: role -> app labels and models whose rows they may change. Reading is for all staff.
# "*" stands for every model of the app.
CHANGES: dict[Role, frozenset[str]] = {
    Role.FINANCE: frozenset({"donations.*", "logistics.charity"}),
    Role.WAREHOUSE: frozenset({"logistics.item", "logistics.category", "shipments.*"}),
    Role.COORDINATOR: frozenset(
        {
            "logistics.partner",
            "logistics.contact",
            "logistics.site",
            "logistics.item",
            "logistics.category",
            "shipments.*",
        }
    ),
    Role.AUDITOR: frozenset(),
}
# Personal data of donors is for those who work with it.
READ_ONLY_BY: dict[str, frozenset[Role]] = {
    "donations.donor": frozenset({Role.FINANCE, Role.AUDITOR}),
    "logistics.email": frozenset({Role.FINANCE, Role.COORDINATOR, Role.AUDITOR}),
    "logistics.contact": frozenset({Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR}),
    "logistics.apikey": frozenset({Role.COORDINATOR, Role.AUDITOR}),
    "logistics.membership": frozenset({Role.COORDINATOR, Role.AUDITOR}),
    "logistics.user": frozenset({Role.AUDITOR}),
    "logistics.auditentry": frozenset({Role.AUDITOR, Role.COORDINATOR}),
    "logistics.siteaddress": frozenset(),
}


def may(user: User, perm: str) -> bool:
    """Say whether the user's roles allow an admin permission such as `shipments.change_shipment`."""
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    app, _, codename = perm.partition(".")
    verb, _, model = codename.partition("_")
    label = f"{app}.{model}"
    if label in READ_ONLY_BY and not user.has_role(*READ_ONLY_BY[label]):
        return False
    if verb == "view":
        return user.is_staff
    return any(
        {label, f"{app}.*"} & CHANGES.get(role, frozenset()) for role in map(Role, user.roles) if role in CHANGES
    )


def guessed_email(request: HttpRequest | None, credentials: Mapping[str, Any] | None = None) -> str:
    """Return whose password is being tried, for django-axes: in one case, as the sign-in itself finds people."""
    given = credentials or (request.POST if request else {})
    return str(given.get("username") or given.get("email") or "").strip().casefold()


class RoleBackend(ModelBackend):
    """Signs people in by e-mail and password; what they may do, their roles say."""

    def has_perm(self, user_obj: User, perm: str, obj: object = None) -> bool:  # type: ignore[override]
        return may(user_obj, perm)
