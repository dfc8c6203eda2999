"""Partners with their people, sites, contacts and keys."""

from datetime import UTC, datetime
from typing import Any

from logistics.partners import addresses
from logistics.partners import services as partners
from logistics.partners.models import Contact, Membership, Partner, Site, site_code
from logistics.people import services as people
from logistics.people.models import User
from logistics.roles import Role
from logistics.transactions import insert_drawn
from tests.makers.moments import NOON, YEAR
from tests.makers.numbers import next_number
from tests.makers.people import make_user


def make_partner(**fields: Any) -> Partner:
    number = next_number()
    given = {"code": f"P{number}", "name": f"Partner {number}", "languages": ["fr", "en"], "country": "ML"}
    return Partner.objects.create(**given | fields)


def make_partner_user(partner: Partner | None = None, *, site: Site | None = None) -> User:
    user = make_user(Role.PARTNER)
    Membership.objects.create(user=user, partner=partner or make_partner(), site=site)
    return user


def make_key(
    partner: Partner, *, name: str = "phone", site: Site | None = None, at: datetime | None = None
) -> people.NewKey:
    return partners.issue_key(partner, name=name, valid=YEAR, site=site, by=None, at=at or datetime.now(UTC))


def make_contact(partner: Partner | None = None, **fields: Any) -> Contact:
    number = next_number()
    given = {"name": f"Contact {number}", "email": f"contact{number}@example.org"}
    return Contact.objects.create(partner=partner or make_partner(), **given | fields)


def make_site(partner: Partner | None = None, **fields: Any) -> Site:
    given = {"region": "ML04", "hand_over_point": "Warehouse of the partner, Ségou"}
    site = Site(partner=partner or make_partner(), **given | fields)
    insert_drawn(site, field="code", draw=site_code)
    return site


SHELTER = addresses.Address(
    name="Foyer Ɲɛta", address="Rue 305, porte 127 (14.4928, -4.1934)", town="Kemparana", phone="+223 20 21 23 45"
)


def make_shelter(partner: Partner | None = None, **changed: str) -> Site:
    """Make a confidential site with a sealed address."""
    site = make_site(partner, region="ML04", hand_over_point="Depot of the partner")
    address = addresses.Address(**SHELTER | changed)  # type: ignore[typeddict-item]
    return addresses.seal(site, address, version=site.version, by=None, at=NOON)
