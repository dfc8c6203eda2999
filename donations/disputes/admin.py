from django.contrib import admin
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin, FactsInline, shown
from donations.disputes.models import Dispute


class DisputeInline(FactsInline):
    model = Dispute
    fields = ["stripe_id", "state", "amount_minor", "currency", "evidence_due_at"]


@admin.register(Dispute)
class DisputeAdmin(FactsAdmin):
    list_display = ["stripe_id", "attempt", "state", "amount", "reason", "evidence_due_at"]
    list_filter = ["state"]
    list_select_related = ["attempt"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, dispute: Dispute) -> str:
        return shown(dispute.amount_minor, dispute.currency)
