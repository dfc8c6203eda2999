"""Shared by the admin pages for money: everything is read-only."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import cast

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise, lazy

from logistics import wording
from logistics.admin_parts import ReadOnlyAdmin, ReadOnlyInline, for_back_button
from logistics.errors import DomainError, Invalid
from logistics.exports import ExportColumn
from logistics.jobs.admin import last_error
from logistics.money import amounts as money
from logistics.people.models import User

AdminColumn = str | Callable[[Model], str]


class FactsAdmin(ReadOnlyAdmin):
    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        left_out = {"lease_token", "notified_at", *(self.exclude or ())}
        return [readable(self.model, one.name) for one in self.model._meta.fields if one.name not in left_out]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return self.get_readonly_fields(request, obj)


class FactsInline(ReadOnlyInline):
    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return [readable(self.model, name) if isinstance(name, str) else name for name in self.fields or ()]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return self.get_readonly_fields(request, obj)


@cache  # the same object every time: Django compares the shown fields with the read-only ones
def readable(model: type[Model], name: str) -> AdminColumn:
    """Return the column for a field: its name, or a function for what is shown otherwise: amounts and error codes."""
    if name == "last_error_code":
        return cast(AdminColumn, last_error)
    if not name.endswith("_minor"):
        return name
    currency = "fee_currency" if name == "fee_minor" else "currency"

    def label() -> str:
        return str(label_for_field(name, model)).partition(",")[0]

    # Lazy: the column is kept for all requests, whatever their language.
    @admin.display(description=lazy(label, str)())
    def amount(row: Model) -> str:
        return shown(getattr(row, name), getattr(row, currency))

    return amount


def shown(amount_minor: int | None, currency: str) -> str:
    """Return 1,500.50 HKD, or 1 500,50 HKD in French; a dash for no amount."""
    if amount_minor is None:
        return "–"
    amount = wording.number(money.decimal_string(amount_minor, currency), [wording.page_language()])
    return f"{amount} {currency}"


def money_column(name: str, title: str | Promise, *, currency: str = "currency") -> ExportColumn:
    """Return the column of an export with an amount as a number, such as 1500.50; its currency has a column beside."""

    def value(row: Model) -> Decimal | None:
        amount_minor = getattr(row, name)
        return None if amount_minor is None else money.from_minor(amount_minor, getattr(row, currency))

    return ExportColumn(title, value)


def form_error(refusal: Invalid) -> ValidationError:
    """Return the form error for the field that a service refused."""
    return ValidationError({refusal.field: str(refusal)})


@dataclass(frozen=True)
class ActPage:
    """The page that asks for confirmation of an act on a row; if it is refused, the reason instead of the button."""

    title: str
    verb: object
    explanation: str
    back: str

    def answer(self, request: HttpRequest, form: forms.Form, refused: DomainError | None = None) -> HttpResponse:
        context = {
            **admin.site.each_context(request),
            "title": self.title,
            "form": form,
            "verb": self.verb,
            "explanation": self.explanation,
            "refused": refused,
            "back": self.back,
        }
        return for_back_button(TemplateResponse(request, "shipments/admin/action.html", context))


def add_refusal(form: forms.Form, refusal: DomainError) -> None:
    """Show a service's refusal beside its field, or above the form."""
    field = getattr(refusal, "field", "")
    form.add_error(field if field in form.fields else None, str(refusal))


def staff(request: HttpRequest) -> User:
    """Return the acting user. The admin requires sign-in."""
    assert isinstance(request.user, User)
    return request.user
