from typing import cast

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from logistics.jobs.admin import JobAdmin
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.mail.readers import mails_for
from logistics.roles import HasRoles


@admin.register(Email)
class EmailAdmin(JobAdmin):
    list_display = ("subject", "kind", "to", "state_shown", "created_at", "ended_at", "last_error_code")
    list_filter = ("state", "kind", "language")
    search_fields = ("to", "subject")
    fields = (
        ("kind", "to", "language"),
        ("state", "attempts", "last_error_code"),
        ("created_at", "ended_at"),
        "subject",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        return mails_for(cast(HasRoles, request.user)).order_by(*self.ordering)

    def retry(self, row: Email, *, by: AbstractBaseUser) -> None:
        mail.retry(row, by=by, at=timezone.now())
