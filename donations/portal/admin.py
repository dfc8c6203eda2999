from django.contrib import admin

from donations.admin_parts import FactsAdmin
from donations.portal.models import SignInRequest
from logistics.jobs.admin import last_error


@admin.register(SignInRequest)
class SignInRequestAdmin(FactsAdmin):
    list_display = ["created_at", "state", "used_at", last_error]
    list_filter = ["state"]
    exclude = ["email", "address_hash", "email_hash", "lease_token"]
