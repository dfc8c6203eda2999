"""What the admin pages of money share: facts are looked at, never typed over."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from donations import amounts
from logistics.admin_parts import NamedLookups
from logistics.people.models import User
from logistics.roles import Role


class LookOnly:
    """Nobody adds, changes or deletes such rows by hand; what may be done to them are actions."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return sees_money(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return sees_money(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class FactsAdmin(LookOnly, NamedLookups, ModelAdmin):
    show_full_result_count = False  # no COUNT(*) over years of gifts
    list_per_page = 50

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        left_out = {"lease_token", "notified_at", *(self.exclude or ())}
        return [for_people(self.model, one.name) for one in self.model._meta.fields if one.name not in left_out]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_readonly_fields(request, obj)


class FactsInline(LookOnly, TabularInline):
    extra = 0
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [for_people(self.model, name) for name in self.fields or ()]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_readonly_fields(request, obj)


@cache  # the same object every time: Django compares what is shown with what is read-only
def for_people(model: Any, name: str) -> str | Callable[[Any], str]:
    """Return the name of a field as it is, and for one in minor units what prints the amount with its currency."""
    if not name.endswith("_minor"):
        return name
    currency = "fee_currency" if name == "fee_minor" else "currency"

    @admin.display(description=str(model._meta.get_field(name).verbose_name).partition(",")[0])
    def amount(row: Any) -> str:
        return shown(getattr(row, name), getattr(row, currency))

    return amount


def shown(amount_minor: int | None, currency: str) -> str:
    """Return 500.50 HKD, or a dash."""
    return "–" if amount_minor is None else f"{amounts.written_out(amount_minor, currency)} {currency}"


def may_act(request: HttpRequest, label: str) -> bool:
    """Say whether this person may change such rows, by action."""
    app, _, model = label.partition(".")
    return bool(request.user.has_perm(f"{app}.change_{model}"))


def staff(request: HttpRequest) -> User:
    """Return who acts: only staff who are signed in get this far."""
    assert isinstance(request.user, User)
    return request.user


def sees_money(request: HttpRequest) -> bool:
    """Say whether this person may look at gifts and payments, as over the API: finance and auditors."""
    return request.user.is_authenticated and request.user.has_role(Role.FINANCE, Role.AUDITOR)
