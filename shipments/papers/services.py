"""Papers are owed in the transaction that makes them due, and never change; a new version supersedes the old."""

from datetime import datetime
from typing import Any

from django.db.models import Max

from logistics.charity.services import the_charity
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import DomainError
from shipments.manifests.models import Shipment
from shipments.papers import contexts
from shipments.papers.models import Paper


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


def supersede_packing_lists(shipment: Shipment, *, at: datetime) -> None:
    """Declare the packing lists of a shipment no longer valid; they stay readable, and their QR codes say so."""
    for paper in shipment.papers.filter(kind=Paper.Kind.PACKING_LIST, document__superseded_at=None):
        documents.supersede(paper.document, at=at)


def packing_list(shipment: Shipment) -> Document:
    """Return the latest version of the packing list. Raises NoSuchPaper before the first sealing."""
    latest = (
        shipment.papers.filter(kind=Paper.Kind.PACKING_LIST).select_related("document").order_by("-version").first()
    )
    if latest is None:
        raise NoSuchPaper("There is no packing list yet: it is issued when the shipment is sealed.")
    return latest.document
