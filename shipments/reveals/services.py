"""Links with which a driver sees the address of a confidential site once, on the way there."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.documents import fonts
from logistics.errors import DomainError, Invalid
from logistics.partners import addresses, guard
from logistics.partners.models import Site, SiteAddress
from logistics.people.models import User
from logistics.rows import Prepared
from logistics.transactions import lock
from shipments.papers.models import Paper
from shipments.reveals.models import HOURS_MAX, Reveal
from shipments.shipments.lifecycle import Done
from shipments.shipments.models import Shipment
from shipments.shipments.services import hold
from shipments.shipments.states import Status

HOURS_DEFAULT = 12
TOKEN_BYTES = 24  # 192 random bits
# The goods are on their way, or about to leave.
UNDER_WAY = (Status.SEALED, Status.DISPATCHED, Status.ARRIVED, Status.PARTIALLY_RECEIVED)


class LegEnded(DomainError):
    """The waybill is no longer valid, or its goods are no longer on their way."""

    code = "leg_ended"


class DriversLinkEnded(DomainError):
    """The link was used, revoked, or is over. The page says nothing more."""

    code = "drivers_link_ended"
    status = 410


@dataclass(frozen=True)
class NewReveal:
    """A new link; its token is shown once and not stored."""

    row: Reveal
    token: str

    @property
    def url(self) -> str:
        return f"{settings.PUBLIC_URL}{reverse('drivers-link', args=[self.token])}"


def legs() -> "models.QuerySet[Paper]":
    """Return the valid waybills of shipments whose goods are on their way, or about to leave."""
    waybills = Paper.objects.filter(kind=Paper.Kind.WAYBILL, document__superseded_at=None)
    return waybills.filter(shipment__status__in=UNDER_WAY).order_by("-id")


@transaction.atomic
def make(
    paper: Paper,
    site: Site,
    *,
    driver: str,
    reason: str,
    hours: int = HOURS_DEFAULT,
    proved_at: datetime | None,
    by: User,
    at: datetime,
) -> NewReveal:
    """Make a link for the driver of a waybill to the address of a site of its shipment.

    `proved_at`: when the officer last gave a password or second factor. Raises what `addresses.check_officer` raises;
    LegEnded; NoAddress; Invalid for a site that the shipment does not go to, more than 72 hours, or a driver's name
    that gives a place away.
    """
    addresses.check_officer(by, proved_at=proved_at, at=at)
    fonts.check({"driver": driver, "reason": reason})
    if not 1 <= hours <= HOURS_MAX:
        raise Invalid(_("Choose 1 to %(most)d hours.") % {"most": HOURS_MAX}, field="hours", code="max_value")
    if not driver.strip():
        raise Invalid(_("Enter the driver’s name."), field="driver", code="required")
    if len(reason.strip()) < addresses.REASON_MIN:
        raise Invalid(_("Say briefly why the driver needs the address."), field="reason", code="required")
    shipment = hold(paper.shipment)
    guard.check_texts("shipments.reveal", {"driver": driver, "reason": reason}, shipment.consignee_id, by=by, at=at)
    if not legs().filter(pk=paper.pk).exists():
        raise LegEnded(_("This waybill is no longer valid, or its goods are no longer on their way."))
    if not shipment.sites.filter(site=site).exists():
        raise Invalid(_("The shipment does not go to this site."), field="leg", code="foreign_site")
    if not SiteAddress.objects.filter(site=site).exists():
        raise addresses.NoAddress(_("This site has no address yet. A coordinator enters it."))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = Reveal.objects.create(
        paper=paper,
        site=site,
        driver=driver.strip(),
        reason=reason.strip(),
        token_sha256=_hash(token),
        made_at=at,
        made_by=by,
        expires_at=at + timedelta(hours=hours),
    )
    audit.record(
        "driver’s link created", lock(site), by=by, at=at, reason=row.reason, link=str(row.pk), waybill=paper.number
    )
    return NewReveal(row, token)


@transaction.atomic
def revoke(reveal: Reveal, *, by: User, at: datetime) -> Reveal:
    """End a link at once. One that has been seen or has ended stays as it is. Raises Forbidden."""
    addresses.check_is_officer(by)
    reveal = lock(reveal)
    if reveal.seen_at is None and reveal.ended_at is None:
        reveal.ended_at, reveal.ended_because, reveal.ended_by = at, Reveal.End.REVOKED, by
        reveal.save(update_fields=["ended_at", "ended_because", "ended_by"])
        audit.record("driver’s link revoked", lock(reveal.site), by=by, at=at, link=str(reveal.pk))
    return reveal


def end(shipment: Shipment, *, because: Reveal.End, at: datetime, sites: Collection[UUID] | None = None) -> None:
    """End the links of a locked shipment that nobody has used; with `sites`, only those to these sites."""
    unused = Reveal.objects.filter(paper__shipment=shipment, seen_at=None, ended_at=None)
    if sites is not None:
        unused = unused.filter(site__in=sites)
    # Each row is locked before it is read again: a driver may be opening the link.
    held = unused.select_for_update(of=("self",)).order_by("pk")
    for reveal in held:
        reveal.ended_at, reveal.ended_because = at, because
        reveal.save(update_fields=["ended_at", "ended_because"])


def end_with_shipment(shipment: Shipment, done: Done) -> dict[str, object]:
    """End the links of a shipment that was reopened, cancelled, lost, returned or closed."""
    end(shipment, because=Reveal.End.SHIPMENT, at=done.at)
    return {}


_UNUSED = Prepared(
    lambda pk: Reveal.objects.filter(paper__shipment=pk, seen_at=None, ended_at=None).only("site"), UUID(int=1)
)


def sites_with_links(shipment: Shipment) -> set[UUID]:
    """Return the sites that links of this shipment, which nobody has used, lead to."""
    return {link.site_id for link in _UNUSED.all(shipment.pk)}


def find(token: str) -> Reveal | None:
    """Return the link of this token, whether or not it still works."""
    rows = Reveal.objects.select_related("paper__shipment", "paper__document", "site", "made_by")
    return rows.defer("paper__document__context").filter(token_sha256=_hash(token)).first()


def works(reveal: Reveal, *, at: datetime) -> bool:
    """Return whether a link can be used: not seen, ended or expired, its leg is under way, its officer still one."""
    paper, officer = reveal.paper, reveal.made_by
    return (
        reveal.seen_at is None
        and reveal.ended_at is None
        and at < reveal.expires_at
        and paper.document.superseded_at is None
        and paper.shipment.status in UNDER_WAY
        and addresses.is_officer(officer)
        and officer.is_working(at)
    )


def see(reveal: Reveal, *, at: datetime) -> addresses.Address:
    """Use up a link and return the address. Raises DriversLinkEnded.

    The viewing is recorded in the trail of the site, and mailed to the partner, before the address is decrypted.
    """

    def use() -> None:
        # Of two requests at once, the second waits here and finds the link used.
        held = lock(reveal)
        if not works(held, at=at):
            raise DriversLinkEnded(_("This link no longer works."))
        held.seen_at = at
        held.save(update_fields=["seen_at"])

    link = addresses.OneTimeLink(
        mail="shipments/mail/address-read-by-driver.txt",
        said={"driver": reveal.driver, "waybill": reveal.paper.number},
        details={"link": str(reveal.pk)},
        use=use,
    )
    try:
        return addresses.reveal(
            reveal.site, reason=reveal.reason, proved_at=reveal.made_at, by=reveal.made_by, at=at, link=link
        )
    except DomainError as refusal:  # the officer is none any more, or the reason names a place sealed since
        raise DriversLinkEnded(_("This link no longer works.")) from refusal


def _hash(token: str) -> str:
    """Return the hash of a token. It has 192 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
