from typing import cast

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.admin_parts import AdminColumn, FactsAdmin, FactsInline, money_column, shown, staff
from donations.gifts.models import Donation
from donations.receipts import deliveries, services
from donations.receipts.models import Receipt, ReceiptDelivery
from logistics.admin_parts import may_act
from logistics.errors import DomainError
from logistics.exports import ExportedAdmin, column
from logistics.jobs.admin import last_error
from logistics.jobs.lanes import in_lane_of
from logistics.jobs.models import Job


class Squares(admin.SimpleListFilter):
    """Receipts on which squares stand for characters that no font has."""

    title = gettext_lazy("characters not printed")
    parameter_name = "squares"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("valid", _("on valid receipts")), ("any", _("on all receipts"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Receipt]) -> QuerySet[Receipt]:
        found = {"valid": services.with_squares(queryset), "any": queryset.exclude(not_printed=[])}
        return found.get(self.value() or "", queryset)


@admin.display(description=gettext_lazy("characters not printed"))
def squares(receipt: Model) -> str:
    return " ".join(cast(Receipt, receipt).not_printed)


class ReceiptInline(FactsInline):
    model = Receipt
    fields = ["number", "kind", "state", "issued_on", "ended_at", "end_reason", squares]
    fk_name = "donation"


class MissingReceiptFilter(admin.SimpleListFilter):
    """Received gifts whose receipt waits for information."""

    title = gettext_lazy("receipt")
    parameter_name = "receipt"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("missing", _("lacks something"))]

    def queryset(self, request: HttpRequest, gifts: QuerySet[Donation]) -> QuerySet[Donation]:
        return gifts.exclude(receipt_blocked_by=[]) if self.value() == "missing" else gifts


SENDING = {
    "pending": gettext_lazy("waiting to be sent"),
    "sent": gettext_lazy("sent"),
    "failed": gettext_lazy("sending failed"),
}


class Sending:
    """A column that says in words whether the receipt has been sent."""

    @admin.display(description=gettext_lazy("sending"))
    def sending(self, delivery: ReceiptDelivery) -> str:
        return str(SENDING[delivery.shown_state])


class DeliveryInline(Sending, FactsInline):
    model = ReceiptDelivery
    fields = ["sending", "state", "attempts", last_error, "created_at", "ended_at"]


@admin.register(Receipt)
class ReceiptAdmin(ExportedAdmin, FactsAdmin):
    list_display = ["number", "state", "amount", "donation", "issued_on", "kind", squares, "paper"]
    list_filter = ["state", "kind", "currency", "year", Squares]
    search_fields = [
        "number",
        "donation__reference",
        "donation__donor__name",
        "donation__donor__organisation",
        "donation__donor__email",
    ]
    list_select_related = ["donation", "document"]
    inlines = [DeliveryInline]
    actions = ["send_again"]
    export_related = ("donation__donor", "replaces")
    export_columns = (
        column(Receipt, "number"),
        column(Receipt, "issued_on"),
        column(Receipt, "state"),
        column(Receipt, "kind"),
        money_column("amount_minor", gettext_lazy("amount")),
        column(Receipt, "currency"),
        column(Receipt, "donation__reference", gettext_lazy("gift")),
        column(Receipt, "donation__donor__name", gettext_lazy("donor")),
        column(Receipt, "donation__donor__organisation"),
        column(Receipt, "replaces__number", gettext_lazy("replaces")),
        column(Receipt, "ended_at"),
        column(Receipt, "end_reason"),
    )

    exclude = ["not_printed"]  # shown by `squares`

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return [*super().get_readonly_fields(request, obj), squares]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, receipt: Receipt) -> str:
        return shown(receipt.amount_minor, receipt.currency)

    @admin.display(description=gettext_lazy("paper"))
    def paper(self, receipt: Receipt) -> str:
        if receipt.document.state != Job.State.DONE:
            return str(Job.State(receipt.document.state).label)
        return format_html('<a href="{}">PDF</a>', reverse("admin:donations_receipt_pdf", args=[receipt.pk]))

    def get_urls(self) -> list[URLPattern]:
        pdf = path("<uuid:pk>/pdf/", self.admin_site.admin_view(self.pdf), name="donations_receipt_pdf")
        return [pdf, *super().get_urls()]

    def pdf(self, request: HttpRequest, pk: str) -> HttpResponse:
        receipt = self.get_object(request, str(pk))
        if receipt is None or not self.has_view_permission(request, receipt):
            return HttpResponse(status=404)
        try:
            return HttpResponse(services.pdf(receipt), content_type="application/pdf")
        except DomainError as refusal:
            return HttpResponse(str(refusal), status=refusal.status, content_type="text/plain")

    @admin.action(description=gettext_lazy("Resend receipt"))
    def send_again(self, request: HttpRequest, rows: QuerySet[Receipt]) -> None:
        if not may_act(request, Receipt):
            self.message_user(request, _("Only finance can resend receipts."), messages.ERROR)
            return
        for receipt in rows:
            try:
                with in_lane_of(len(rows)):
                    deliveries.resend(receipt, by=staff(request), at=timezone.now())
                self.message_user(request, _("%(receipt)s is on its way.") % {"receipt": receipt}, messages.SUCCESS)
            except DomainError as refusal:
                self.message_user(request, str(refusal), messages.ERROR)


@admin.register(ReceiptDelivery)
class ReceiptDeliveryAdmin(Sending, FactsAdmin):
    list_display = ["receipt", "sending", "state", "attempts", last_error, "created_at"]
    list_filter = ["state"]
    list_select_related = ["receipt", "email"]

    def title_of(self, request: HttpRequest, row: Model) -> str:
        return f"{cast(ReceiptDelivery, row).receipt}: {row}"
