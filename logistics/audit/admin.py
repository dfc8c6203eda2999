from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import ReadOnlyAdmin
from logistics.audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
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
