from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import NamedFilter, ReadOnlyAdmin
from logistics.audit import details, numbers, services
from logistics.audit.models import AuditEntry


class VerbFilter(NamedFilter):
    title = gettext_lazy("action")
    parameter_name = "verb"


class SubjectFilter(NamedFilter):
    title = gettext_lazy("subject kind")
    parameter_name = "subject_kind"

    def name_of(self, value: str) -> str:
        return services.kind_name(value)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "verb_shown", "subject", "row_shown", "reason")
    list_filter = (SubjectFilter, VerbFilter)
    found_by = staticmethod(numbers.about)
    search_fields = ("subject_id__exact", "request_id__exact", "verb")
    list_select_related = ("by",)
    ordering = ("-id",)
    date_hierarchy = None
    fields = (
        ("at", "who"),
        ("verb_shown", "reason"),
        ("subject", "row_shown", "sequence"),
        "details_shown",
        "request_id",
        ("previous_hash", "hash"),
    )
    readonly_fields = ("who", "verb_shown", "subject", "row_shown", "details_shown")

    @display(description=gettext_lazy("action"), ordering="verb")
    def verb_shown(self, entry: AuditEntry) -> str:
        return gettext(entry.verb)

    @display(description=gettext_lazy("subject kind"), ordering="subject_kind")
    def subject(self, entry: AuditEntry) -> str:
        return services.kind_name(entry.subject_kind)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        page: ChangeList = super().get_changelist_instance(request)
        services.name_rows(page.result_list)
        return page

    @display(description=gettext_lazy("object"))
    def row_shown(self, entry: AuditEntry) -> str:
        """The row's name, with a link to its page; what is no longer there has its id."""
        if entry.row_name is None:
            services.name_rows([entry])
        app, _dot, model = entry.subject_kind.partition(".")
        try:
            link = reverse(f"admin:{app}_{model}_change", args=[entry.subject_id])
        except NoReverseMatch:  # such rows have no pages
            return entry.row_name or "–"
        return format_html('<a href="{}">{}</a>', link, entry.row_name)

    @display(description=gettext_lazy("by"))
    def who(self, entry: AuditEntry) -> str:
        return str(entry.by) if entry.by_id else "–"

    @display(description=gettext_lazy("details"))
    def details_shown(self, entry: AuditEntry) -> str:
        return details.shown(entry)
