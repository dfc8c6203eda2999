"""Papers are owed in the transaction that makes them due, and never change; a new version supersedes the old."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.services import day_of, the_charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import DomainError
from logistics.people.models import User
from shipments.manifests import services as manifests
from shipments.manifests.models import Shipment
from shipments.papers import contexts
from shipments.papers.models import Paper


class NotSealed(DomainError):
    """A paper says what is frozen."""

    code = "not_sealed"


class NoSuchPaper(DomainError):
    """The shipment has no such paper yet."""

    code = "paper_not_issued"


def owe_packing_list(shipment: Shipment, *, at: datetime) -> Paper:
    """Owe the next version of a sealed shipment's packing list, in the consignee's languages.

    The caller holds the shipment's lock. Raises CharityNotSetUp.
    """
    charity = the_charity()
    last = shipment.papers.filter(kind=Paper.Kind.PACKING_LIST).aggregate(last=Max("version"))["last"] or 0
    context = contexts.packing_list(shipment, version=last + 1, charity=charity, at=at)
    return owe(
        shipment,
        Paper.Kind.PACKING_LIST,
        number=shipment.number,
        version=last + 1,
        template="shipments/papers/packing_list.html",
        context=dict(context),
        at=at,
    )


def owe(
    shipment: Shipment,
    kind: Paper.Kind,
    *,
    number: str,
    version: int,
    template: str,
    context: dict[str, Any],
    at: datetime,
) -> Paper:
    """Owe one paper and enter it among the shipment's."""
    document = documents.request(
        kind, number=number, template=template, context=context, at=at, version=version, languages=languages(shipment)
    )
    return Paper.objects.create(shipment=shipment, document=document, kind=kind, number=number, version=version)


def languages(shipment: Shipment) -> list[str]:
    """Return the languages of the papers: the consignee's that we print, English first where both."""
    wanted = set(shipment.consignee.languages) | {"en"}  # customs of both ends read English
    return [language for language in ("en", "fr") if language in wanted]


def supersede(shipment: Shipment, *, at: datetime) -> None:
    """Declare what says what the manifest says no longer valid; it stays readable, and its QR codes say so."""
    on = day_of(at)
    for paper in shipment.papers.filter(kind__in=Paper.OF_MANIFEST, document__superseded_at=None):
        documents.supersede(paper.document, on=on, at=at)


@transaction.atomic
def issue(shipment: Shipment, kind: str, *, leg: Mapping[str, str] | None = None, by: User, at: datetime) -> Paper:
    """Issue labels, a blank goods-received form or a waybill of a sealed shipment; an older one is superseded.

    `leg`: what a waybill says of carrier, vehicle, driver, places, dates, instructions (contexts.LEG).
    Raises NotSealed, CharityNotSetUp.
    """
    fonts.check(leg or {})
    held = manifests.hold(shipment)
    if held.sealed_at is None:
        raise NotSealed(_("Papers are issued once the shipment is sealed: seal it first."))
    charity = the_charity()
    before = held.papers.filter(kind=kind).select_related("document").order_by("-version").first()
    version = before.version + 1 if before else 1
    number = held.number
    if kind == Paper.Kind.LABELS:
        scan = documents.facts(packing_list(held))["verify_url"]
        context: dict[str, Any] = dict(contexts.labels(held, charity=charity, scan=scan, at=at))
    elif kind == Paper.Kind.GOODS_RECEIVED_FORM:
        context = dict(contexts.goods_received_form(held, charity=charity, at=at))
    else:
        number = f"{held.number}-WB-1"
        context = dict(contexts.waybill(held, number=number, version=version, leg=leg or {}, charity=charity, at=at))
    if before:
        documents.supersede(before.document, on=day_of(at, charity), at=at)
    template = f"shipments/papers/{kind.replace('-', '_')}.html"
    paper = owe(held, Paper.Kind(kind), number=number, version=version, template=template, context=context, at=at)
    audit.record("paper issued", held, by=by, at=at, kind=kind, number=number, version=version)
    return paper


def packing_list(shipment: Shipment) -> Document:
    """Return the latest version of the packing list. Raises NoSuchPaper before the first sealing."""
    latest = (
        shipment.papers.filter(kind=Paper.Kind.PACKING_LIST).select_related("document").order_by("-version").first()
    )
    if latest is None:
        raise NoSuchPaper(_("There is no packing list yet: it is issued when the shipment is sealed."))
    return latest.document
