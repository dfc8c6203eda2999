"""Addresses of sites: stored encrypted, read by one function only, which first records who reads and why."""

import json
import re
import unicodedata
from datetime import datetime
from typing import TypedDict

from django.db import transaction
from django.utils.translation import gettext as _

from logistics import sealing
from logistics.audit import services as audit
from logistics.errors import DomainError, Forbidden, Invalid
from logistics.partners.models import Site, SiteAddress
from logistics.people.models import User
from logistics.roles import Role
from logistics.transactions import lock

REASON_MIN = 10
MATCH_MIN = 4  # letters and digits; shorter texts match by chance


class Address(TypedDict):
    """The real address of a site. Never in a paper, mail, log, URL, export or error."""

    name: str
    address: str
    town: str
    phone: str


class NoAddress(DomainError):
    """The address of this site has not been entered."""

    code = "no_address"
    status = 404


@transaction.atomic
def seal(site: Site, address: Address, *, version: int, by: User | None, at: datetime) -> Site:
    """Store a site's address encrypted, increment the site's version, and return the site.

    Raises Stale, and Invalid if the site's public fields give the address away (check_public).
    """
    site = lock(site, version=version)
    _check_public(site, address)
    sealed = sealing.seal(json.dumps(address).encode())
    SiteAddress.objects.update_or_create(site=site, defaults={"sealed": sealed})
    site.version += 1
    site.save(update_fields=["version"])
    audit.record("address sealed", site, by=by, at=at)
    return site


def check_public(site: Site) -> None:
    """Raise Invalid (names_the_place) if the public fields of a confidential site give its sealed address away.

    That is its name, street or phone number in any spelling, because papers print the public fields. The town may be
    named: goods change hands in a public place of the same town. Open sites are not checked. Nothing is shown to
    anybody here, so no reading is recorded, and the error does not say what was found.
    """
    row = SiteAddress.objects.filter(site=site).first()
    if row is not None:
        _check_public(site, _opened(row))


def _check_public(site: Site, address: Address) -> None:
    if site.kind != Site.Kind.CONFIDENTIAL:
        return
    public = _plain(f"{site.hand_over_point} {site.public_name}")
    hidden = [_plain(address["name"]), _plain(address["address"]), _plain(address["phone"])]
    if any(len(words) >= MATCH_MIN and words in public for words in hidden):
        raise Invalid(
            _("The hand-over point reveals the place that must stay secret. Name a public place instead."),
            field="hand_over_point",
            code="names_the_place",
        )


def _plain(text: str) -> str:
    """Return only letters and digits, without case or accents: "Rue 12, Séré" is "rue12sere"."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]", "", "".join(sign for sign in apart if not unicodedata.combining(sign)))


def reveal(site: Site, *, reason: str, by: User, at: datetime) -> Address:
    """Return a site's address to a coordinator with a reason; the reading is recorded first.

    Raises Forbidden for any other role, Invalid without a reason of at least ten characters, NoAddress.
    """
    # Not has_role: superusers have no need to know.
    if not (by.is_active and Role.COORDINATOR in by.roles):
        raise Forbidden(_("Only a coordinator may read the address of a site."))
    if len(reason.strip()) < REASON_MIN:
        raise Invalid(_("Say briefly why you need the address."), field="reason", code="required")
    # A transaction of its own, committed before anything is decrypted: no reading goes unrecorded.
    with transaction.atomic(durable=True):
        audit.record("address read", lock(site), by=by, at=at, reason=reason.strip())
    row = SiteAddress.objects.filter(site=site).first()
    if row is None:
        raise NoAddress(_("This site has no address yet. Store one with PUT first."))
    return _opened(row)


def _opened(row: SiteAddress) -> Address:
    address: Address = json.loads(sealing.opened(bytes(row.sealed)))
    return address
