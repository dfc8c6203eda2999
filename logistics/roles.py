"""Roles. Below every room, because each room names the roles that may use it."""

from typing import Protocol

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    FINANCE = "finance", _("Finance: all money, and the details of the charity")
    WAREHOUSE = "warehouse", _("Warehouse: the catalogue, goods and their papers")
    COORDINATOR = "coordinator", _("Coordinator: partners, sites, keys; may do what the warehouse may")
    SAFETY = "safety", _("Safety officer: reads sealed addresses, allows texts that resemble them")
    AUDITOR = "auditor", _("Auditor: reads everything but contact details and sealed addresses, changes nothing")
    ADMINISTRATOR = "administrator", _("Administrator: users and their roles")
    PARTNER = "partner", _("Partner: only what is its own")


STAFF_ROLES = frozenset({Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.SAFETY, Role.AUDITOR, Role.ADMINISTRATOR})


class HasRoles(Protocol):
    """Anything with roles, such as a user."""

    def has_role(self, *roles: Role) -> bool: ...
