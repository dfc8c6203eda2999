"""Addresses of sites: stored encrypted (`vault`), read by one function only, which first records who reads and why."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.services import day_of
from logistics.errors import DomainError, Forbidden, Invalid
from logistics.ids import uuid7
from logistics.mail import services as mail
from logistics.partners import guard, hints, keys, vault
from logistics.partners.models import Contact, Partner, RefusedText, Site, SiteAddress
from logistics.people.models import User
from logistics.people.recent import SignInAgain
from logistics.roles import Role
from logistics.transactions import lock

Sealed = TypeVar("Sealed", SiteAddress, RefusedText)
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
    sealed_id = uuid7()
    SiteAddress.objects.update_or_create(site=site, defaults={"sealed_id": sealed_id, **_hashed(address, partner)})
    guard.check_site(site, by=by, at=at)
    vault.put(sealed_id, json.dumps(address).encode())  # commits, so nothing may refuse the address after this
    site.version += 1
    site.save(update_fields=["version"])
    audit.record("address sealed", site, by=by, at=at)
    if site.kind == Site.Kind.CONFIDENTIAL:
        guard.report_existing(partner, by=by, at=at)
    return site


def _hashed(address: Address, partner: Partner) -> dict[str, object]:
    """Return the hints of an address under the newest key."""
    key_id = keys.newest()
    secret = hints.Secret(**{name: address[name] for name in hints.Secret._fields})  # type: ignore[literal-required]
    found = hints.of_secret(secret, public=partner.name)
    return {"hints": hints.packed(found, keys.hasher(key_id, partner.pk)), "key_id": key_id}


@dataclass(frozen=True)
class OneTimeLink:
    """A link with which a safety officer lets somebody who is no user read an address once.

    `mail` is a template that extends partners/mail/address-read.txt and says who read, with the values in `said`. `use`
    uses the link up, in the transaction that records the reading, or raises that it no longer works.
    """

    mail: str
    said: dict[str, str]
    details: dict[str, str]  # for the audit trail: ids only
    use: Callable[[], None]


def is_officer(user: User) -> bool:
    """Return whether it is a safety officer; not has_role, because superusers have no need to know."""
    return user.is_active and Role.SAFETY in user.roles


def check_is_officer(by: User) -> None:
    """Raise Forbidden unless it is a safety officer."""
    if not is_officer(by):
        raise Forbidden(_("Only a safety officer may read the address of a site."))


def check_officer(by: User, *, proved_at: datetime | None, at: datetime) -> None:
    """Raise Forbidden unless it is a safety officer, SignInAgain unless they have just proved who they are.

    `proved_at`: when they last gave a password or second factor; None for an API key.
    """
    check_is_officer(by)
    if proved_at is None or not at - PROOF_VALID <= proved_at <= at:
        raise SignInAgain(_("Confirm first that it is you, at /admin/confirm/, then try again."))


def reveal(
    site: Site,
    *,
    reason: str,
    proved_at: datetime | None,
    by: User,
    at: datetime,
    link: OneTimeLink | None = None,
) -> Address:
    """Return a site's address to a safety officer with a reason, or to whom the officer gave a `link`.

    The reading is recorded, and mailed to the partner's administrators, before anything is decrypted. `proved_at`: when
    the officer last gave a password or second factor; None for an API key. For a link it was checked when the link was
    made. Raises Forbidden for any other role, SignInAgain, Invalid without a reason of at least ten characters or for
    one that gives the place away, NoAddress, and what `link.use` raises.
    """
    if link is None:
        check_officer(by, proved_at=proved_at, at=at)
    else:
        check_is_officer(by)
    if len(reason.strip()) < REASON_MIN:
        raise Invalid(_("Say briefly why you need the address."), field="reason", code="required")
    guard.check_texts("logistics.auditentry", {"reason": reason}, site.partner_id, by=by, at=at)
    # A transaction of its own, committed before anything is decrypted: no reading goes unrecorded.
    with transaction.atomic(durable=True):
        if link is not None:
            link.use()
        site = lock(site)
        notified = _notify_administrators(site, reason=reason.strip(), at=at, link=link)
        reader: User | None = by
        verb, details = "address read", dict[str, str]()
        if link is not None:  # who reads is no user of ours
            verb, reader, details = "address read by link", None, {**link.details, "officer": str(by.pk)}
        audit.record(verb, site, by=reader, at=at, reason=reason.strip(), administrators_notified=notified, **details)
    return _opened(site)


@transaction.atomic
def _opened(site: Site) -> Address:
    # Until both connections have read, nobody may replace the address.
    lock(site)
    row = SiteAddress.objects.filter(site=site).first()
    if row is None:
        raise NoAddress(_("This site has no address yet. A coordinator enters it."))
    address: Address = json.loads(vault.read([row.sealed_id])[row.sealed_id])
    return address


def _notify_administrators(site: Site, *, reason: str, at: datetime, link: OneTimeLink | None) -> int:
    """Queue a mail to the partner's administrators, else to all of its contacts, and return how many."""
    said = {"site": site.code, "read_on": day_of(at), "reason": reason, **(link.said if link else {})}
    contacts = list(Contact.objects.filter(partner=site.partner_id).order_by("pk"))
    for contact in [each for each in contacts if each.is_administrator] or contacts:
        mail.request(
            "address-read",
            to=contact.email,
            template=link.mail if link else "partners/mail/address-read.txt",
            context={"contact": contact.name, **said},
            language=contact.language,
        )
    return sum(each.is_administrator for each in contacts) or len(contacts)


def rotate(*, batch: int, at: datetime) -> Iterator[tuple[str, int]]:
    """Encrypt and hash everything sealed again under the newest key of FIELD_KEYS, and yield what and how many.

    First "ciphertexts" are encrypted again, then "addresses" and "texts" hashed again: each is readable and comparable
    under either key. Each batch is a transaction of its own on one connection, and only what is under an older key is
    touched: a command that was interrupted continues where it stopped. Each address that was hashed again, for which
    it was decrypted, is in its site's audit trail.
    """
    while done := vault.rotate(batch):
        yield "ciphertexts", done
    while addresses := list(_older(SiteAddress).values_list("pk", flat=True)[:batch]):
        yield "addresses", _hash_addresses(addresses, at)
    while texts := list(_older(RefusedText).values_list("pk", flat=True)[:batch]):
        yield "texts", _hash_texts(texts)


def under_older_keys() -> int:
    """Return how many ciphertexts, and hashes of addresses and texts, are not under the newest key."""
    return vault.under_older_keys() + _older(SiteAddress).count() + _older(RefusedText).count()


def _older(model: type[Sealed]) -> "models.QuerySet[Sealed]":
    return model._default_manager.exclude(key_id=keys.newest()).order_by("pk")


@transaction.atomic
def _hash_addresses(site_ids: list[UUID], at: datetime) -> int:
    # In a query of its own: only what is read after the locks were granted is what the last writer stored.
    list(Site.objects.filter(pk__in=site_ids).select_for_update(of=("self",)).order_by("pk"))
    rows = list(_older(SiteAddress).filter(pk__in=site_ids).select_related("site__partner"))
    texts = vault.read([row.sealed_id for row in rows])
    for row in rows:
        address: Address = json.loads(texts[row.sealed_id])
        # Not the site's version: nothing of it has changed for its readers.
        SiteAddress.objects.filter(pk=row.pk).update(**_hashed(address, row.site.partner))
        audit.record("address encrypted again", row.site, by=None, at=at)
    return len(rows)


@transaction.atomic
def _hash_texts(pks: list[UUID]) -> int:
    rows = list(_older(RefusedText).filter(pk__in=pks).select_for_update())
    texts = vault.read([row.sealed_id for row in rows])
    for row in rows:
        values = keys.digested(texts[row.sealed_id].decode(), row.partner_id)
        RefusedText.objects.filter(pk=row.pk).update(**values)
    return len(rows)


def remove_unused() -> int:
    """Delete ciphertexts that are older than a day and belong to nothing, and return how many.

    They are left over from addresses that were replaced, and from transactions that failed.
    """
    return vault.remove_unused([sealed_id for _pk, sealed_id in _references()])


def without_ciphertext() -> Iterator[str]:
    """Yield the ids of sites and refused texts whose ciphertext is missing."""
    references = _references()
    lost = vault.missing([sealed_id for _pk, sealed_id in references])
    yield from (str(pk) for pk, sealed_id in references if sealed_id in lost)


def _references() -> list[tuple[UUID, UUID]]:
    """Return the id of each site with an address and each refused text, with that of its ciphertext."""
    found = SiteAddress.objects.values_list("pk", "sealed_id"), RefusedText.objects.values_list("pk", "sealed_id")
    return [reference for references in found for reference in references]
