"""The index of the rooms' admin pages; Django looks for them here."""

from shipments.deliveries.admin import DeliveryAdmin, DiscrepancyAdmin
from shipments.imports.admin import UploadAdmin
from shipments.manifests.admin import PackageAdmin
from shipments.moves.admin import ShipmentAdmin

__all__ = ["DeliveryAdmin", "DiscrepancyAdmin", "PackageAdmin", "ShipmentAdmin", "UploadAdmin"]
