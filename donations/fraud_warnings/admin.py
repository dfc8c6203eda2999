from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin
from donations.fraud_warnings.models import FraudWarning


@admin.register(FraudWarning)
class FraudWarningAdmin(FactsAdmin):
    list_display = ["created_at", "gift", "kind", "actionable"]
    list_filter = ["actionable"]
    list_select_related = ["attempt__donation"]

    @admin.display(description=gettext_lazy("donation"))
    def gift(self, warning: FraudWarning) -> str:
        gift = warning.attempt.donation
        return format_html('<a href="{}">{}</a>', reverse("admin:donations_donation_change", args=[gift.pk]), gift)

    @admin.display(description=gettext_lazy("kind of fraud"))
    def kind(self, warning: FraudWarning) -> str:
        return warning.fraud_shown
