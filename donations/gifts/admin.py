from typing import ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from donations.admin_parts import AdminColumn, add_refusal, money_column, shown, staff
from donations.gifts import services as gifts
from donations.gifts.actions import ACTIONS
from donations.gifts.admin_forms import RefundForm
from donations.gifts.models import Donation
from donations.gifts.offline_admin import OfflineGiftAdmin
from donations.gifts.page import loaded, page_of
from donations.receipts import services as receipts
from donations.receipts.admin import MissingReceiptFilter
from donations.receipts.models import Receipt
from donations.receipts.paper import MISSING
from donations.refunds import asking
from donations.refunds.models import Refund, RefundState
from logistics.admin_parts import may_act
from logistics.errors import DomainError
from logistics.exports import ExportColumn, ExportedAdmin, column
from logistics.ids import as_ids
from logistics.jobs.lanes import in_lane_of
from logistics.people.recent import needs_recent_sign_in


def _valid_numbers(gift: Model) -> str:
    assert isinstance(gift, Donation)
    return ", ".join(receipt.number for receipt in gift.receipts.all() if receipt.ended_at is None)


@admin.register(Donation)
class DonationAdmin(ExportedAdmin, OfflineGiftAdmin):
    list_display = ["reference", "amount", "kept", "status", "donor_shown", "appeal", "received_on", "missing"]
    list_filter = ["status", "currency", "channel", "appeal", MissingReceiptFilter]
    search_fields = ["reference", "payment_reference", "donor__email", "donor__name", "donor__organisation"]
    list_select_related = ["donor", "appeal"]
    sorted_within: ClassVar = {"amount_minor": "currency"}
    change_form_before_template = "donations/admin/gift_story.html"
    fieldsets = [
        (
            gettext_lazy("What the donor said"),
            {"fields": ["message", "anonymous", "language", "consent_text", "consent_version"]},
        )
    ]
    actions = ["issue_receipts", "revoke_links"]
    actions_detail = tuple(act.method for act in ACTIONS)
    export_related = ("donor", "appeal", "receipts")
    export_columns = (
        column(Donation, "reference"),
        column(Donation, "received_on"),
        column(Donation, "status"),
        money_column("amount_minor", gettext_lazy("amount")),
        money_column("kept_minor", gettext_lazy("kept")),
        column(Donation, "currency"),
        column(Donation, "channel"),
        column(Donation, "payment_reference"),
        column(Donation, "donor__name", gettext_lazy("donor")),
        column(Donation, "donor__organisation"),
        column(Donation, "donor__email"),
        column(Donation, "donor__country"),
        column(Donation, "appeal__slug", gettext_lazy("appeal")),
        ExportColumn(gettext_lazy("receipt"), _valid_numbers),
        column(Donation, "created_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        if obj is None:
            return super().get_readonly_fields(request, obj)
        return ["message", "anonymous", "language", "consent_text", "consent_version"]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        donation = Donation.objects.filter(pk__in=as_ids(object_id)).first()
        gift = page_of(loaded(donation), staff(request)) if donation and self.has_view_permission(request) else None
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), "gift": gift})

    @admin.action(description=gettext_lazy("Issue missing receipt"))
    def issue_receipts(self, request: HttpRequest, donations: QuerySet[Donation]) -> None:
        if not may_act(request, Receipt):
            self.message_user(request, _("Only finance can issue receipts."), messages.ERROR)
            return
        for donation in donations:
            try:
                with in_lane_of(len(donations)):
                    receipt = receipts.issue(donation, by=staff(request), at=timezone.now())
                self.message_user(request, f"{donation}: {receipt}", messages.SUCCESS)
            except DomainError as refusal:
                self.message_user(request, f"{donation}: {refusal}", messages.ERROR)

    @admin.action(description=gettext_lazy("Revoke secret link"))
    def revoke_links(self, request: HttpRequest, donations: QuerySet[Donation]) -> None:
        if not may_act(request, Donation):
            self.message_user(request, _("Only finance can revoke links."), messages.ERROR)
            return
        for donation in donations:
            self._revoke(request, donation)

    def _revoke(self, request: HttpRequest, donation: Donation) -> None:
        gifts.revoke_link(donation, by=staff(request), at=timezone.now())
        sent = _(
            "%(gift)s: links sent earlier no longer work. The donor gets a new one by signing in with their email"
            " address."
        )
        self.message_user(request, sent % {"gift": donation}, messages.SUCCESS)

    def has_refund_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "refund")

    def has_refund_surplus_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "refund_surplus")

    def has_issue_receipt_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "issue_receipt")

    def has_revoke_link_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "revoke_link")

    @action(description=gettext_lazy("Refund"), url_path="refund", permissions=["refund"], icon="undo")
    @needs_recent_sign_in
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refund a payment of this gift by card, or a part of it."""
        donation = self._found(request, object_id, "refund")
        explanation = _(
            "The money goes back to the donor’s card within days. Once it did, the receipt is cancelled, or replaced by"
            " one for the rest. Above the limit for one person, another person in finance must approve it first."
        )
        page = self._page(donation, _("Refund"), explanation)
        form = RefundForm(donation, request.POST if "reason" in request.POST else None)
        if form.is_bound and form.is_valid():
            try:
                made = asking.ask(donation, **form.cleaned_data, by=staff(request), at=timezone.now())
            except DomainError as refusal:
                add_refusal(form, refusal)
            else:
                self._say_refunded(request, [made])
                return HttpResponseRedirect(page.back)
        return page.answer(request, form, None if form.is_bound else asking.refusal_to_refund(donation))

    @action(
        description=gettext_lazy("Refund what was paid twice"),
        url_path="refund-surplus",
        permissions=["refund_surplus"],
        icon="content_copy",
    )
    @needs_recent_sign_in
    def refund_surplus(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Refund everything that was paid beyond this gift."""
        donation = self._found(request, object_id, "refund_surplus")
        surplus = shown(sum(asking.surplus(donation).values()), donation.currency)
        explanation = _("%(amount)s was paid beyond the gift and goes back. The gift and its receipt stay as they are.")
        page = self._page(donation, _("Refund what was paid twice"), explanation % {"amount": surplus})
        if request.method == "POST":
            try:
                made = asking.ask_surplus(donation, by=staff(request), at=timezone.now())
            except DomainError as refusal:
                return page.answer(request, forms.Form(), refusal)
            self._say_refunded(request, made)
            return HttpResponseRedirect(page.back)
        return page.answer(request, forms.Form(), asking.refusal_to_refund_surplus(donation))

    def _say_refunded(self, request: HttpRequest, made: list[Refund]) -> None:
        for refund in made:
            amount = shown(refund.amount_minor, refund.currency)
            if refund.state == RefundState.AWAITING_APPROVAL:
                said = _("The refund of %(amount)s awaits the approval of another person in finance.")
                self.message_user(request, said % {"amount": amount}, messages.WARNING)
            else:
                self.message_user(
                    request,
                    _("The refund of %(amount)s is on its way to Stripe.") % {"amount": amount},
                    messages.SUCCESS,
                )

    @action(
        description=gettext_lazy("Issue missing receipt"),
        url_path="issue-receipt",
        permissions=["issue_receipt"],
        icon="receipt_long",
    )
    def issue_receipt(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Issue the receipt of this gift that was blocked, or replace one that could not be printed."""
        donation = self._found(request, object_id, "issue_receipt")
        page = self._page(donation, _("Issue missing receipt"), _("The receipt is printed and mailed to the donor."))
        if request.method == "POST":
            try:
                receipt = receipts.issue(donation, by=staff(request), at=timezone.now())
            except DomainError as refusal:
                return page.answer(request, forms.Form(), refusal)
            self.message_user(request, f"{donation}: {receipt}", messages.SUCCESS)
            return HttpResponseRedirect(page.back)
        return page.answer(request, forms.Form(), receipts.refusal_to_issue(donation))

    @action(
        description=gettext_lazy("Revoke secret link"),
        url_path="revoke-link",
        permissions=["revoke_link"],
        icon="link_off",
    )
    def revoke_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the links to the donor's page of this gift."""
        donation = self._found(request, object_id, "revoke_link")
        explanation = _(
            "Links sent earlier stop working. The donor gets a new one by signing in with their email address."
        )
        page = self._page(donation, _("Revoke secret link"), explanation)
        if request.method == "POST":
            self._revoke(request, donation)
            return HttpResponseRedirect(page.back)
        return page.answer(request, forms.Form())

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, donation: Donation) -> str:
        return shown(donation.amount_minor, donation.currency)

    @admin.display(description=gettext_lazy("kept"))
    def kept(self, donation: Donation) -> str:
        """The amount received, less refunds and chargebacks."""
        return shown(donation.kept_minor, donation.currency)

    @admin.display(description=gettext_lazy("donor"))
    def donor_shown(self, donation: Donation) -> str:
        return donation.donor.addressee or _("anonymous")

    @admin.display(description=gettext_lazy("missing for the receipt"))
    def missing(self, donation: Donation) -> str:
        return ", ".join(str(MISSING[code]) for code in donation.receipt_blocked_by)
