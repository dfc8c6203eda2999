from typing import cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin, FactsInline, shown
from donations.payments.models import Decline, PaymentAttempt


class AttemptInline(FactsInline):
    model = PaymentAttempt
    fields = ["number", "state", "created_at", "succeeded_at", "card_brand", "card_last4", "decline_code"]


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(FactsAdmin):
    list_display = ["donation", "number", "state", "amount", "fee", "created_at", "succeeded_at", "counts"]
    list_filter = ["state", "counts", "currency"]
    search_fields = [
        "donation__reference",
        "donation__donor__name",
        "donation__donor__organisation",
        "donation__donor__email",
        "session_id__exact",
        "payment_intent_id__exact",
    ]
    list_select_related = ["donation"]
    exclude = ["address_hash", "email_hash", "checkout_url"]

    def title_of(self, request: HttpRequest, row: Model) -> str:
        return f"{cast(PaymentAttempt, row).donation}: {row}"

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, attempt: PaymentAttempt) -> str:
        return shown(attempt.amount_minor, attempt.currency)

    @admin.display(description=gettext_lazy("fee"))
    def fee(self, attempt: PaymentAttempt) -> str:
        return shown(attempt.fee_minor, attempt.fee_currency)


@admin.register(Decline)
class DeclineAdmin(FactsAdmin):
    list_display = ["declined_at", "gift", "attempt"]
    list_select_related = ["attempt__donation"]

    @admin.display(description=gettext_lazy("donation"))
    def gift(self, row: Decline) -> str:
        return str(row.attempt.donation)
