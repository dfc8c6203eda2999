"""The context of an import: what the spreadsheet must fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max

from logistics.catalogue.models import Category
from logistics.partners import guard
from logistics.partners.guard import Guard
from logistics.people.models import User
from shipments.packing.models import Package
from shipments.shipments.models import Shipment


@dataclass(frozen=True)
class ImportContext:
    """What the sheet must fit: the shipment, its sites, its next package number, the catalogue's categories."""

    shipment: Shipment
    first_number: int
    sites: dict[str, UUID]  # label -> id of the shipment's site
    categories: dict[str, UUID]  # lower-case name -> id
    place: Guard  # knows the consignee's confidential sites
    by: User  # who uploaded it
    at: datetime
    replace: bool

    def ssccs_in_use(self, ssccs: Iterable[str]) -> dict[str, str]:
        """Return which of these other packages have, and the shipment that each is in; those replaced do not count."""
        packages = Package.objects.filter(sscc__in=[sscc for sscc in ssccs if sscc])
        if self.replace:
            packages = packages.exclude(shipment=self.shipment)
        return dict(packages.values_list("sscc", "shipment__number"))

    @classmethod
    def of(cls, shipment: Shipment, *, replace: bool, by: User, at: datetime) -> "ImportContext":
        last = 0 if replace else shipment.packages.aggregate(last=Max("number"))["last"] or 0
        return cls(
            shipment,
            last + 1,
            dict(shipment.sites.values_list("label", "id")),
            {name.lower(): pk for name, pk in Category.objects.values_list("name_en", "id")},
            guard.of_partner(shipment.consignee_id),
            by,
            at,
            replace,
        )
