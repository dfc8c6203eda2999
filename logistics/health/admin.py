from django.contrib import admin

from logistics.admin_parts import ReadOnlyAdmin
from logistics.health.models import HealthCheck


@admin.register(HealthCheck)
class HealthCheckAdmin(ReadOnlyAdmin):
    list_display = ("name", "at", "findings")
