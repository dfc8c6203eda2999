"""What the admin pages of money share: facts are looked at, never typed over."""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from donations import amounts
from logistics.admin_parts import NamedLookups
from logistics.people.models import Role


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

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        left_out = {"lease_token", "told_at", *(self.exclude or ())}
        return [field.name for field in self.model._meta.fields if field.name not in left_out]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_readonly_fields(request, obj)


class FactsInline(LookOnly, TabularInline):
    extra = 0
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return list(self.fields or ())


def shown(amount_minor: int | None, currency: str) -> str:
    """Return 500.50 HKD, or a dash."""
    return "–" if amount_minor is None else f"{amounts.written_out(amount_minor, currency)} {currency}"


def may_act(request: HttpRequest, label: str) -> bool:
    """Say whether this person may change such rows, by action."""
    app, _, model = label.partition(".")
    return bool(request.user.has_perm(f"{app}.change_{model}"))


def sees_money(request: HttpRequest) -> bool:
    """Say whether this person may look at gifts and payments, as over the API: finance and auditors."""
    return request.user.is_authenticated and request.user.has_role(Role.FINANCE, Role.AUDITOR)
