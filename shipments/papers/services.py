"""Request papers in the transaction that makes them due. They never change; a new version supersedes the old one."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.services import day_of, the_charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import DomainError, Invalid, WrongState
from logistics.jobs.models import Job
from logistics.partners import guard, scope, texts
from logistics.people.models import User
from shipments.papers import goods_received_form, labels, packing_list, printable, waybill
from shipments.papers.models import Paper
from shipments.shipments import contents
from shipments.shipments.access import is_partner
from shipments.shipments.lifecycle import Done
from shipments.shipments.models import Shipment
from shipments.shipments.services import hold
from shipments.shipments.states import NO_LONGER_CARRIED


class NotSealed(DomainError):
    """The shipment is not sealed, so this paper cannot be issued."""

    code = "not_sealed"


class CannotReplace(DomainError):
    """The paper to be replaced is no longer valid."""

    code = "cannot_replace"


class PackingListNotPrinted(DomainError):
    """The goods leave with their packing list: wait until it is printed, or dispatch with a `reason`."""

    code = "packing_list_not_printed"
    headers = {"Retry-After": "2"}


class AlreadyIssued(DomainError):
    """There is one partner's edition of each packing list, and it has been issued."""

    code = "paper_already_issued"


class PaperShowsOtherSites(DomainError):
    """The paper shows goods of several sites, and your key is bound to one. A printed paper cannot be cut."""

    code = "paper_shows_other_sites"
    status = 403


class NoSuchPaper(DomainError):
    """This paper has not been issued for the shipment."""

    code = "paper_not_issued"


def request_packing_list(shipment: Shipment, *, at: datetime) -> Paper:
    """Queue the next version of a sealed shipment's packing list, in two editions and in the consignee's languages.

    Returns the charity's edition. The caller holds the shipment's lock. Raises NotPrintable, CharityNotSetUp.
    """
    charity = the_charity()
    last = shipment.papers.filter(kind=Paper.Kind.PACKING_LIST).aggregate(last=Max("version"))["last"] or 0
    version, partners = last + 1, Paper.Kind.PARTNER_PACKING_LIST
    context = packing_list.context(shipment, version=version, charity=charity, at=at)
    paper = _request_edition(shipment, Paper.Kind.PACKING_LIST, context, version=version, at=at)
    _request_edition(shipment, partners, packing_list.for_partner(context, shipment), version=version, at=at)
    return paper


def _request_edition(
    shipment: Shipment, kind: Paper.Kind, context: Mapping[str, object], *, version: int, at: datetime
) -> Paper:
    return request(
        shipment,
        kind,
        number=shipment.number,
        version=version,
        template=template_of(Paper.Kind.PACKING_LIST),
        context=context,
        site_id=contents.manifest().only_site(shipment),
        at=at,
    )


def _issue_partners_edition(held: Shipment, *, at: datetime) -> Paper:
    """Queue the partner's edition of a packing list from before there were editions. Raises AlreadyIssued."""
    version = latest_packing_list(held).version
    if held.papers.filter(kind=Paper.Kind.PARTNER_PACKING_LIST, version=version).exists():
        raise AlreadyIssued(_("The partner’s edition of this packing list has been issued."))
    context = packing_list.context(held, version=version, charity=the_charity(), at=at)
    edition = packing_list.for_partner(context, held)
    return _request_edition(held, Paper.Kind.PARTNER_PACKING_LIST, edition, version=version, at=at)


def request(
    shipment: Shipment,
    kind: Paper.Kind,
    *,
    number: str,
    version: int,
    template: str,
    context: Mapping[str, object],
    at: datetime,
    site_id: UUID | None,
    replaces: Document | None = None,
) -> Paper:
    """Queue the printing of a paper and add it to the shipment.

    `site_id`: the only site whose goods the paper shows; None if it shows those of several.
    """
    document = documents.request(
        kind,
        number=number,
        template=template,
        context=context,
        at=at,
        version=version,
        languages=languages(shipment),
        replaces=replaces,
    )
    return Paper.objects.create(
        shipment=shipment, document=document, site_id=site_id, kind=kind, number=number, version=version
    )


def languages(shipment: Shipment) -> list[str]:
    """Return the languages of the papers: English, and French if the consignee reads it."""
    wanted = set(shipment.consignee.languages) | {"en"}  # customs at both ends read English
    return [language for language in ("en", "fr") if language in wanted]


def supersede(shipment: Shipment, *, at: datetime) -> None:
    """Mark all papers printed from the manifest as no longer valid; they stay readable, and their QR codes say so."""
    on = day_of(at)
    for paper in shipment.papers.filter(kind__in=Paper.OF_MANIFEST, document__superseded_at=None):
        documents.supersede(paper.document, on=on, at=at)


def issue_packing_list(shipment: Shipment, done: Done) -> dict[str, object]:
    """Issue the packing list of a shipment that has just been sealed."""
    return {"packing_list_version": request_packing_list(shipment, at=done.at).version}


def packing_list_printed(shipment: Shipment, by: User) -> DomainError | None:
    """Refuse to dispatch a shipment whose packing list is not printed. A reason overrides this."""
    document = latest_packing_list(shipment)
    if document.state == Job.State.DONE:
        return None
    if document.state == Job.State.DEAD:
        message = _("The packing list could not be printed (%(why)s). To dispatch without it, give a reason.")
        return PackingListNotPrinted(message % {"why": documents.why_dead(document)}, progress=document.progress)
    message = _("The packing list is being printed (%(progress)d %%). Wait, or give a reason to dispatch without it.")
    return PackingListNotPrinted(message % {"progress": document.progress}, progress=document.progress)


def end_papers(shipment: Shipment, done: Done) -> dict[str, object]:
    """Mark the papers of a reopened or cancelled shipment as no longer valid."""
    supersede(shipment, at=done.at)
    return {}


@transaction.atomic
def issue(
    shipment: Shipment,
    kind: str,
    *,
    leg: Mapping[str, str] | None = None,
    replaces: str = "",
    reason: str = "",
    by: User,
    at: datetime,
) -> Paper:
    """Issue labels, a blank goods-received form, a waybill or the partner's packing list of a sealed shipment.

    A new version of labels or of the form supersedes the older one. Each waybill has its own number, and earlier
    ones stay valid, because a journey has several legs and vehicles. A waybill with `replaces`, the number of
    another one, ends that one for the given `reason`.

    `leg`: carrier, vehicle, driver, places, dates and instructions of a waybill (waybill.LEG).
    Raises NotSealed, NotPrintable, CharityNotSetUp; for a waybill also CannotReplace, and WrongState once the goods
    are no longer carried.
    """
    fonts.check(leg or {})
    held = hold(shipment)
    said = {name: text for name, text in (leg or {}).items() if name in texts.GUARDED["shipments.paper"]}
    guard.check_texts("shipments.paper", said, held.consignee_id, by=by, at=at)
    guard.check_texts("logistics.auditentry", {"reason": reason}, held.consignee_id, by=by, at=at)
    if refusal := printable.manifest(held, by):
        raise refusal
    if kind == Paper.Kind.WAYBILL and held.status in NO_LONGER_CARRIED:
        raise WrongState(
            _("The shipment is %(status)s: its goods are no longer carried, so no waybill can be issued.")
            % {"status": held.get_status_display().lower()},
            current=held.status,
            wanted=kind,
        )
    if held.sealed_at is None:
        raise NotSealed(_("Papers are issued once the shipment is sealed: seal it first."))
    if kind == Paper.Kind.WAYBILL:
        return _waybill(held, leg or {}, replaces=replaces, reason=reason, by=by, at=at)
    is_partners = kind == Paper.Kind.PARTNER_PACKING_LIST
    paper = _issue_partners_edition(held, at=at) if is_partners else _issue_version(held, kind, at=at)
    audit.record("paper issued", held, by=by, at=at, kind=kind, number=paper.number, version=paper.version)
    return paper


def _issue_version(held: Shipment, kind: str, *, at: datetime) -> Paper:
    """Issue labels or the form; their last version, if any, is superseded."""
    charity = the_charity()
    before = held.papers.filter(kind=kind).select_related("document").order_by("-version").first()
    version = before.version + 1 if before else 1
    if kind == Paper.Kind.LABELS:
        context: Mapping[str, object] = labels.context(held, charity=charity, at=at)
    else:
        context = dict(goods_received_form.context(held, charity=charity, at=at))
    if before:
        documents.supersede(before.document, on=day_of(at, charity), at=at)
    return request(
        held,
        Paper.Kind(kind),
        number=held.number,
        version=version,
        template=template_of(kind),
        context=context,
        site_id=contents.manifest().only_site(held),
        at=at,
    )


def template_of(kind: str) -> str:
    return f"shipments/papers/{kind.replace('-', '_')}.html"


def _waybill(held: Shipment, leg: Mapping[str, str], *, replaces: str, reason: str, by: User, at: datetime) -> Paper:
    """Issue the next waybill of a shipment whose lock is held."""
    kind = Paper.Kind.WAYBILL
    issued = held.papers.filter(kind=kind)
    replaced = _to_replace(issued, replaces, reason).document if replaces else None
    # Papers are never deleted, so their count is the last number.
    number = f"{held.number}-WB-{issued.count() + 1}"
    charity = the_charity()
    context = waybill.context(held, number=number, replaces=replaces, leg=leg, charity=charity, at=at)
    if replaced:
        documents.supersede(replaced, on=day_of(at, charity), at=at)
    paper = request(
        held,
        kind,
        number=number,
        version=1,
        template=template_of(kind),
        context=context,
        replaces=replaced,
        site_id=contents.manifest().only_site(held),
        at=at,
    )
    if replaced:
        audit.record(
            "paper replaced", held, by=by, at=at, reason=reason.strip(), kind=kind, number=number, replaces=replaces
        )
    else:
        audit.record("paper issued", held, by=by, at=at, kind=kind, number=number, version=1)
    return paper


def _to_replace(issued: "QuerySet[Paper]", number: str, reason: str) -> Paper:
    """Return the waybill of this number. Raises CannotReplace unless it is valid, Invalid without a reason."""
    if not reason.strip():
        raise Invalid(_("Give a brief reason."), field="reason", code="required")
    paper = issued.filter(number=number).select_related("document").first()
    if paper is None:
        raise Invalid(
            _("This shipment has no waybill %(number)s.") % {"number": number}, field="replaces", code="does_not_exist"
        )
    if paper.document.superseded_at:
        raise CannotReplace(_("Waybill %(number)s is no longer valid, so it cannot be replaced.") % {"number": number})
    return paper


def visible_to(user: User | AnonymousUser, shipment: Shipment) -> "QuerySet[Paper]":
    """Return the papers of a shipment that a user may read: partners all but the charity's own editions."""
    papers = Paper.objects.filter(shipment=shipment)
    return papers.exclude(kind__in=Paper.STAFF_ONLY) if is_partner(user) else papers


def packing_list_for(user: User | AnonymousUser, shipment: Shipment) -> Document:
    """Return the latest packing list in the user's edition. Raises NoSuchPaper.

    Raises PaperShowsOtherSites to a user who is bound to one of several sites: there is one PDF of the whole shipment,
    with its number, its fingerprint and the manifest embedded, and an extract of it would verify as another paper.
    """
    site_id = scope.site_of(user)
    if site_id is not None and contents.manifest().only_site(shipment) != site_id:
        raise PaperShowsOtherSites(
            _("The packing list shows goods of other sites too. Read the packages of yours: /packages/.")
        )
    return latest_packing_list(
        shipment, kind=Paper.Kind.PARTNER_PACKING_LIST if is_partner(user) else Paper.Kind.PACKING_LIST
    )


def latest_packing_list(shipment: Shipment, kind: Paper.Kind = Paper.Kind.PACKING_LIST) -> Document:
    """Return the latest version of the packing list in one edition. Raises NoSuchPaper before the first sealing."""
    latest = (
        shipment.papers.filter(kind=kind)
        .select_related("document")
        .defer("document__context")
        .order_by("-version")
        .first()
    )
    if latest is None:
        raise NoSuchPaper(
            _("There is no packing list yet: it is issued when the shipment is sealed.")
            if shipment.sealed_at is None
            else _("The partner’s edition of this packing list has not been issued. Ask the charity to issue it.")
        )
    return latest.document
