from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.admin_parts import ReadOnlyAdmin, ReadOnlyInline
from shipments.deliveries.models import Delivery, UnlistedGoods
from shipments.discrepancies.admin import DiscrepanciesInline


class UnlistedInline(ReadOnlyInline):
    model = UnlistedGoods
    fields = ("description", "quantity", "unit", "remark")
    readonly_fields = fields
    show_change_link = False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Receivers' confirmations. They never change: a correction is a second delivery that reverses the first."""

    list_display = (
        "shipment",
        "sequence",
        "stated_at",
        "recorded_at",
        "received_by",
        "source",
        "seal_intact",
        "is_reversal",
    )
    list_filter = ("source", "seal_intact")
    search_fields = ("shipment__number", "received_by")
    list_select_related = ("shipment",)
    ordering = ("-id",)
    fields = (
        ("shipment", "sequence", "source"),
        ("stated_at", "recorded_at", "recorded_by"),
        ("received_by", "delivered_by"),
        ("seal_read", "seal_intact", "packages_counted"),
        ("default", "reverses"),
        "note",
        "goods_received_note",
    )
    readonly_fields = ("goods_received_note",)
    inlines = (DiscrepanciesInline, UnlistedInline)

    @display(description=gettext_lazy("reversal"), boolean=True)
    def is_reversal(self, delivery: Delivery) -> bool:
        return delivery.reverses_id is not None

    @display(description=gettext_lazy("goods-received note"))
    def goods_received_note(self, delivery: Delivery) -> str:
        if delivery.reverses_id:
            return "–"
        address = {"shipment": delivery.shipment_id, "pk": delivery.pk}
        return format_html('<a href="{}">PDF</a>', reverse("delivery-goods-received-note", kwargs=address))
