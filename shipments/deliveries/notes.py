"""The goods-received note of a delivery."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypedDict, cast

from django.db.models import QuerySet

from logistics.charity.services import day_of, the_charity
from logistics.mail import services as mail
from logistics.partners.models import Site
from shipments.deliveries.counting import Counted, Unlisted
from shipments.deliveries.figures import ReceivedSoFar
from shipments.deliveries.models import Delivery
from shipments.packing import vocabulary
from shipments.papers import common, services, shapes
from shipments.papers.models import Paper
from shipments.shipments.models import Shipment

SOURCES: dict[str, shapes.Texts] = {
    Delivery.Source.API: {"en": "partner’s system", "fr": "système du partenaire"},
    Delivery.Source.LINK: {"en": "link", "fr": "lien"},
    Delivery.Source.PAPER: {"en": "paper", "fr": "papier"},
    Delivery.Source.PHONE: {"en": "telephone", "fr": "téléphone"},
    Delivery.Source.SMS: {"en": "SMS", "fr": "SMS"},
}


class DifferenceShown(TypedDict):
    """A manifest line with a difference between sent and received."""

    package: int
    marks: str
    item_code: str
    description: shapes.Texts
    un_number: str  # "UN3481"; ""
    unit: shapes.Texts
    sent: int | str
    good: int | str
    damaged: int | str
    missing: int | str
    surplus: int | str
    reason: shapes.Texts
    remark: str


class UnlistedShown(TypedDict):
    description: str
    quantity: int | str
    unit: shapes.Texts
    remark: str


class ReceivedShown(TypedDict):
    """Totals of the whole shipment so far. Pieces are sums of quantities, whatever their unit."""

    packages_sent: int
    packages_counted: int
    packages_sound: int
    lines_sent: int
    lines_sound: int
    pieces_sent: int | str
    pieces_good: int | str
    pieces_damaged: int | str
    pieces_missing: int | str
    pieces_surplus: int | str


class GoodsReceivedNote(TypedDict):
    """Context of `shipments/papers/goods_received_note.html`: one delivery."""

    number: str  # of the note, "SHP-2026-00001-GRN-1"
    shipment: str
    reference: str
    version: int
    supersedes: int
    issued_on: str
    title: str
    consignor: shapes.Party
    consignee: shapes.Party
    handover: str
    containers: list[shapes.Container]
    bill_of_lading: str
    received_on: str  # as the receiver states it
    recorded_on: str  # when it was reported to us
    source: shapes.Texts
    seal_read: str  # "" where none was read
    seal_intact: bool | None  # None: not stated
    received: ReceivedShown
    differences: list[DifferenceShown]  # only lines that differ, in package order
    unlisted: list[UnlistedShown]
    note: str
    delivered_by: str
    received_by: str
    checked_by: str


def number_of(delivery: Delivery, shipment: Shipment) -> str:
    return f"{shipment.number}-GRN-{delivery.sequence}"


def of(delivery: Delivery) -> "QuerySet[Paper]":
    """Return the note of a delivery: one paper, or none for a reversal."""
    papers = Paper.objects.filter(kind=Paper.Kind.GOODS_RECEIVED_NOTE, number=number_of(delivery, delivery.shipment))
    return papers.select_related("document").defer("document__context")


def request(
    delivery: Delivery,
    shipment: Shipment,
    counted: Sequence[Counted],
    unlisted: Sequence[Unlisted],
    received: ReceivedSoFar,
    *,
    only_for: Site | None,
    at: datetime,
) -> Paper:
    """Request the note of a new delivery."""
    return services.request(
        shipment,
        Paper.Kind.GOODS_RECEIVED_NOTE,
        number=number_of(delivery, shipment),
        version=1,
        template="shipments/papers/goods_received_note.html",
        context=context(delivery, shipment, counted, unlisted, received, only_for=only_for, at=at),
        site_id=delivery.site_id,
        at=at,
    )


def context(
    delivery: Delivery,
    shipment: Shipment,
    counted: Sequence[Counted],
    unlisted: Sequence[Unlisted],
    received: ReceivedSoFar,
    *,
    only_for: Site | None = None,
    at: datetime,
) -> GoodsReceivedNote:
    """Return the differences of this delivery, and the totals received of the whole shipment after it.

    `only_for`: the site of a receiver who confirms for this site alone. The totals are then those of the site, and the
    note names its code beside its hand-over point.

    All dates are in the charity's time zone, as on the shipment's other papers; so is the date of receipt by a
    partner in another time zone, because `stated_at` is a point in time and does not tell the receiver's time zone.
    """
    charity = the_charity()
    figures = asdict(received)
    del figures["lines_resolved"]
    if delivery.packages_counted is not None:
        figures["packages_counted"] = delivery.packages_counted
    head = common.head(shipment, charity)
    if only_for is not None:
        head["handover"] = f"{only_for.code} · {only_for.hand_over_point}"
    return {
        **head,  # type: ignore[typeddict-item]
        "number": number_of(delivery, shipment),
        "shipment": shipment.number,
        "version": 1,
        "supersedes": 0,
        "issued_on": day_of(at, charity).isoformat(),
        "received_on": day_of(delivery.stated_at, charity).isoformat(),
        "recorded_on": day_of(at, charity).isoformat(),
        "source": SOURCES[delivery.source],
        "seal_read": delivery.seal_read,
        "seal_intact": delivery.seal_intact,
        "received": cast(ReceivedShown, figures),
        "differences": [_difference(line) for line in _in_order(counted) if _differs(line)],
        "unlisted": [_unlisted(goods) for goods in unlisted],
        "note": delivery.note,
        "delivered_by": delivery.delivered_by,
        "received_by": delivery.received_by,
        "checked_by": "",
    }


def notify_charity(delivery: Delivery, shipment: Shipment, received: ReceivedSoFar, opened: int) -> None:
    """Queue a mail to the charity: a delivery has discrepancies to decide on."""
    charity = the_charity()
    mail.request(
        "delivery-differs",
        to=charity.email,
        template="shipments/mail/differs.txt",
        context={"number": shipment.number, "delivery": delivery.sequence, "opened": opened, **asdict(received)},
    )


def _differs(counted: Counted) -> bool:
    return bool(counted.damaged or counted.missing or counted.surplus)


def _in_order(counted: Sequence[Counted]) -> list[Counted]:
    return sorted(counted, key=lambda c: (c.line.package.number, c.line.position))


def _difference(counted: Counted) -> DifferenceShown:
    line = counted.line
    return {
        "package": line.package.number,
        "marks": line.package.marks,
        "item_code": line.item.code,
        "description": common.texts(line),
        "un_number": f"UN{line.un_number}" if line.un_number else "",
        "unit": vocabulary.unit(line.unit),
        "sent": line.quantity,
        "good": counted.good,
        "damaged": counted.damaged,
        "missing": counted.missing,
        "surplus": counted.surplus,
        # The receiver's text, in whatever language it was written.
        "reason": {"en": counted.reason, "fr": counted.reason},
        "remark": "",
    }


def _unlisted(goods: Unlisted) -> UnlistedShown:
    return {
        "description": goods["description"],
        "quantity": goods["quantity"],
        "unit": vocabulary.unit(goods.get("unit", "H87")),
        "remark": goods.get("remark", ""),
    }
