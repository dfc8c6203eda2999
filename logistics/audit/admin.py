from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import ReadOnlyAdmin
from logistics.audit import services
from logistics.audit.models import AuditEntry


class NamedFilter(admin.SimpleListFilter):
    """Filter by the values of a column, under names in the reader's language."""

    parameter_name: str

    def name_of(self, value: str) -> str:
        return gettext(value)

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[AuditEntry]") -> list[tuple[str, str]]:
        values = AuditEntry.objects.order_by().values_list(self.parameter_name, flat=True).distinct()
        return sorted(((value, self.name_of(value)) for value in values), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


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
    list_display = ("at", "who", "verb_shown", "subject", "subject_id", "reason")
    list_filter = (SubjectFilter, VerbFilter)
    search_fields = ("subject_id__exact", "request_id__exact", "verb")
    list_select_related = ("by",)
    ordering = ("-id",)
    date_hierarchy = None
    fields = (
        ("at", "who"),
        ("verb_shown", "reason"),
        ("subject", "subject_id", "sequence"),
        "details_shown",
        "request_id",
        ("previous_hash", "hash"),
    )
    readonly_fields = ("who", "verb_shown", "subject", "details_shown")

    @display(description=gettext_lazy("action"), ordering="verb")
    def verb_shown(self, entry: AuditEntry) -> str:
        return gettext(entry.verb)

    @display(description=gettext_lazy("subject kind"), ordering="subject_kind")
    def subject(self, entry: AuditEntry) -> str:
        return services.kind_name(entry.subject_kind)

    @display(description=gettext_lazy("by"))
    def who(self, entry: AuditEntry) -> str:
        return str(entry.by) if entry.by_id else "–"

    @display(description=gettext_lazy("details"))
    def details_shown(self, entry: AuditEntry) -> str:
        return format_html("{}", "; ".join(f"{name}: {value}" for name, value in entry.details.items()) or "–")
