"""Shipments in each state: draft, packed, sealed, dispatched."""

from decimal import Decimal
from typing import Any

from logistics.catalogue.models import Item
from logistics.partners.models import Partner
from logistics.people.models import User
from shipments.packing import services as packing
from shipments.shipments import lifecycle
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from tests.makers.catalogue import make_categories, make_item
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_partner, make_site
from tests.makers.people import make_packer

MARKS = "ABCDE"


def make_shipment(
    partner: Partner | None = None, *, by: User | None = None, marks: str = "A", **fields: Any
) -> Shipment:
    """Make a draft to a partner, with a site for each label."""
    partner = partner or make_partner()
    sites = [shipments.LabelledSite(make_site(partner), mark) for mark in marks]
    given = {"title": "Beds and books", "customs_currency": "HKD"}
    return shipments.create(**given | fields, consignee=partner, sites=sites, by=by or make_packer(), at=NOON)


def pack(
    shipment: Shipment,
    packages: int = 1,
    *,
    lines: int = 1,
    item: Item | None = None,
    by: User | None = None,
    **line: Any,
) -> Shipment:
    """Add identical packages to a shipment, each with lines of 10 pieces at 1.250 kg and HK$4.50."""
    item = item or make_item()
    told: Any = {"item": item, "quantity": 10, "unit_weight_kg": Decimal("1.250"), "unit_value_minor": 450} | line
    packing.add_package(
        shipment,
        [told] * lines,
        copies=packages,
        kind="CT",
        length_cm=Decimal(60),
        width_cm=Decimal(40),
        height_cm=Decimal(40),
        gross_kg=Decimal("13.5") * lines,
        destination=shipment.sites.first(),
        by=by or make_packer(),
        at=NOON,
    )
    shipment.refresh_from_db()
    return shipment


def make_packed(packages: int = 1, *, partner: Partner | None = None, lines: int = 1, **fields: Any) -> Shipment:
    make_charity()
    return pack(make_shipment(partner, **fields), packages, lines=lines)


def make_sealed(packages: int = 1, *, partner: Partner | None = None, lines: int = 1, **fields: Any) -> Shipment:
    return lifecycle.seal(make_packed(packages, partner=partner, lines=lines, **fields), by=make_packer(), at=NOON)


def make_dispatched(packages: int = 1, *, partner: Partner | None = None, lines: int = 1, **fields: Any) -> Shipment:
    partner = partner or make_partner()
    make_contact(partner)
    sealed = make_sealed(packages, partner=partner, lines=lines, **fields)
    # No worker prints in most tests.
    return lifecycle.dispatch(sealed, reason="The truck leaves now.", by=make_packer(), at=NOON)


def mali_shipment(**fields: Any) -> Shipment:
    make_charity()
    make_categories()
    return make_shipment(marks=MARKS, **fields)
