"""Drivers' links to the address of a site."""

from datetime import UTC, datetime
from typing import Any

from logistics.partners.models import Site
from logistics.people.models import User
from logistics.roles import Role
from shipments.papers import services as papers
from shipments.papers.models import Paper
from shipments.reveals import services
from shipments.shipments import lifecycle
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.partners import make_shelter
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import pack


def make_leg(shelter: Site | None = None, *others: Site, leaves: bool = True) -> Paper:
    """Make a waybill of a shipment to a confidential site, which has one package for it, and none for the others."""
    make_charity()
    shelter, packer = shelter or make_shelter(), make_packer()
    sites = [shipments.LabelledSite(site, mark) for site, mark in zip((shelter, *others), "ABC", strict=False)]
    draft = shipments.create(
        title="Beds", customs_currency="HKD", consignee=shelter.partner, sites=sites, by=packer, at=NOON
    )
    shipment = lifecycle.seal(pack(draft), by=packer, at=NOON)
    paper = papers.issue(shipment, kind=Paper.Kind.WAYBILL, leg={"carrier": "Transport Sahel"}, by=packer, at=NOON)
    if leaves:
        lifecycle.dispatch(shipment, reason="The truck leaves now.", by=packer, at=NOON)
    return paper


def make_reveal(
    paper: Paper | None = None,
    *,
    site: Site | None = None,
    by: User | None = None,
    at: datetime | None = None,
    **told: Any,
) -> services.NewReveal:
    paper, at = paper or make_leg(), at or datetime.now(UTC)
    given = {"driver": "Moussa Keïta", "reason": "He brings the beds on Friday."} | told
    site = site or paper.shipment.sites.order_by("label")[0].site
    return services.make(paper, site, proved_at=at, by=by or make_user(Role.SAFETY), at=at, **given)


def shipment_of(paper: Paper) -> Shipment:
    return Shipment.objects.select_related("consignee").get(pk=paper.shipment_id)
