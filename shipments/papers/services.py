"""Request papers in the transaction that makes them due. They never change; a new version supersedes the old one."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.services import day_of, the_charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import DomainError, Invalid, WrongState
from logistics.partners import guard, texts
from logistics.people.models import User
from shipments.papers import goods_received_form, labels, packing_list, waybill
from shipments.papers.models import Paper
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


class NoSuchPaper(DomainError):
    """This paper has not been issued for the shipment."""

    code = "paper_not_issued"


def request_packing_list(shipment: Shipment, *, at: datetime) -> Paper:
    """Queue the next version of a sealed shipment's packing list, in the consignee's languages.

    The caller holds the shipment's lock. Raises CharityNotSetUp.
    """
    charity = the_charity()
    last = shipment.papers.filter(kind=Paper.Kind.PACKING_LIST).aggregate(last=Max("version"))["last"] or 0
    context = packing_list.context(shipment, version=last + 1, charity=charity, at=at)
    return request(
        shipment,
        Paper.Kind.PACKING_LIST,
        number=shipment.number,
        version=last + 1,
        template="shipments/papers/packing_list.html",
        context=context,
        at=at,
    )


def request(
    shipment: Shipment,
    kind: Paper.Kind,
    *,
    number: str,
    version: int,
    template: str,
    context: Mapping[str, object],
    at: datetime,
    replaces: Document | None = None,
) -> Paper:
    """Queue the printing of a paper and add it to the shipment."""
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
    return Paper.objects.create(shipment=shipment, document=document, kind=kind, number=number, version=version)


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
    """Issue labels, a blank goods-received form or a waybill of a sealed shipment.

    A new version of labels or of the form supersedes the older one. Each waybill has its own number, and earlier
    ones stay valid, because a journey has several legs and vehicles. A waybill with `replaces`, the number of
    another one, ends that one for the given `reason`.

    `leg`: carrier, vehicle, driver, places, dates and instructions of a waybill (waybill.LEG).
    Raises NotSealed, CharityNotSetUp; for a waybill also CannotReplace, and WrongState once the goods are no longer
    carried.
    """
    fonts.check(leg or {})
    held = hold(shipment)
    said = {name: text for name, text in (leg or {}).items() if name in texts.GUARDED["shipments.paper"]}
    guard.check_texts("shipments.paper", said, held.consignee_id, by=by, at=at)
    guard.check_texts("logistics.auditentry", {"reason": reason}, held.consignee_id, by=by, at=at)
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
    charity = the_charity()
    before = held.papers.filter(kind=kind).select_related("document").order_by("-version").first()
    version = before.version + 1 if before else 1
    if kind == Paper.Kind.LABELS:
        context: Mapping[str, object] = labels.context(held, charity=charity, at=at)
    else:
        context = dict(goods_received_form.context(held, charity=charity, at=at))
    if before:
        documents.supersede(before.document, on=day_of(at, charity), at=at)
    paper = request(
        held, Paper.Kind(kind), number=held.number, version=version, template=template_of(kind), context=context, at=at
    )
    audit.record("paper issued", held, by=by, at=at, kind=kind, number=held.number, version=version)
    return paper


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


def latest_packing_list(shipment: Shipment) -> Document:
    """Return the latest version of the packing list. Raises NoSuchPaper before the first sealing."""
    latest = (
        shipment.papers.filter(kind=Paper.Kind.PACKING_LIST).select_related("document").order_by("-version").first()
    )
    if latest is None:
        raise NoSuchPaper(_("There is no packing list yet: it is issued when the shipment is sealed."))
    return latest.document
