from django.contrib import admin
from django.utils.translation import gettext, gettext_lazy

from logistics.admin_parts import ReadOnlyAdmin
from logistics.health.models import HealthCheck


@admin.register(HealthCheck)
class HealthCheckAdmin(ReadOnlyAdmin):
    is_short = True
    list_display = fields = ("name", "at", "findings_shown")

    @admin.display(description=gettext_lazy("findings"))
    def findings_shown(self, row: HealthCheck) -> str:
        """Each finding in the reader's language: "Receipt numbers have no gaps. (2)"."""
        return "; ".join(f"{gettext(what)} ({_in_words(found)})" for what, found in row.findings.items())


def _in_words(found: object) -> str:
    if isinstance(found, dict):
        return ", ".join(f"{name}: {value}" for name, value in found.items())
    return str(found)
