"""The context of an import: what the spreadsheet must fit."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Max

from logistics.catalogue.models import Category
from shipments.shipments.models import Shipment


@dataclass(frozen=True)
class ImportContext:
    """What the sheet must fit: the shipment, its sites, its next package number, the catalogue's categories."""

    shipment: Shipment
    first_number: int
    sites: dict[str, UUID]  # label -> id of the shipment's site
    categories: dict[str, UUID]  # lower-case name -> id

    @classmethod
    def of(cls, shipment: Shipment, *, replace: bool) -> "ImportContext":
        last = 0 if replace else shipment.packages.aggregate(last=Max("number"))["last"] or 0
        return cls(
            shipment,
            last + 1,
            dict(shipment.sites.values_list("label", "id")),
            {name.lower(): pk for name, pk in Category.objects.values_list("name_en", "id")},
        )
