from django.contrib import admin

from donations.admin_parts import FactsAdmin
from donations.challenges.models import Challenge


@admin.register(Challenge)
class ChallengeAdmin(FactsAdmin):
    list_display = ["id", "method", "issued_at", "used_at"]
    list_filter = ["method"]
    exclude = ["purpose", "address_hash", "email_hash"]
