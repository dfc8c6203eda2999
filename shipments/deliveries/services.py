"""Partners confirm what arrived. Differences from what was sent open discrepancies."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, NotRequired, TypedDict, Unpack
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.services import day_of
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.errors import DomainError, Invalid, WrongState
from logistics.ids import uuid7
from logistics.partners import guard, scope, texts
from logistics.partners.models import Membership, Site
from logistics.people.models import User
from logistics.rows import Prepared
from shipments.deliveries import counting, figures, notes
from shipments.deliveries.counting import Counted, LineException, Unlisted
from shipments.deliveries.models import Delivery, Tally, UnlistedGoods
from shipments.discrepancies import services as discrepancies
from shipments.discrepancies.models import Discrepancy
from shipments.discrepancies.services import Difference
from shipments.papers import printable
from shipments.reveals import services as reveals
from shipments.reveals.models import Reveal
from shipments.shipments import access, contents, lifecycle
from shipments.shipments.models import Shipment
from shipments.shipments.services import hold
from shipments.shipments.states import DELIVERABLE, Status, refusal_in

# How far a phone's clock may be ahead or behind, and how late staff may record a dispatch.
CLOCK_ERROR = timedelta(days=1)
_BEFORE = Prepared(lambda pk: Delivery.objects.filter(shipment=pk).order_by("sequence"), UUID(int=1))


class ClientIdReused(DomainError):
    """The `client_id` belongs to another confirmation."""

    code = "client_id_reused"


class NothingToConfirm(DomainError):
    """Every line has been confirmed already."""

    code = "nothing_to_confirm"


class CannotReverse(DomainError):
    """The delivery was reversed already, or later deliveries build on it."""

    code = "cannot_reverse"


class Unresolved(DomainError):
    """Lines are not accounted for, or discrepancies are open."""

    code = "unresolved"


class Confirmation(TypedDict):
    """A receiver's statement about a delivery."""

    stated_at: datetime
    received_by: str
    default: NotRequired[str]
    source: NotRequired[str]
    exceptions: NotRequired[Sequence[LineException]]
    unlisted: NotRequired[Sequence[Unlisted]]
    delivered_by: NotRequired[str]
    seal_read: NotRequired[str]
    seal_intact: NotRequired[bool | None]
    packages_counted: NotRequired[int | None]
    note: NotRequired[str]


class Confirmed(NamedTuple):
    """A delivery, whether it is new, and the totals after it: of the shipment, or of the site that `by` is bound to."""

    delivery: Delivery
    is_new: bool
    received: figures.ReceivedSoFar


@transaction.atomic
def confirm(
    shipment: Shipment, *, client_id: UUID, by: User, at: datetime, **confirmation: Unpack[Confirmation]
) -> Confirmed:
    """Record a receiver's confirmation. Idempotent: repeating a client_id changes nothing.

    Counts its lines, opens its differences as discrepancies and requests its goods-received note. The shipment is
    received when every line is accounted for. `missing` is what was declared missing, never what was not named.

    If `by` is bound to a site, the confirmation is about the goods for this site: it knows no other package, and the
    totals that it returns, and prints on the note, are those of the site.

    Raises ClientIdReused for the same client_id with another body, WrongState before dispatch and after the shipment
    has ended, Invalid for impossible figures, NothingToConfirm, NotPrintable for texts of the charity's own.
    """
    shipment = hold(shipment)
    confirmation.setdefault("default", Delivery.Default.GOOD)
    confirmation.setdefault("source", Delivery.Source.API)
    exceptions, unlisted = list(confirmation.pop("exceptions", ())), list(confirmation.pop("unlisted", ()))
    _printable(confirmation, exceptions, unlisted)
    body_sha256 = hash_of({**confirmation, "exceptions": exceptions, "unlisted": unlisted})
    before, bound = _before(shipment), scope.membership_of(by)
    only_for = bound.site if bound else None
    if known := _repeated(before, client_id, body_sha256, by):
        return Confirmed(known, False, figures.received(shipment, only_for.pk if only_for else None))
    _may_confirm(shipment, confirmation["stated_at"], at)
    _check_places(shipment, confirmation, exceptions, unlisted, by=by, at=at)
    site_id = only_for.pk if only_for else contents.manifest().only_site(shipment)
    delivery = Delivery(
        sequence=len(before) + 1, client_id=client_id, body_sha256=body_sha256, site_id=site_id, **confirmation
    )
    _record(delivery, shipment, by=by, at=at)
    counted = counting.count(shipment, delivery.default, exceptions, site_id=site_id)
    received = _keep(delivery, counted, unlisted)
    kept = [line for line in counted if not line.is_empty]
    _end_drivers_links(delivery, shipment, at=at)
    opened = discrepancies.open_all(shipment, _differences(kept, unlisted), delivery_id=delivery.pk, at=at)
    _follow(shipment, received, at=at)
    if opened:
        notes.notify_charity(delivery, shipment, received, opened)
    if only_for:
        received = figures.received(shipment, only_for.pk)
    try:
        notes.request(delivery, shipment, kept, unlisted, received, only_for=only_for, at=at)
    except documents.NotPrintable as refusal:
        # With the words of `allowed_actions`. Asked only now: the check would cost each confirmation two queries.
        raise (printable.head(shipment, by) or refusal) from None
    _record_in_trail(delivery, shipment, received, opened=opened, only_for=only_for, by=by, at=at)
    return Confirmed(delivery, True, received)


def _record_in_trail(
    delivery: Delivery,
    shipment: Shipment,
    received: figures.ReceivedSoFar,
    *,
    opened: int,
    only_for: Site | None,
    by: User,
    at: datetime,
) -> None:
    audit.record(
        "delivery confirmed",
        shipment,
        by=by,
        at=at,
        delivery=delivery.sequence,
        status=shipment.status,
        discrepancies=opened,
        **({"site": only_for.code} if only_for else {}),
        **{name: getattr(received, f"pieces_{name}") for name in counting.FIGURES},
    )


@transaction.atomic
def reverse(delivery: Delivery, *, client_id: UUID, reason: str, by: User, at: datetime) -> Confirmed:
    """Reverse a delivery with a second one of the same figures, negated; then the right figures can be confirmed.

    Its open discrepancies are closed; decided ones are left for staff to close. Its goods-received note is no longer
    valid. A partner can reverse only its own confirmations, not those that staff recorded for it.
    Raises CannotReverse, ClientIdReused, WrongState once the shipment is closed.
    """
    shipment = hold(delivery.shipment)
    body_sha256 = hash_of({"reverses": str(delivery.pk), "reason": reason})
    before, bound_to = _before(shipment), scope.site_of(by)
    if known := _repeated(before, client_id, body_sha256, by):
        return Confirmed(known, False, figures.received(shipment, bound_to))
    _may_reverse(delivery, shipment, before, by)
    guard.check_texts("logistics.auditentry", {"reason": reason}, shipment.consignee_id, by=by, at=at)
    reversal = Delivery(
        sequence=len(before) + 1,
        client_id=client_id,
        body_sha256=body_sha256,
        stated_at=at,
        source=Delivery.Source.API,
        default=Delivery.Default.NONE,
        received_by=delivery.received_by,
        note=reason,
        reverses=delivery,
        site_id=delivery.site_id,
    )
    _record(reversal, shipment, by=by, at=at)
    try:
        with transaction.atomic():
            figures.take_back(delivery, reversal)
    except IntegrityError as error:
        raise CannotReverse(_("Later deliveries depend on the surplus of this one. Reverse them first.")) from error
    discrepancies.close_reversed(delivery.pk, by=by, at=at)
    for paper in notes.of(delivery):
        documents.supersede(paper.document, on=day_of(at), at=at)
    received = figures.received(shipment)
    _follow(shipment, received, at=at)
    audit.record(
        "delivery reversed",
        shipment,
        by=by,
        at=at,
        reason=reason,
        delivery=reversal.sequence,
        reversed=delivery.sequence,
        status=shipment.status,
    )
    return Confirmed(reversal, True, figures.received(shipment, bound_to) if bound_to else received)


def settled(shipment: Shipment, by: User) -> DomainError | None:
    """Refuse to close a shipment unless every line is accounted for, and every discrepancy is closed."""
    # No line of a lost shipment was ever counted.
    resolved = Tally.objects.filter(shipment=shipment, is_resolved=True).count()
    unresolved = 0 if shipment.status == Status.LOST else (shipment.line_count or 0) - resolved
    still_open = discrepancies.count_open(shipment)
    if not unresolved and not still_open:
        return None
    return Unresolved(
        _("Cannot be closed yet: %(lines)s lines are not accounted for, %(open)s discrepancies are not closed.")
        % {"lines": unresolved, "open": still_open},
        unresolved_lines=unresolved,
        open_discrepancies=still_open,
    )


def hash_of(confirmation: Mapping[str, object]) -> str:
    """Return the SHA-256 of a confirmation as canonical JSON, to recognise repeats."""
    text = json.dumps(confirmation, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def _printable(
    confirmation: Mapping[str, object], exceptions: Sequence[LineException], unlisted: Sequence[Unlisted]
) -> None:
    """Raise Invalid for text that the goods-received note cannot print."""
    fonts.check({name: text for name, text in confirmation.items() if isinstance(text, str)})
    for place, exception in enumerate(exceptions):
        fonts.check(exception, path=f"exceptions[{place}].")
    for place, goods in enumerate(unlisted):
        fonts.check(goods, path=f"unlisted[{place}].")


def _check_places(
    shipment: Shipment,
    confirmation: Mapping[str, object],
    exceptions: Sequence[LineException],
    unlisted: Sequence[Unlisted],
    *,
    by: User,
    at: datetime,
) -> None:
    """Raise Invalid for a text that gives a confidential site of the consignee away: the note is mailed and printed."""
    place = guard.of_partner(shipment.consignee_id)
    said = {name: confirmation.get(name, "") for name in texts.GUARDED["shipments.delivery"]}
    place.check_texts("shipments.delivery", said, by=by, at=at)
    for index, exception in enumerate(exceptions):
        reason = {"reason": exception.get("reason", "")}
        place.check_texts("shipments.deliveryline", reason, path=f"exceptions[{index}].", by=by, at=at)
    for index, goods in enumerate(unlisted):
        place.check(UnlistedGoods(**goods), path=f"unlisted[{index}].", by=by, at=at)


def _end_drivers_links(delivery: Delivery, shipment: Shipment, *, at: datetime) -> None:
    """End the links to the addresses of the sites whose goods this delivery counts: they have been delivered."""
    if not (linked := reveals.sites_with_links(shipment)):
        return
    counted = delivery.lines.order_by().values_list("line__package__destination__site", flat=True).distinct()
    # A package without destination goes to the only site of its shipment.
    delivered = linked if None in (sites := set(counted)) else linked & sites
    reveals.end(shipment, because=Reveal.End.DELIVERED, at=at, sites=delivered)


def _record(delivery: Delivery, shipment: Shipment, *, by: User, at: datetime) -> None:
    """Store the next delivery of a shipment, without its lines."""
    delivery.id, delivery.shipment = uuid7(), shipment
    delivery.recorded_at, delivery.recorded_by = at, by
    delivery.save(force_insert=True)


def _before(shipment: Shipment) -> list[Delivery]:
    """Return the deliveries of a shipment so far, in order."""
    found = _BEFORE.all(shipment.pk)
    for delivery in found:
        delivery.shipment = shipment
    return found


def _repeated(before: Sequence[Delivery], client_id: UUID, body_sha256: str, by: User) -> Delivery | None:
    """Return the delivery with this client_id, if any. Raises ClientIdReused if it is another confirmation.

    If it is of a site that `by` does not see, nothing is said about it.
    """
    known = next((delivery for delivery in before if delivery.client_id == client_id), None)
    is_hidden = known is not None and scope.site_of(by) not in (None, known.site_id)
    if known is not None and (is_hidden or known.body_sha256 != body_sha256):
        raise ClientIdReused(
            _("This client_id was used for another confirmation. Send a new client_id with a new confirmation."),
            **({} if is_hidden else {"delivery": str(known.pk)}),
        )
    return known


def _may_confirm(shipment: Shipment, stated_at: datetime, at: datetime) -> None:
    if refusal := refusal_in(shipment.status, wanted="deliver", sources=DELIVERABLE):
        raise refusal
    if stated_at > at + CLOCK_ERROR:
        raise Invalid(_("This time is in the future. Check the clock."), field="stated_at", code="in_the_future")
    if shipment.dispatched_at and stated_at < shipment.dispatched_at - CLOCK_ERROR:
        raise Invalid(
            _("This is before the shipment was dispatched (%(day)s). Check the clock.")
            % {"day": date_format(day_of(shipment.dispatched_at), "DATE_FORMAT")},
            field="stated_at",
            code="before_dispatch",
        )


def _may_reverse(delivery: Delivery, shipment: Shipment, before: Sequence[Delivery], by: User) -> None:
    if access.is_partner(by):
        colleagues = Membership.objects.filter(partner__memberships__user=by, user=delivery.recorded_by_id)
        if not colleagues.exists():
            raise CannotReverse(_("The charity recorded this for you. Ask its coordinator to reverse it."))
    if shipment.status not in DELIVERABLE:
        raise WrongState(
            _("The shipment is %(status)s.") % {"status": shipment.get_status_display().lower()},
            current=shipment.status,
        )
    if delivery.reverses_id or any(other.reverses_id == delivery.pk for other in before):
        raise CannotReverse(_("This delivery has already been reversed, or is itself a reversal."))


def _keep(delivery: Delivery, counted: list[Counted], unlisted: Sequence[Unlisted]) -> figures.ReceivedSoFar:
    """Write the delivery's lines and return the totals of the whole shipment after them. Raises NothingToConfirm."""
    UnlistedGoods.objects.bulk_create(UnlistedGoods(delivery=delivery, **goods) for goods in unlisted)
    is_rest_good = delivery.default == Delivery.Default.GOOD
    lines, received = figures.count(delivery, counted, rest_is_good=is_rest_good)
    if not lines and not unlisted:
        raise NothingToConfirm(_("This confirmation counts nothing: all of its lines are already accounted for."))
    return received


def _differences(kept: list[Counted], unlisted: Sequence[Unlisted]) -> Iterator[Difference]:
    """Yield the differences: lost packages; short, damaged and surplus lines; unlisted goods."""
    kinds = Discrepancy.Kind
    lost: set[UUID] = set()
    for lines in _lost_packages(kept):
        lost |= {counted.line.pk for counted in lines}
        missing = sum(counted.missing for counted in lines)
        yield Difference(kinds.LOST_PACKAGE, missing, lines[0].reason, lines[0].line.package)
    for counted in kept:
        line, package = counted.line, counted.line.package
        if counted.missing and line.pk not in lost:
            yield Difference(kinds.SHORT, counted.missing, counted.reason, package, line)
        if counted.damaged:
            yield Difference(kinds.DAMAGE, counted.damaged, counted.reason, package, line)
        if counted.surplus:
            yield Difference(kinds.SURPLUS, counted.surplus, counted.reason, package, line)
    for goods in unlisted:
        yield Difference(kinds.WRONG_ITEM, goods["quantity"], goods["description"])


def _lost_packages(kept: list[Counted]) -> list[list[Counted]]:
    """Return the lines of each package whose lines are all entirely missing."""
    lines_of: dict[UUID, list[Counted]] = {}
    for line in kept:
        if line.is_lost:
            lines_of.setdefault(line.line.package_id, []).append(line)
    sizes = figures.lines_in(lines_of)
    return [lines for package, lines in lines_of.items() if len(lines) == sizes[package]]


def _follow(shipment: Shipment, received: figures.ReceivedSoFar, *, at: datetime) -> None:
    """Update the shipment's status from the counts."""
    lifecycle.update_from_counts(
        shipment,
        has_counted=received.pieces_good + received.pieces_damaged + received.pieces_missing > 0,
        is_resolved=received.lines_resolved == shipment.line_count,
        at=at,
    )
