import json
from datetime import datetime, timedelta
from typing import TypedDict

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from logistics.audit import services as audit
from logistics.errors import Forbidden, Invalid
from logistics.ids import uuid7
from logistics.partners.models import Membership, Partner, Site, SiteAddress
from logistics.people import services as people
from logistics.people.models import Role, User
from logistics.transactions import lock


class Address(TypedDict):
    """Where a site really is. Never in a paper, mail, log, URL, export or error."""

    name: str
    address: str
    town: str
    phone: str


def partner_of(user: User) -> Partner | None:
    """Return the partner that this user acts for; None for staff."""
    membership = Membership.objects.filter(user=user).select_related("partner").first()
    return membership.partner if membership else None


@transaction.atomic
def issue_key(partner: Partner, *, name: str, valid: timedelta, by: User | None, at: datetime) -> people.NewKey:
    """Give a partner's program a key that sees only this partner's rows. Its text is shown once."""
    partner = lock(partner)
    user = User.objects.create_user(
        email=f"key-{uuid7()}@keys.invalid",
        name=f"{partner.code}: {name}",
        roles=[Role.PARTNER],
        language=partner.languages[0] if partner.languages else "en",
    )
    Membership.objects.create(user=user, partner=partner)
    key = people.make_key(user, name=name, valid=valid, by=by, at=at)
    audit.record("key issued", partner, by=by, at=at, key=str(key.row.pk))
    return key


@transaction.atomic
def seal_address(site: Site, address: Address, *, by: User | None, at: datetime) -> SiteAddress:
    """Store where a site really is, encrypted."""
    site = lock(site)
    sealed = _fernet().encrypt(json.dumps(address).encode())
    row, _ = SiteAddress.objects.update_or_create(site=site, defaults={"sealed": sealed})
    audit.record("address sealed", site, by=by, at=at)
    return row


def reveal_address(site: Site, *, reason: str, by: User, at: datetime) -> Address:
    """Return where a site really is, to a coordinator with a reason; the reading is recorded first.

    Raises Forbidden for any other role, Invalid without a reason of at least ten characters.
    """
    if not by.has_role(Role.COORDINATOR):
        raise Forbidden("Only a coordinator may read the address of a site.")
    if len(reason.strip()) < 10:
        raise Invalid("Say in a few words why you need the address.", field="reason", code="required")
    # Its own transaction, committed before anything is decrypted: no reading goes unrecorded.
    with transaction.atomic(durable=True):
        audit.record("address read", lock(site), by=by, at=at, reason=reason.strip())
    sealed = SiteAddress.objects.get(site=site).sealed
    address: Address = json.loads(_fernet().decrypt(bytes(sealed)))
    return address


def _fernet() -> MultiFernet:
    if not settings.FIELD_KEYS:
        raise ImproperlyConfigured("FIELD_KEYS is empty: set a Fernet key (see README.md).")
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
