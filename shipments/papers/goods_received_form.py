"""The blank goods-received form that travels with the goods and is filled in by pen."""

from datetime import datetime
from typing import TypedDict

from logistics.charity.models import Charity
from logistics.charity.services import day_of
from shipments.papers import common, shapes
from shipments.shipments.models import Shipment


class GoodsReceivedForm(TypedDict):
    """Context of `shipments/papers/goods_received_form.html`."""

    number: str
    reference: str
    issued_on: str
    title: str
    consignor: shapes.Party
    consignee: shapes.Party
    handover: str
    containers: list[shapes.Container]
    bill_of_lading: str
    totals: shapes.TotalsOnPaper
    packages: list[shapes.PackageOnPaper]


def context(shipment: Shipment, *, charity: Charity, at: datetime) -> GoodsReceivedForm:
    """Return the contents of the blank form."""
    return {
        **common.head(shipment, charity),  # type: ignore[typeddict-item]
        "issued_on": day_of(at, charity).isoformat(),
        "totals": common.totals_of(shipment),
        "packages": [common.package_of(row) for row in common.packages_of(shipment)],
    }
