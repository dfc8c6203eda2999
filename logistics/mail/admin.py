from typing import cast

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import NamedFilter, ReadOnlyAdmin
from logistics.jobs.admin import JobAdmin, last_error
from logistics.mail import services as mail
from logistics.mail.models import Email, Unsubscription
from logistics.mail.readers import mails_for, name_of
from logistics.roles import HasRoles


class MailKindFilter(NamedFilter):
    title = gettext_lazy("kind")
    parameter_name = "kind"

    def name_of(self, value: str) -> str:
        return name_of(value)


@admin.register(Email)
class EmailAdmin(JobAdmin):
    title_field = "subject"
    list_display = ("subject", "kind_shown", "to", "state_shown", "created_at", "ended_at", last_error)
    list_filter = ("state", MailKindFilter, "language")
    search_fields = ("to", "subject")
    fields = (
        ("kind_shown", "to", "language"),
        ("state", "attempts", last_error),
        ("created_at", "ended_at"),
        "subject",
    )

    readonly_fields = ("kind_shown",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        return mails_for(cast(HasRoles, request.user)).order_by(*self.ordering)

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_shown(self, row: Email) -> str:
        return name_of(row.kind)

    def retry(self, row: Email, *, by: AbstractBaseUser) -> None:
        mail.retry(row, by=by, at=timezone.now())


@admin.register(Unsubscription)
class UnsubscriptionAdmin(ReadOnlyAdmin):
    """Recipients who want no more mails of a kind. Only they themselves can change it, by the link in a mail."""

    title_field = "to"
    list_display = fields = ("to", "kind_shown", "created_at")
    list_filter = (MailKindFilter,)
    search_fields = ("to",)

    @display(description=gettext_lazy("kind"), ordering="kind")
    def kind_shown(self, row: Unsubscription) -> str:
        return name_of(row.kind)
