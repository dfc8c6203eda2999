from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin, FactsInline, may_act, shown
from donations.gifts.admin import DonationAdminFacts
from donations.gifts.models import Donation
from donations.payments import services
from donations.payments.models import Dispute, PaymentAttempt, Refund, StripeEvent
from donations.receipts import services as receipts
from donations.receipts.models import Receipt
from logistics.errors import DomainError


class AttemptInline(FactsInline):
    model = PaymentAttempt
    fields = ["number", "state", "created_at", "succeeded_at", "card_brand", "card_last4", "decline_code"]


class ReceiptInline(FactsInline):
    model = Receipt
    fields = ["number", "kind", "state", "issued_on", "ended_at", "end_reason"]
    fk_name = "donation"


@admin.register(Donation)
class DonationAdmin(DonationAdminFacts, FactsAdmin):
    inlines = [AttemptInline, ReceiptInline]
    actions = ["issue_receipts"]

    @admin.action(description=gettext_lazy("Issue missing receipt"))
    def issue_receipts(self, request: HttpRequest, donations: QuerySet[Donation]) -> None:
        if not may_act(request, "donations.receipt"):
            self.message_user(request, _("Only finance can issue receipts."), messages.ERROR)
            return
        for donation in donations:
            try:
                receipt = receipts.issue(donation, by=request.user, at=timezone.now())
                self.message_user(request, f"{donation}: {receipt}", messages.SUCCESS)
            except DomainError as refusal:
                self.message_user(request, f"{donation}: {refusal}", messages.ERROR)


class RefundInline(FactsInline):
    model = Refund
    fields = ["stripe_id", "state", "amount_minor", "currency", "created_at"]


class DisputeInline(FactsInline):
    model = Dispute
    fields = ["stripe_id", "state", "amount_minor", "currency", "evidence_due_at"]


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(FactsAdmin):
    list_display = ["donation", "number", "state", "amount", "fee", "created_at", "succeeded_at", "counts"]
    list_filter = ["state", "counts", "currency"]
    search_fields = ["donation__reference", "session_id", "payment_intent_id"]
    list_select_related = ["donation"]
    exclude = ["address_hash", "email_hash", "checkout_url"]
    inlines = [RefundInline, DisputeInline]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, attempt: PaymentAttempt) -> str:
        return shown(attempt.amount_minor, attempt.currency)

    @admin.display(description=gettext_lazy("fee"))
    def fee(self, attempt: PaymentAttempt) -> str:
        return shown(attempt.fee_minor, attempt.fee_currency)


@admin.register(Refund)
class RefundAdmin(FactsAdmin):
    list_display = ["stripe_id", "attempt", "state", "amount", "created_at"]
    list_filter = ["state"]
    list_select_related = ["attempt"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        return shown(refund.amount_minor, refund.currency)


@admin.register(Dispute)
class DisputeAdmin(FactsAdmin):
    list_display = ["stripe_id", "attempt", "state", "amount", "reason", "evidence_due_at"]
    list_filter = ["state"]
    list_select_related = ["attempt"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, dispute: Dispute) -> str:
        return shown(dispute.amount_minor, dispute.currency)


@admin.register(StripeEvent)
class StripeEventAdmin(FactsAdmin):
    list_display = ["kind", "state", "outcome", "last_error_code", "received_at", "source", "stripe_id"]
    list_filter = ["state", "outcome", "source", "kind"]
    search_fields = ["stripe_id", "object_id", "payment_intent_id"]
    actions = ["look_again"]

    @admin.action(description=gettext_lazy("Retry event"))
    def look_again(self, request: HttpRequest, events: QuerySet[StripeEvent]) -> None:
        if not may_act(request, "donations.stripeevent"):
            self.message_user(request, _("Only finance can retry events."), messages.ERROR)
            return
        for event in events:
            try:
                services.retry_event(event, by=request.user, at=timezone.now())
                self.message_user(
                    request, _("%(event)s will be processed again within seconds.") % {"event": event}, messages.SUCCESS
                )
            except DomainError as refusal:
                self.message_user(request, f"{event}: {refusal}", messages.ERROR)
