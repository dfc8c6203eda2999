"""Where sites really are: sealed when written, opened by one function only, which first records who reads and why."""

import json
from datetime import datetime
from typing import TypedDict

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.errors import DomainError, Forbidden, Invalid
from logistics.partners.models import Site, SiteAddress
from logistics.people.models import Role, User
from logistics.transactions import lock

REASON_MIN = 10


class Address(TypedDict):
    """Where a site really is. Never in a paper, mail, log, URL, export or error."""

    name: str
    address: str
    town: str
    phone: str


class NoAddress(DomainError):
    """Nobody has told us where this site is."""

    code = "no_address"
    status = 404


@transaction.atomic
def seal(site: Site, address: Address, *, version: int, by: User | None, at: datetime) -> Site:
    """Store where a site really is, encrypted, count the site's version up, and return the site. Raises Stale."""
    site = lock(site, version=version)
    sealed = _fernet().encrypt(json.dumps(address).encode())
    SiteAddress.objects.update_or_create(site=site, defaults={"sealed": sealed})
    site.version += 1
    site.save(update_fields=["version"])
    audit.record("address sealed", site, by=by, at=at)
    return site


def reveal(site: Site, *, reason: str, by: User, at: datetime) -> Address:
    """Return where a site really is, to a coordinator with a reason; the reading is recorded first.

    Raises Forbidden for any other role, Invalid without a reason of at least ten characters, NoAddress.
    """
    # Not has_role: a superuser sets things up and has no need to know.
    if not (by.is_active and Role.COORDINATOR in by.roles):
        raise Forbidden(_("Only a coordinator may read the address of a site."))
    if len(reason.strip()) < REASON_MIN:
        raise Invalid(_("Say in a few words why you need the address."), field="reason", code="required")
    # Its own transaction, committed before anything is decrypted: no reading goes unrecorded.
    with transaction.atomic(durable=True):
        audit.record("address read", lock(site), by=by, at=at, reason=reason.strip())
    row = SiteAddress.objects.filter(site=site).first()
    if row is None:
        raise NoAddress(_("No address is sealed for this site. Seal one with PUT first."))
    address: Address = json.loads(_fernet().decrypt(bytes(row.sealed)))
    return address


def _fernet() -> MultiFernet:
    if not settings.FIELD_KEYS:
        raise ImproperlyConfigured("FIELD_KEYS is empty: set a Fernet key (see README.md).")
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
