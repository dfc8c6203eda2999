from django.contrib import admin
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin, FactsInline, shown
from donations.refunds.models import Refund


class RefundInline(FactsInline):
    model = Refund
    fields = ["stripe_id", "state", "amount_minor", "currency", "created_at"]


@admin.register(Refund)
class RefundAdmin(FactsAdmin):
    list_display = ["stripe_id", "attempt", "state", "amount", "created_at"]
    list_filter = ["state"]
    list_select_related = ["attempt"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        return shown(refund.amount_minor, refund.currency)
