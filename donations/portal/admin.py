from django.contrib import admin

from donations.admin_parts import FactsAdmin
from donations.portal.models import SignInRequest


@admin.register(SignInRequest)
class SignInRequestAdmin(FactsAdmin):
    list_display = ["id", "state", "created_at", "used_at", "last_error_code"]
    list_filter = ["state"]
    exclude = ["email", "address_hash", "email_hash", "lease_token"]
