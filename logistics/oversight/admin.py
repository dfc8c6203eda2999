from typing import Any, cast

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display

from logistics.admin_parts import LookOnlyAdmin
from logistics.audit.models import AuditEntry
from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries
from logistics.errors import DomainError
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.oversight.mails import mails_for
from logistics.owed.models import Owed
from logistics.people.models import Role, User
from logistics.vitals.models import Vital

# Roles are ours; what axes counts holds addresses of people and is of use to no room.
for model in (Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

admin.site.index_template = "oversight/dashboard.html"
admin.site.index_title = gettext_lazy("Overview")
STATE_LABELS = {"pending": "info", "leased": "info", "done": "success", "dead": "danger"}


class OwedAdmin(LookOnlyAdmin):
    """Rows that are jobs: how far each is, and a second chance for the dead."""

    retry_roles: tuple[Role, ...]
    actions = ("try_again",)
    ordering = ("-id",)

    def retry(self, row: Any, *, by: User) -> None:
        raise NotImplementedError

    @display(description=gettext_lazy("state"), label=STATE_LABELS, ordering="state")
    def state_shown(self, row: Owed) -> tuple[str, str]:
        return row.state, str(Owed.State(row.state).label)

    def has_try_again_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return cast(User, request.user).has_role(*self.retry_roles)

    @action(description=gettext_lazy("Try the dead again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        revived = 0
        for row in rows.filter(state=Owed.State.DEAD).order_by("pk"):
            try:
                self.retry(row, by=cast(User, request.user))
                revived += 1
            except DomainError as refusal:
                messages.error(request, str(refusal))
        told = ngettext("%(count)d is tried again.", "%(count)d are tried again.", revived) % {"count": revived}
        messages.success(request, told)


@admin.register(Document)
class DocumentAdmin(OwedAdmin):
    retry_roles = (Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR)
    list_display = ("number", "kind", "version", "state_shown", "progress", "issued_on", "pages", "last_error_code")
    list_filter = ("state", "kind")
    search_fields = ("number",)
    fields = (
        ("kind", "number", "version"),
        ("state", "progress", "attempts", "last_error_code"),
        "why_dead",
        ("issued_on", "superseded_on"),
        ("requested_at", "ended_at", "superseded_at"),
        ("languages", "pages", "size"),
        "content_sha256",
        "sha256",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).defer("context")

    @display(description=gettext_lazy("why it is dead"))
    def why_dead(self, row: Document) -> str:
        return documents.why_dead(row) if row.state == Owed.State.DEAD else ""

    def retry(self, row: Document, *, by: User) -> None:
        documents.retry(row, by=by, at=timezone.now())


@admin.register(Email)
class EmailAdmin(OwedAdmin):
    retry_roles = (Role.FINANCE, Role.COORDINATOR)
    list_display = ("subject", "kind", "to", "state_shown", "owed_at", "ended_at", "last_error_code")
    list_filter = ("state", "kind", "language")
    search_fields = ("to", "subject")
    fields = (
        ("kind", "to", "language"),
        ("state", "attempts", "last_error_code"),
        ("owed_at", "ended_at"),
        "subject",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Email]:
        return mails_for(cast(User, request.user)).order_by(*self.ordering)

    def retry(self, row: Email, *, by: User) -> None:
        mail.retry(row, by=by, at=timezone.now())


@admin.register(AuditEntry)
class AuditEntryAdmin(LookOnlyAdmin):
    list_display = ("at", "who", "verb", "subject_kind", "subject_id", "reason")
    list_filter = ("subject_kind", "verb")
    search_fields = ("subject_id__exact", "request_id__exact", "verb")
    list_select_related = ("by",)
    ordering = ("-id",)
    date_hierarchy = None
    fields = (
        ("at", "who"),
        ("verb", "reason"),
        ("subject_kind", "subject_id", "sequence"),
        "details_shown",
        "request_id",
        ("previous_hash", "hash"),
    )
    readonly_fields = ("who", "details_shown")

    @display(description=gettext_lazy("by"))
    def who(self, entry: AuditEntry) -> str:
        return str(entry.by) if entry.by_id else "–"

    @display(description=gettext_lazy("details"))
    def details_shown(self, entry: AuditEntry) -> str:
        return format_html("{}", "; ".join(f"{name}: {value}" for name, value in entry.details.items()) or "–")


@admin.register(NumberSeries)
class NumberSeriesAdmin(LookOnlyAdmin):
    list_display = ("name", "year", "last")


@admin.register(Vital)
class VitalAdmin(LookOnlyAdmin):
    list_display = ("name", "at", "findings")
