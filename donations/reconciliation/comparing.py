"""Lists what Stripe and our rows say differently of one slice of time. Writes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from donations.disputes.models import Dispute
from donations.payments.models import AttemptState, PaymentAttempt
from donations.reconciliation.models import StripeDifference
from donations.refunds.models import Refund
from donations.stripe import gateway
from logistics.money import amounts as money

Item = TypeVar("Item")
About, Kind = StripeDifference.About, StripeDifference.Kind
PAGE: Final = 100  # as many as Stripe returns at once
# Our time of a payment is that of its charge, but a refund's may be our own: the sides are compared this much further.
EDGE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Differing:
    """One difference, before it is stored."""

    about: StripeDifference.About
    kind: StripeDifference.Kind
    stripe_id: str
    attempt: PaymentAttempt | None
    ours: str
    theirs: str
    happened_at: datetime


def differences(start: datetime, end: datetime) -> Iterator[Differing]:
    """Yield the differences of what happened at or after `start` and before `end`.

    Payments of the account that are not ours are left out. Raises PaymentProviderUnavailable.
    """
    yield from _payments(start, end)
    yield from _of_payments(About.REFUND, Refund, gateway.list_refunds, start, end)
    yield from _of_payments(About.DISPUTE, Dispute, gateway.list_disputes, start, end)


def _payments(start: datetime, end: datetime) -> Iterator[Differing]:
    at_stripe: set[str] = set()
    for charges in _pages(gateway.list_charges(start - EDGE, end + EDGE)):
        ids = {charge.id: pk for charge in charges if charge.paid and (pk := _attempt_id(charge.metadata))}
        at_stripe.update(ids)
        attempts = PaymentAttempt.objects.in_bulk(set(ids.values()))
        for charge in charges:
            if charge.id in ids and start <= charge.created_at < end:
                yield from _payment(charge, attempts.get(ids[charge.id]))
    ours = PaymentAttempt.objects.filter(
        state=AttemptState.SUCCEEDED, succeeded_at__gte=start, succeeded_at__lt=end
    ).order_by("pk")
    for attempt in ours.iterator():
        if attempt.charge_id not in at_stripe and attempt.succeeded_at:
            amount = _amount(attempt.amount_minor, attempt.currency)
            yield Differing(About.PAYMENT, Kind.NOT_THERE, attempt.charge_id, attempt, amount, "", attempt.succeeded_at)


def _payment(charge: gateway.Charge, attempt: PaymentAttempt | None) -> Iterator[Differing]:
    theirs = _amount(charge.amount_minor, charge.currency)
    if attempt is None:
        yield Differing(About.PAYMENT, Kind.NOT_HERE, charge.id, None, "", theirs, charge.created_at)
        return
    if attempt.state != AttemptState.SUCCEEDED:
        yield Differing(
            About.PAYMENT, Kind.STATE, charge.id, attempt, attempt.state, AttemptState.SUCCEEDED, charge.created_at
        )
    ours = _amount(attempt.amount_minor, attempt.currency)
    if ours != theirs:
        yield Differing(About.PAYMENT, Kind.AMOUNT, charge.id, attempt, ours, theirs, charge.created_at)


Shown = TypeVar("Shown", gateway.StripeRefund, gateway.StripeDispute)


def _of_payments(
    about: StripeDifference.About,
    model: type[Refund] | type[Dispute],
    list_shown: Callable[[datetime, datetime], Iterator[Shown]],
    start: datetime,
    end: datetime,
) -> Iterator[Differing]:
    """Yield the differences of refunds or of disputes: both belong to a payment and have an amount and a state."""
    at_stripe: set[str] = set()
    for page in _pages(list_shown(start - EDGE, end + EDGE)):
        intents = {shown.payment_intent_id for shown in page if shown.payment_intent_id}
        attempts = {one.payment_intent_id: one for one in PaymentAttempt.objects.filter(payment_intent_id__in=intents)}
        at_stripe.update(shown.id for shown in page)
        rows = {row.stripe_id: row for row in model._default_manager.filter(stripe_id__in=[one.id for one in page])}
        for shown in page:
            attempt = attempts.get(shown.payment_intent_id)
            if attempt and start <= shown.created_at < end:
                yield from _one(about, shown, attempt, rows.get(shown.id))
    ours = model._default_manager.filter(created_at__gte=start, created_at__lt=end, stripe_id__gt="")
    for row in ours.select_related("attempt").order_by("pk").iterator():
        if row.stripe_id and row.stripe_id not in at_stripe:
            amount = _amount(row.amount_minor, row.currency)
            yield Differing(about, Kind.NOT_THERE, row.stripe_id, row.attempt, amount, "", row.created_at)


def _one(
    about: StripeDifference.About,
    shown: gateway.StripeRefund | gateway.StripeDispute,
    attempt: PaymentAttempt,
    row: Refund | Dispute | None,
) -> Iterator[Differing]:
    theirs = _amount(shown.amount_minor, shown.currency)
    if row is None:
        yield Differing(about, Kind.NOT_HERE, shown.id, attempt, "", theirs, shown.created_at)
        return
    # The one state of Stripe's that we do not tell apart.
    state = "pending" if shown.status == "requires_action" else shown.status
    if row.state != state:
        yield Differing(about, Kind.STATE, shown.id, attempt, row.state, state, shown.created_at)
    ours = _amount(row.amount_minor, row.currency)
    if ours != theirs:
        yield Differing(about, Kind.AMOUNT, shown.id, attempt, ours, theirs, shown.created_at)


def _attempt_id(metadata: Mapping[str, str]) -> UUID | None:
    """Return our id in Stripe's metadata; None for a payment that is not ours."""
    try:
        return UUID(metadata.get("attempt", ""))
    except ValueError:
        return None


def _amount(amount_minor: int, currency: str) -> str:
    return f"{currency} {money.decimal_string(amount_minor, currency)}"


def _pages(items: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(items)
    while page := list(islice(source, PAGE)):
        yield page
