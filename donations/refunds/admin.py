from typing import cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from donations.admin_parts import ActPage, AdminColumn, FactsAdmin, FactsInline, add_refusal, money_column, shown, staff
from donations.refunds import asking
from donations.refunds.models import Refund, RefundReason, RefundSending, RefundState
from logistics.admin_parts import may_act
from logistics.errors import DomainError
from logistics.exports import ExportedAdmin, column
from logistics.forms import TidyForm
from logistics.ids import as_ids
from logistics.jobs import reasons
from logistics.jobs.admin import last_error
from logistics.people.recent import needs_recent_sign_in

COLOURS = {
    "awaiting_approval": "warning",
    "rejected": "default",
    "requested": "info",
    "pending": "info",
    "succeeded": "success",
    "failed": "danger",
    "canceled": "default",
}


class RejectionForm(TidyForm, forms.Form):
    note = forms.CharField(
        required=False,
        max_length=500,
        label=gettext_lazy("Reason (recorded in the audit trail)"),
        widget=UnfoldAdminTextareaWidget,
    )


class RefundInline(FactsInline):
    model = Refund
    fields = ["state", "amount_minor", "currency", "created_at"]


@admin.register(Refund)
class RefundAdmin(ExportedAdmin, FactsAdmin):
    """Refunds; those above the limit of one person are approved or rejected here. They are requested on their gift."""

    list_display = ["created_at", "gift", "amount", "state_shown", "reason_shown", "asked_by"]
    list_filter = ["state", "reason"]
    search_fields = ["stripe_id__exact"]
    list_select_related = ["attempt__donation", "asked_by"]
    actions_detail = ("approve", "reject", "send_again")
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

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return [
            *("gift", "payment", "amount", "state", "reason_shown", "problem"),
            *("asked_by", "asked_at", "decided_by", "decided_at", "created_at", "stripe_id"),
        ]

    def title_of(self, request: HttpRequest, row: Model) -> str:
        refund = cast(Refund, row)
        return f"{refund.attempt.donation}: {shown(refund.amount_minor, refund.currency)}"

    @admin.display(description=gettext_lazy("donation"))
    def gift(self, refund: Refund) -> str:
        gift = refund.attempt.donation
        return format_html('<a href="{}">{}</a>', reverse("admin:donations_donation_change", args=[gift.pk]), gift)

    @admin.display(description=gettext_lazy("payment"))
    def payment(self, refund: Refund) -> str:
        return str(refund.attempt.number)

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, refund: Refund) -> str:
        return shown(refund.amount_minor, refund.currency)

    @display(description=gettext_lazy("state"), label=COLOURS, ordering="state")
    def state_shown(self, refund: Refund) -> tuple[str, str]:
        return refund.state, str(RefundState(refund.state).label)

    @admin.display(description=gettext_lazy("reason"), ordering="reason")
    def reason_shown(self, refund: Refund) -> str:
        return str(dict(RefundReason.choices).get(refund.reason, refund.reason.replace("_", " "))) or "–"

    @admin.display(description=gettext_lazy("problem"))
    def problem(self, refund: Refund) -> str:
        """Why it failed, or why Stripe has not been reached."""
        sending: RefundSending | None = getattr(refund, "sending", None)
        if refund.state == RefundState.REQUESTED and sending and sending.last_error_code:
            return reasons.shown(sending.last_error_code)
        return refund.failure_reason.replace("_", " ") or "–"

    def _may(self, request: HttpRequest, object_id: object, refusal: asking.RefundRefusal) -> bool:
        if not may_act(request, Refund):
            return False
        rows = Refund.objects.filter(pk__in=as_ids(object_id)).select_related("sending", "attempt")
        return object_id is None or any(refusal(row) is None for row in rows)

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, asking.refusal_to_decide)

    def has_reject_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, asking.refusal_to_decide)

    def has_send_again_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, asking.refusal_to_send_again)

    @action(description=gettext_lazy("Approve"), url_path="approve", permissions=["approve"], icon="check")
    @needs_recent_sign_in
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approve a refund that another person requested."""
        refund = self._found(request, object_id)
        page = self._page(refund, _("Approve"), _("Stripe then sends the money back to the donor’s card."))
        form = forms.Form(request.POST or None)
        if request.method == "POST":
            try:
                asking.approve(refund, by=staff(request), at=timezone.now())
            except DomainError as refusal:
                return page.answer(request, form, refusal)
            messages.success(request, _("The refund is approved and on its way to Stripe."))
            return HttpResponseRedirect(page.back)
        return page.answer(request, form, asking.refusal_to_approve(refund, staff(request)))

    @action(description=gettext_lazy("Reject"), url_path="reject", permissions=["reject"], icon="close")
    @needs_recent_sign_in
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reject a refund, or withdraw one's own."""
        refund = self._found(request, object_id)
        page = self._page(refund, _("Reject"), _("Nothing is sent to Stripe; the money can be refunded otherwise."))
        form = RejectionForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                asking.reject(refund, **form.cleaned_data, by=staff(request), at=timezone.now())
            except DomainError as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, _("The refund is rejected."))
                return HttpResponseRedirect(page.back)
        return page.answer(request, form, None if request.method == "POST" else asking.refusal_to_decide(refund))

    @action(description=gettext_lazy("Send again"), url_path="send-again", permissions=["send_again"], icon="replay")
    @needs_recent_sign_in
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a refund to Stripe again whose sending has stopped."""
        refund = self._found(request, object_id)
        page = self._page(
            refund, _("Send again"), _("Stripe is asked first whether it has the refund: it is never made twice.")
        )
        form = forms.Form(request.POST or None)
        if request.method == "POST":
            try:
                asking.send_again(refund, by=staff(request), at=timezone.now())
            except DomainError as refusal:
                return page.answer(request, form, refusal)
            messages.success(request, _("The refund is on its way to Stripe."))
            return HttpResponseRedirect(page.back)
        return page.answer(request, form, asking.refusal_to_send_again(refund))

    def _found(self, request: HttpRequest, object_id: str) -> Refund:
        refund: Refund | None = self.get_object(request, object_id)
        if refund is None or not may_act(request, Refund):
            raise PermissionDenied
        return refund

    def _page(self, refund: Refund, verb: str, explanation: str) -> ActPage:
        back = reverse("admin:donations_donation_change", args=[refund.attempt.donation_id])
        amount = shown(refund.amount_minor, refund.currency)
        title = f"{refund.attempt.donation}: {amount}"
        return ActPage(title, verb, explanation, back)


@admin.register(RefundSending)
class RefundSendingAdmin(FactsAdmin):
    list_display = ["refund", "state", "attempts", last_error, "created_at"]
    list_filter = ["state"]
    list_select_related = ["refund"]
