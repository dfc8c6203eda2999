"""The index of the rooms' models; Django looks for them here."""

from shipments.deliveries.models import Delivery, DeliveryLine, Discrepancy, Tally, UnlistedGoods
from shipments.imports.models import Upload
from shipments.manifests.models import ManifestLine, Package, Shipment, ShipmentSite
from shipments.papers.models import Paper

__all__ = [
    "Delivery",
    "DeliveryLine",
    "Discrepancy",
    "ManifestLine",
    "Package",
    "Paper",
    "Shipment",
    "ShipmentSite",
    "Tally",
    "UnlistedGoods",
    "Upload",
]
