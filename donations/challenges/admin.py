from django.contrib import admin

from donations.admin_parts import FactsAdmin
from donations.challenges.models import Challenge


@admin.register(Challenge)
class ChallengeAdmin(FactsAdmin):
    list_display = ["issued_at", "method", "used_at"]
    list_filter = ["method"]
    exclude = ["purpose", "address_hash", "email_hash"]
