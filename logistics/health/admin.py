from django.contrib import admin

from logistics.admin_parts import LookOnlyAdmin
from logistics.health.models import HealthCheck


@admin.register(HealthCheck)
class HealthCheckAdmin(LookOnlyAdmin):
    list_display = ("name", "at", "findings")
