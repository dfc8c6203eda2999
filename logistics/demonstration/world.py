"""The base rows of the demonstration world: users, a partner with its sites, a catalogue. Created once."""

import csv
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import transaction

from logistics.catalogue import services as catalogue
from logistics.catalogue.models import Category, Item
from logistics.partners import addresses
from logistics.partners import services as partners
from logistics.partners.models import Membership, Partner, Site
from logistics.people import services as people
from logistics.people.models import User
from logistics.roles import STAFF_ROLES, Role

DATA = Path(__file__).parent / "data"
STAFF = (
    ("finance", [Role.FINANCE], "Fiona Ng (finance)", "en"),
    ("warehouse", [Role.WAREHOUSE], "Wilson Lau (warehouse)", "en"),
    ("coordinator", [Role.COORDINATOR], "Chantal Ho (coordinator)", "en"),
    ("safety", [Role.SAFETY], "Safiatou Keïta (safety officer)", "fr"),
    ("auditor", [Role.AUDITOR], "Aurélie Martin (auditor)", "fr"),
    # With every role, because an administrator manages only users whose roles they have.
    ("administrator", sorted(STAFF_ROLES), "Ada Cheung (administrator)", "en"),
)
PARTNER_CODE = "AMAR-ML"
# Public places only: no paper or list may reveal where a site is.
HAND_OVER_POINTS = {
    "A": "Partner’s depot, Bamako district",
    "B": "Partner’s depot, Ségou region",
    "C": "Centre de formation Sabali, Sikasso",
    "D": "Partner’s depot, Mopti region",
    "E": "Bureau de coordination, Bamako",
}
KEY_VALID = timedelta(days=365)


@dataclass(frozen=True)
class World:
    """What the other apps' demonstrations build on, and the credentials to sign in."""

    staff: dict[str, User]  # by the names in STAFF
    partner: Partner
    sites: dict[str, Site]  # by the letter of the packing list: "A" to "E"
    password: str  # of all demonstration users
    partner_key: str  # `prefix.secret`


@transaction.atomic
def demonstrate(at: datetime) -> World:
    """Create the users, the partner of the Mali shipment with its five sites, and the catalogue of its goods.

    The password is DEMO_PASSWORD, else a random one kept in var/, as is the partner's key.
    """
    password = _password()
    staff = {
        name: _person(name, password, roles=roles, full_name=full_name, language=language, at=at)
        for name, roles, full_name, language in STAFF
    }
    coordinator = staff["coordinator"]
    partner = Partner.objects.filter(code=PARTNER_CODE).first() or _make_partner(by=coordinator, at=at)
    awa = _person("partner", password, roles=[Role.PARTNER], full_name="Awa Diarra (partner)", language="fr", at=at)
    Membership.objects.get_or_create(user=awa, defaults={"partner": partner})
    if not Item.objects.exists():
        _make_catalogue(by=staff["warehouse"], at=at)
    return World(
        staff, partner, _sites(partner, by=coordinator, at=at), password, _partner_key(partner, coordinator, at)
    )


def _person(name: str, password: str, *, roles: Sequence[Role], full_name: str, language: str, at: datetime) -> User:
    email = f"{name}@example.org"
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        return people.make_user(email, password, name=full_name, roles=roles, language=language, by=None, at=at)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _make_partner(*, by: User, at: datetime) -> Partner:
    fields: partners.PartnerFields = {
        "code": PARTNER_CODE,
        "name": "Association malienne d’accueil et de réinsertion (fictional)",
        "languages": ["fr", "en"],
        "country": "ML",
        "address": "Bureau de coordination, BP 1234, Bamako, Mali",
        "tax_number": "081234567X",
    }
    partner = partners.create(fields=fields, by=by, at=at)
    contact: partners.ContactFields = {
        "name": "Awa Diarra", "email": "partner@example.org", "phone": "+223 20 00 00 10", "language": "fr",
        "is_administrator": True,
    }  # fmt: skip
    partners.add_contact(partner, fields=contact, by=by, at=at)
    return partner


def _sites(partner: Partner, *, by: User, at: datetime) -> dict[str, Site]:
    """Return the partner's sites by their letter on the packing list, creating missing ones.

    A site's own code is random, so sites are recognised by their hand-over points.
    """
    found = {site.hand_over_point: site for site in partner.sites.all()}
    sites = {}
    for row in _rows("sites.csv"):
        point = HAND_OVER_POINTS[row["site"]]
        sites[row["site"]] = found.get(point) or _make_site(partner, row, point, by=by, at=at)
    return sites


def _make_site(partner: Partner, row: dict[str, str], point: str, *, by: User, at: datetime) -> Site:
    is_confidential = row["location_is_confidential"] == "yes"
    fields: partners.SiteFields = {
        "kind": Site.Kind.CONFIDENTIAL if is_confidential else Site.Kind.OPEN,
        "public_name": "" if is_confidential else row["name"],
        "region": row["admin1_pcode"],
        "hand_over_point": point,
    }
    site = partners.add_site(partner, fields=fields, by=by, at=at)
    address = addresses.Address(name=row["name"], address=row["street"], town=row["town"], phone=row["phone"])
    addresses.seal(site, address, version=site.version, by=by, at=at)
    return site


def _make_catalogue(*, by: User, at: datetime) -> None:
    categories: dict[str, Category] = {category.name_en: category for category in Category.objects.all()}
    for row in _rows("items.csv"):
        name = row["category_en"]
        if name not in categories:
            names: catalogue.CategoryFields = {"name_en": name, "name_fr": row["category_fr"]}
            categories[name] = catalogue.create_category(fields=names, by=by, at=at)
        fields: catalogue.ItemFields = {
            "code": row["code"],
            "name_en": row["name_en"],
            "name_fr": row["name_fr"],
            "category": categories[name],
            "unit": row["unit"],
            "hs6": row["hs6"],
            "unit_weight_kg": Decimal(row["unit_weight_kg"]) if row["unit_weight_kg"] else None,
            "is_dangerous": bool(row["un_number"]),
            "un_number": row["un_number"],
        }
        catalogue.create_item(fields=fields, by=by, at=at)


def _partner_key(partner: Partner, by: User, at: datetime) -> str:
    path = settings.VAR_DIR / "demonstration-key"
    kept = path.read_text().strip() if path.exists() else ""
    user = people.user_of_key(kept, at=at) if kept else None
    if user and partners.partner_of(user) == partner:
        return kept
    # A key whose text was lost is useless.
    for lost in partners.keys_of(partner).filter(name="demonstration", revoked_at=None):
        people.revoke_key(lost, by=by, at=at)
    key = partners.issue_key(partner, name="demonstration", valid=KEY_VALID, by=by, at=at).text
    _write_secret(path, key)
    return key


def _password() -> str:
    given = os.environ.get("DEMO_PASSWORD")
    if given:
        return given
    path = settings.VAR_DIR / "demonstration-password"
    if not path.exists():
        _write_secret(path, secrets.token_urlsafe(12))
    return path.read_text().strip()


def _write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text + "\n")
