"""The index of the rooms' models; Django imports this module."""

from shipments.deliveries.models import Delivery, DeliveryLine, Tally, UnlistedGoods
from shipments.discrepancies.models import Discrepancy
from shipments.imports.models import Upload
from shipments.packing.models import ManifestLine, Package
from shipments.papers.models import Paper
from shipments.reveals.models import Reveal
from shipments.shipments.models import Shipment, ShipmentSite

__all__ = [
    "Delivery",
    "DeliveryLine",
    "Discrepancy",
    "ManifestLine",
    "Package",
    "Paper",
    "Reveal",
    "Shipment",
    "ShipmentSite",
    "Tally",
    "UnlistedGoods",
    "Upload",
]
