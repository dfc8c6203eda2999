"""Addresses of sites: stored encrypted, read by one function only, which first records who reads and why."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypedDict, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _

from logistics import sealing
from logistics.audit import services as audit
from logistics.charity.services import day_of
from logistics.errors import DomainError, Forbidden, Invalid
from logistics.mail import services as mail
from logistics.partners import guard, hints, keys
from logistics.partners.models import AllowedText, Contact, Partner, Site, SiteAddress
from logistics.people.models import User
from logistics.people.recent import SignInAgain
from logistics.roles import Role
from logistics.transactions import lock

Sealed = TypeVar("Sealed", SiteAddress, AllowedText)
REASON_MIN = 10
# How long a password or second factor just given is proof that it is still the same person.
PROOF_VALID = timedelta(minutes=5)


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

    Texts of the partner that are in use and give the address away are reported to the safety officers.
    Raises Stale, and Invalid if the public fields of this site do.
    """
    partner = lock(site.partner)
    site = lock(site, version=version)
    SiteAddress.objects.update_or_create(site=site, defaults=_sealed(address, site, partner))
    guard.check_site(site, by=by, at=at)
    site.version += 1
    site.save(update_fields=["version"])
    audit.record("address sealed", site, by=by, at=at)
    if site.kind == Site.Kind.CONFIDENTIAL:
        guard.report_existing(partner, by=by, at=at)
    return site


def _sealed(address: Address, site: Site, partner: Partner) -> dict[str, object]:
    """Return the columns of an address under the newest key."""
    key_id = keys.newest()
    secret = hints.Secret(**{name: address[name] for name in hints.Secret._fields})  # type: ignore[literal-required]
    found = hints.of_secret(secret, public=partner.name)
    return {
        "sealed": sealing.seal(json.dumps(address).encode()),
        "hints": hints.packed(found, keys.hasher(key_id, partner.pk)),
        "key_id": key_id,
    }


def reveal(site: Site, *, reason: str, proved_at: datetime | None, by: User, at: datetime) -> Address:
    """Return a site's address to a safety officer with a reason.

    The reading is recorded, and mailed to the partner's administrators, before anything is decrypted. `proved_at`: when
    the officer last gave a password or second factor; None for an API key. Raises Forbidden for any other role,
    SignInAgain, Invalid without a reason of at least ten characters or for one that gives the place away, NoAddress.
    """
    # Not has_role: superusers have no need to know.
    if not (by.is_active and Role.SAFETY in by.roles):
        raise Forbidden(_("Only a safety officer may read the address of a site."))
    if proved_at is None or not at - PROOF_VALID <= proved_at <= at:
        raise SignInAgain(_("Confirm first that it is you, at /admin/confirm/, then try again."))
    if len(reason.strip()) < REASON_MIN:
        raise Invalid(_("Say briefly why you need the address."), field="reason", code="required")
    guard.check_texts("logistics.auditentry", {"reason": reason}, site.partner_id, by=by, at=at)
    # A transaction of its own, committed before anything is decrypted: no reading goes unrecorded.
    with transaction.atomic(durable=True):
        site = lock(site)
        notified = _notify_administrators(site, reason=reason.strip(), by=by, at=at)
        audit.record("address read", site, by=by, at=at, reason=reason.strip(), administrators_notified=notified)
    row = SiteAddress.objects.filter(site=site).first()
    if row is None:
        raise NoAddress(_("This site has no address yet. Store one with PUT first."))
    return _opened(row)


def _notify_administrators(site: Site, *, reason: str, by: User, at: datetime) -> int:
    """Queue a mail to the partner's administrators, else to all of its contacts, and return how many."""
    on = day_of(at).isoformat()
    contacts = list(Contact.objects.filter(partner=site.partner_id).order_by("pk"))
    for contact in [each for each in contacts if each.is_administrator] or contacts:
        mail.request(
            "address-read",
            to=contact.email,
            template="partners/mail/address-read.txt",
            context={"contact": contact.name, "site": site.code, "who": by.name, "on": on, "reason": reason},
            language=contact.language,
        )
    return sum(each.is_administrator for each in contacts) or len(contacts)


@transaction.atomic
def allow_text(partner: Partner, text: str, *, reason: str, by: User, at: datetime) -> AllowedText:
    """Allow one text, in any field of this partner, although it resembles a sealed address.

    Raises Forbidden unless a safety officer asks, Invalid without a reason or for one that gives a place away.
    """
    if not (by.is_active and Role.SAFETY in by.roles):
        raise Forbidden(_("Only a safety officer may allow a text."))
    if len(reason.strip()) < REASON_MIN:
        raise Invalid(_("Say briefly why this text is harmless."), field="reason", code="required")
    guard.check_texts("logistics.auditentry", {"reason": reason}, partner.pk, by=by, at=at)
    partner = lock(partner)
    key_id = keys.newest()
    row = AllowedText.objects.create(
        partner=partner, allowed_by=by, allowed_at=at, **_allowed(text, partner_id=partner.pk, key_id=key_id)
    )
    audit.record("text allowed", partner, by=by, at=at, reason=reason.strip(), text=str(row.pk))
    return row


def _allowed(text: str, *, partner_id: UUID, key_id: str) -> dict[str, bytes | str]:
    return {
        "digest": guard.digest_of(text, keys.hasher(key_id, partner_id)),
        "sealed": sealing.seal(text.encode()),
        "key_id": key_id,
    }


def rotate(*, batch: int, at: datetime) -> Iterator[tuple[str, int]]:
    """Store everything sealed under the newest key of FIELD_KEYS, and yield what ("addresses", "texts") and how many.

    Each batch is a transaction of its own, and only what is still under an older key is read: a command that was
    interrupted continues where it stopped. Each address that was stored again is in its site's audit trail.
    """
    while done := _rotate_addresses(batch, at):
        yield "addresses", done
    while done := _rotate_texts(batch):
        yield "texts", done


def under_older_keys() -> int:
    """Return how many sealed rows are not under the newest key."""
    return _older(SiteAddress).count() + _older(AllowedText).count()


def _older(model: type[Sealed]) -> "models.QuerySet[Sealed]":
    return model._default_manager.exclude(key_id=keys.newest()).order_by("pk")


@transaction.atomic
def _rotate_addresses(batch: int, at: datetime) -> int:
    sites = Site.objects.filter(pk__in=list(_older(SiteAddress).values_list("pk", flat=True)[:batch]))
    rows = list(sites.select_for_update(of=("self",)).select_related("partner", "secret").order_by("pk"))
    for site in rows:
        # Not the site's version: nothing of it has changed for its readers.
        SiteAddress.objects.filter(site=site).update(**_sealed(_opened(site.secret), site, site.partner))
        audit.record("address encrypted again", site, by=None, at=at)
    return len(rows)


@transaction.atomic
def _rotate_texts(batch: int) -> int:
    rows = list(_older(AllowedText).select_for_update()[:batch])
    for row in rows:
        text = sealing.opened(bytes(row.sealed)).decode()
        values = _allowed(text, partner_id=row.partner_id, key_id=keys.newest())
        AllowedText.objects.filter(pk=row.pk).update(**values)
    return len(rows)


def _opened(row: SiteAddress) -> Address:
    address: Address = json.loads(sealing.opened(bytes(row.sealed)))
    return address
