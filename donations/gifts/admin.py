from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.admin_parts import money_column, shown, staff
from donations.gifts import services as gifts
from donations.gifts.models import Donation
from donations.gifts.offline_admin import OfflineGiftAdmin
from donations.payments.admin import AttemptInline
from donations.receipts import services as receipts
from donations.receipts.admin import MissingReceiptFilter, ReceiptInline
from donations.receipts.models import Receipt
from donations.receipts.paper import MISSING
from logistics.admin_parts import may_act
from logistics.errors import DomainError
from logistics.exports import ExportColumn, ExportedAdmin, column
from logistics.jobs.lanes import in_lane_of


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
    inlines = [AttemptInline, ReceiptInline]
    actions = ["issue_receipts", "revoke_links"]
    actions_detail = ["correct_gift", "void_gift"]
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
            gifts.revoke_link(donation, by=staff(request), at=timezone.now())
            sent = _(
                "%(gift)s: links sent earlier no longer work. The donor gets a new one by signing in with their email"
                " address."
            )
            self.message_user(request, sent % {"gift": donation}, messages.SUCCESS)

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
