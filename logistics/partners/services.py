from datetime import datetime, timedelta
from typing import TypedDict

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import Invalid, WrongState
from logistics.ids import uuid7
from logistics.partners import guard, scope
from logistics.partners.models import Contact, Membership, Partner, Site, foreign_site, site_code
from logistics.people import services as people
from logistics.people.models import ApiKey, User
from logistics.roles import Role
from logistics.transactions import change, insert, insert_drawn, lock

# The domain of key users' mail addresses; `.invalid` (RFC 2606) receives no mail.
KEY_USERS = "@keys.invalid"


class PartnerFields(TypedDict, total=False):
    """The fields of a partner that people enter; for an edit, only the changed ones."""

    code: str
    name: str
    status: str
    languages: list[str]
    country: str
    address: str
    tax_number: str


class ContactFields(TypedDict, total=False):
    """The fields of a contact that people enter; for an edit, only the changed ones."""

    name: str
    email: str
    phone: str
    language: str
    is_notified: bool
    is_administrator: bool


class SiteFields(TypedDict, total=False):
    """The fields of a site that people enter; for an edit, only the changed ones."""

    kind: str
    public_name: str
    region: str
    hand_over_point: str


def partner_of(user: User) -> Partner | None:
    """Return the partner that this user acts for; None for staff."""
    membership = scope.membership_of(user)
    return membership.partner if membership else None


def visible_to(user: User) -> "models.QuerySet[Partner]":
    """Return the partners whose rows this user may see: all for staff, its own for a partner's user."""
    return scope.visible(Partner.objects.all(), user, partner="pk", goes_to=lambda site_id: models.Q(sites=site_id))


@transaction.atomic
def create(*, fields: PartnerFields, by: User | None, at: datetime) -> Partner:
    """Add a partner. Raises Taken if its code is in use, Invalid for an unknown country or language."""
    check_partner(fields)
    partner = insert(Partner(**fields))
    audit.record("partner created", partner, by=by, at=at, code=partner.code)
    return partner


@transaction.atomic
def update(partner: Partner, changes: PartnerFields, *, version: int, by: User | None, at: datetime) -> Partner:
    """Change a partner; one that becomes ended loses its keys. Raises Stale, Invalid."""
    check_partner(changes)
    partner, changed = change(partner, changes, version=version)
    guard.check(partner, partner.pk, only=changed, by=by, at=at)
    if changed:
        audit.record("partner changed", partner, by=by, at=at, fields=changed)
    if "status" in changed and partner.status == Partner.Status.ENDED:
        for key in keys_of(partner).filter(revoked_at=None).order_by("pk"):
            people.revoke_key(key, by=by, at=at)
    return partner


def check_partner(fields: PartnerFields) -> None:
    """Raise Invalid for an unknown country or language, and for characters that papers cannot print."""
    fonts.check(fields)
    country = fields.get("country")
    if country is not None and country not in codes.countries():
        raise Invalid(
            _("%(country)s is not an ISO 3166-1 country code. Send two letters, e.g. ML.") % {"country": country},
            field="country",
        )
    spoken = dict(settings.LANGUAGES)
    for language in fields.get("languages", []):
        if language not in spoken:
            raise Invalid(
                _("Papers cannot be printed in '%(language)s' yet. Choose from: %(spoken)s.")
                % {"language": language, "spoken": ", ".join(spoken)},
                field="languages",
            )


def keys_of(partner: Partner) -> "models.QuerySet[ApiKey]":
    """Return the keys of the partner's programs, including revoked and expired ones."""
    return ApiKey.objects.filter(user__membership__partner=partner)


@transaction.atomic
def issue_key(
    partner: Partner,
    *,
    name: str,
    valid: timedelta,
    site: Site | None = None,
    replace: bool = False,
    by: User | None,
    at: datetime,
) -> people.NewKey:
    """Issue a key for a partner's program. It sees only this partner's rows, and its text is shown once.

    `site`: the key is bound to this site of the partner, and sees only the rows of the site.

    Keys of one name and site belong to one program and act as the same user. Two may be valid at once, so that one
    can replace the other, and a write sent under the old key is recognised under the new one; `replace` revokes the
    program's earlier keys instead. Raises TooManyKeys; Invalid for a site of another partner; WrongState unless the
    partner is approved.
    """
    partner = lock(partner)
    if partner.status != Partner.Status.APPROVED:
        raise WrongState(
            _("The partner is %(status)s. Approve it before you issue a key.")
            % {"status": partner.get_status_display().lower()},
            status=partner.status,
        )
    if site is not None and site.partner_id != partner.pk:
        raise Invalid(foreign_site(), field="site", code="foreign_site")
    guard.check_texts("logistics.apikey", {"name": name}, partner.pk, by=by, at=at)
    program = f"{partner.code} {site.code}: {name}" if site else f"{partner.code}: {name}"
    users = User.objects.filter(membership__partner=partner, membership__site=site, email__endswith=KEY_USERS)
    user = users.filter(name=program).first()
    if user is None:
        user = User.objects.create_user(
            email=f"key-{uuid7()}{KEY_USERS}",
            name=program,
            roles=[Role.PARTNER],
            language=partner.languages[0] if partner.languages else "en",
        )
        Membership.objects.create(user=user, partner=partner, site=site)
    make = people.replace_keys if replace else people.make_key
    key = make(user, name=name, valid=valid, by=by, at=at)
    bound = {"site": site.code} if site else {}
    audit.record("key issued", partner, by=by, at=at, key=str(key.row.pk), **bound)
    return key


@transaction.atomic
def add_contact(partner: Partner, *, fields: ContactFields, by: User | None, at: datetime) -> Contact:
    """Add a person who is notified of shipments. Raises Invalid for characters that papers cannot print."""
    fonts.check(fields)
    partner = lock(partner)
    contact = Contact(partner=partner, **fields)
    guard.check(contact, partner.pk, by=by, at=at)
    contact.save(force_insert=True)
    audit.record("contact added", partner, by=by, at=at, contact=str(contact.pk))
    return contact


@transaction.atomic
def update_contact(contact: Contact, changes: ContactFields, *, version: int, by: User | None, at: datetime) -> Contact:
    """Change a contact. Raises Stale, Invalid."""
    fonts.check(changes)
    partner = lock(contact.partner)
    contact, changed = change(contact, changes, version=version)
    guard.check(contact, partner.pk, only=changed, by=by, at=at)
    if changed:
        audit.record("contact changed", partner, by=by, at=at, contact=str(contact.pk), fields=changed)
    return contact


@transaction.atomic
def remove_contact(contact: Contact, *, by: User | None, at: datetime) -> None:
    """Erase a person: the row is deleted, and the audit trail keeps only its id."""
    partner = lock(contact.partner)
    contact_id = str(contact.pk)
    contact.delete()
    audit.record("contact removed", partner, by=by, at=at, contact=contact_id)


@transaction.atomic
def add_site(partner: Partner, *, fields: SiteFields, by: User | None, at: datetime) -> Site:
    """Add a place where a partner uses goods, under a random code.

    Raises Invalid for a confidential site with a public name, NoFreeCode if (nearly) all codes are in use.
    """
    site = Site(partner=lock(partner), **fields)
    _check_site(site, by=by, at=at)
    insert_drawn(site, field="code", draw=site_code)
    audit.record("site added", site, by=by, at=at, partner=str(partner.pk))
    return site


@transaction.atomic
def update_site(site: Site, changes: SiteFields, *, version: int, by: User | None, at: datetime) -> Site:
    """Change the public fields of a site. Raises Stale, Invalid."""
    after = lock(site)
    for name, value in changes.items():
        setattr(after, name, value)
    _check_site(after, by=by, at=at)
    becomes_confidential = site.kind != after.kind == Site.Kind.CONFIDENTIAL
    site, changed = change(site, changes, version=version)
    if changed:
        audit.record("site changed", site, by=by, at=at, fields=changed)
    if becomes_confidential:
        guard.report_existing(lock(site.partner), by=by, at=at)
    return site


def _check_site(site: Site, *, by: User | None, at: datetime) -> None:
    fonts.check({"public_name": site.public_name})
    if site.region and site.region not in codes.admin1():
        raise Invalid(
            _(
                "%(region)s is not an admin-1 code of COD-AB. Send one such as ML04; a more precise code would reveal"
                " the place."
            )
            % {"region": site.region},
            field="region",
            code="unknown_code",
        )
    guard.check_site(site, by=by, at=at)
    if site.kind == Site.Kind.CONFIDENTIAL and site.public_name:
        raise Invalid(_("A confidential site has no public name. Leave it empty."), field="public_name")
