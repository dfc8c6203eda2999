from django.contrib import admin
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin, FactsInline, money_column, shown
from donations.refunds.models import Refund
from logistics.exports import ExportedAdmin, column


class RefundInline(FactsInline):
    model = Refund
    fields = ["stripe_id", "state", "amount_minor", "currency", "created_at"]


@admin.register(Refund)
class RefundAdmin(ExportedAdmin, FactsAdmin):
    list_display = ["stripe_id", "attempt", "state", "amount", "created_at"]
    list_filter = ["state"]
    export_related = ("attempt__donation__donor",)
    export_columns = (
        column(Refund, "created_at"),
        column(Refund, "state"),
        money_column("amount_minor", gettext_lazy("amount")),
        column(Refund, "currency"),
        column(Refund, "attempt__donation__reference", gettext_lazy("gift")),
        column(Refund, "attempt__donation__donor__name", gettext_lazy("donor")),
        column(Refund, "reason"),
        column(Refund, "failure_reason"),
        column(Refund, "stripe_id"),
    )
    list_select_related = ["attempt"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        return shown(refund.amount_minor, refund.currency)
