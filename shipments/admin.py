"""The index of the rooms' admin classes, and the inlines and buttons that other rooms add to ShipmentAdmin."""

from django.utils.translation import gettext_lazy

from shipments.deliveries.admin import DeliveryAdmin
from shipments.discrepancies.admin import DiscrepanciesInline, DiscrepancyAdmin
from shipments.imports.admin import UploadAdmin, may_upload, upload
from shipments.packing.admin import PackageAdmin
from shipments.papers.admin import PapersInline
from shipments.reveals.admin import RevealAdmin
from shipments.shipments.admin import ShipmentAdmin, add_button

__all__ = ["DeliveryAdmin", "DiscrepancyAdmin", "PackageAdmin", "RevealAdmin", "ShipmentAdmin", "UploadAdmin"]

ShipmentAdmin.inlines = (*ShipmentAdmin.inlines, PapersInline, DiscrepanciesInline)
add_button("upload", upload, may=may_upload, label=gettext_lazy("Spreadsheet"), icon="upload_file", first=True)
