"""Refunds made by finance: requested, approved by a second person if large, then sent to Stripe (`sending`).

A refund is reserved from the moment it is requested, under the gift's lock: two at once never give back more than was
paid. Only payments by card are refunded here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from donations import amounts
from donations.disputes.models import OPEN, DisputeState
from donations.gifts.models import Donation
from donations.gifts.outcome import PaidMoney, surplus_of
from donations.payments.models import AttemptState, PaymentAttempt
from donations.refunds import notices
from donations.refunds.models import TAKEN, Refund, RefundReason, RefundSending, RefundState
from logistics import wording
from logistics.audit import services as audit
from logistics.errors import DomainError, Invalid, WrongState
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.money import amounts as money
from logistics.partners import guard
from logistics.people.models import User
from logistics.transactions import lock

# What the audit trail of a gift calls these acts.
VERBS: Final = {
    "requested": gettext_noop("refund requested"),
    "approved": gettext_noop("refund approved"),
    "rejected": gettext_noop("refund rejected"),
    "sent again": gettext_noop("refund sent again"),
}


# Returns why an act on a refund is refused now, or None.
RefundRefusal = Callable[[Refund], DomainError | None]


class NothingToRefund(DomainError):
    """Nothing of this gift can be refunded to a card: it was not paid by card, or nothing is left."""

    code = "nothing_to_refund"


class PaymentDisputed(DomainError):
    """The donor's bank holds or took back this payment's money: a refund would give it twice."""

    code = "payment_disputed"


class NoSurplus(DomainError):
    """The gift was not paid more than once, or what was paid too much has gone back."""

    code = "no_surplus"


class SecondPersonNeeded(DomainError):
    """A refund of this size needs a second person, and you requested it yourself."""

    code = "second_person_needed"


def paid(donation: Donation) -> list[PaymentAttempt]:
    """Return the payments of a gift that succeeded, in order, with their refunds and disputes."""
    found = [one for one in donation.attempts.all() if one.state == AttemptState.SUCCEEDED]
    return sorted(found, key=lambda one: one.number)


def _under_lock(donation: Donation) -> Donation:
    """Return the gift locked, with its payments as they are now."""
    donation = lock(donation)
    prefetch_related_objects([donation], "attempts__refunds", "attempts__disputes")
    return donation


def money_of(attempt: PaymentAttempt) -> PaidMoney:
    """Return the money of a payment; refunds that are only requested count as gone."""
    assert attempt.succeeded_at is not None
    disputes = attempt.disputes.all()
    return PaidMoney(
        number=attempt.number,
        paid_at=attempt.succeeded_at,
        amount_minor=attempt.amount_minor,
        refunded_minor=sum(one.amount_minor for one in attempt.refunds.all() if one.state in TAKEN),
        charged_back_minor=sum(one.amount_minor for one in disputes if one.state == DisputeState.LOST),
        disputed_minor=sum(one.amount_minor for one in disputes if one.state in OPEN),
    )


def is_disputed(attempt: PaymentAttempt) -> bool:
    """Return whether a bank holds or took back money of this payment; Stripe then refunds nothing of it."""
    return any(one.state in (*OPEN, DisputeState.LOST) for one in attempt.disputes.all())


def refundable(donation: Donation) -> list[tuple[PaymentAttempt, int]]:
    """Return the payments of which something can be refunded now, with how much; most first."""
    found = [(one, money_of(one).free_minor) for one in paid(donation) if not is_disputed(one)]
    return sorted([pair for pair in found if pair[1]], key=lambda pair: (-pair[1], not pair[0].counts, pair[0].number))


def refusal_to_refund(donation: Donation) -> DomainError | None:
    """Return why nothing of this gift can be refunded now, or None."""
    if donation.channel != Donation.Channel.ONLINE:
        return NothingToRefund(
            _("This gift was not paid by card. Give the money back by the way it came, and void it.")
        )
    payments = paid(donation)
    if not payments:
        return NothingToRefund(_("This gift has not been paid."))
    if refundable(donation):
        return None
    if any(is_disputed(one) for one in payments):
        return PaymentDisputed(
            _("The donor’s bank is deciding on a dispute, or has decided it. A refund would give the money twice.")
        )
    return NothingToRefund(_("Nothing is left to refund: all of it went back, or is about to."))


def surplus(donation: Donation) -> dict[int, int]:
    """Return what was paid beyond the gift and can go back: by the number of the payment, its amount in minor units."""
    found = surplus_of(donation.amount_minor, [money_of(one) for one in paid(donation)])
    blocked = {one.number for one in paid(donation) if is_disputed(one)}
    return {number: amount for number, amount in found.items() if number not in blocked}


def refusal_to_refund_surplus(donation: Donation) -> DomainError | None:
    """Return why there is no surplus to refund now, or None."""
    if surplus(donation):
        return None
    return NoSurplus(_("Nothing was paid beyond the gift, or it went back."))


@transaction.atomic
def ask(
    donation: Donation,
    *,
    amount: str,
    payment: int | None,
    reason: RefundReason,
    note: str,
    by: User,
    at: datetime,
) -> Refund:
    """Request a refund of a gift, of one of its payments. `amount`: "" = everything that is left of that payment.

    Raises NothingToRefund, PaymentDisputed, Invalid (amount, payment, note).
    """
    donation = _under_lock(donation)
    if refusal := refusal_to_refund(donation):
        raise refusal
    attempt, left = _chosen(donation, payment)
    amount_minor = amounts.read(amount, donation.currency) if amount else left
    if amount_minor > left:
        raise _too_much(left, donation.currency)
    _check_note(note, by=by, at=at)
    return _reserve(donation, attempt, amount_minor, reason=reason, note=note, by=by, at=at)


@transaction.atomic
def ask_surplus(donation: Donation, *, by: User, at: datetime) -> list[Refund]:
    """Request the refund of everything that was paid beyond the gift. Raises NoSurplus."""
    donation = _under_lock(donation)
    if refusal := refusal_to_refund_surplus(donation):
        raise refusal
    rows = {one.number: one for one in paid(donation)}
    return [
        _reserve(donation, rows[number], amount_minor, reason=RefundReason.DUPLICATE, note="", by=by, at=at)
        for number, amount_minor in surplus(donation).items()
    ]


def _chosen(donation: Donation, number: int | None) -> tuple[PaymentAttempt, int]:
    left = refundable(donation)
    if number is None:
        return left[0]
    known = {attempt.number: (attempt, amount) for attempt, amount in left}
    if number in known:
        return known[number]
    if number in {one.number for one in paid(donation)}:
        raise Invalid(_("Nothing is left of this payment."), field="payment", code="nothing_left")
    raise Invalid(_("This gift has no such payment."), field="payment", code="unknown_payment")


def _too_much(left_minor: int, currency: str) -> Invalid:
    said = _("This is more than is left to refund: %(left)s.")
    said %= {"left": money.printed(left_minor, currency, [wording.page_language()])}
    left = money.decimal_string(left_minor, currency)
    return Invalid(said, field="amount", code="more_than_left", left=left, currency=currency)


def _check_note(note: str, *, by: User, at: datetime) -> None:
    guard.check_texts("logistics.auditentry", {"reason": note}, None, by=by, at=at)


def needs_second_person(donation: Donation, amount_minor: int) -> bool:
    """Return whether a refund of this amount needs a second person: with all that one person refunded of this gift."""
    alone = settings.REFUND_ALONE_UP_TO.get(donation.currency)
    if alone is None:
        return True
    others = Refund.objects.filter(attempt__donation=donation, asked_at__isnull=False, decided_by=None, state__in=TAKEN)
    total = amount_minor + sum(others.values_list("amount_minor", flat=True))
    return total > money.parse(alone, donation.currency)


def _reserve(
    donation: Donation,
    attempt: PaymentAttempt,
    amount_minor: int,
    *,
    reason: RefundReason,
    note: str,
    by: User,
    at: datetime,
) -> Refund:
    waits = needs_second_person(donation, amount_minor)
    attempt.donation = donation
    refund = Refund.objects.create(
        attempt=attempt,
        state=RefundState.AWAITING_APPROVAL if waits else RefundState.REQUESTED,
        amount_minor=amount_minor,
        currency=donation.currency,
        reason=reason,
        created_at=at,
        asked_by_id=by.pk,
        asked_at=at,
    )
    _record("requested", refund, note=note, by=by, at=at)
    if waits:
        notices.to_approve(refund, at=at)
    else:
        jobs.enqueue(RefundSending(refund=refund))
    return refund


def _record(act: str, refund: Refund, *, note: str = "", by: User, at: datetime) -> None:
    audit.record(
        VERBS[act],
        refund.attempt.donation,
        by=by,
        at=at,
        reason=note.strip(),
        refund=str(refund.pk),
        amount_minor=refund.amount_minor,
        currency=refund.currency,
    )


def refusal_to_decide(refund: Refund) -> DomainError | None:
    """Return why a refund can be neither approved nor rejected now, or None."""
    if refund.state == RefundState.AWAITING_APPROVAL:
        return None
    return WrongState(
        _("Only a refund that awaits approval can be decided; this one is %(state)s.")
        % {"state": refund.get_state_display().lower()},
        state=refund.state,
    )


def refusal_to_approve(refund: Refund, by: User) -> DomainError | None:
    """Return why this person cannot approve a refund now, or None."""
    if refusal := refusal_to_decide(refund):
        return refusal
    if refund.asked_by_id == by.pk:
        return SecondPersonNeeded(_("You requested this refund. Another person in finance must approve it."))
    if is_disputed(refund.attempt):
        return PaymentDisputed(_("The donor’s bank disputes this payment meanwhile. Reject the refund."))
    return None


@transaction.atomic
def approve(refund: Refund, *, by: User, at: datetime) -> Refund:
    """Approve a refund that another person requested; a worker sends it to Stripe. Raises SecondPersonNeeded."""
    refund = _locked(refund)
    if refusal := refusal_to_approve(refund, by):
        raise refusal
    _decide(refund, RefundState.REQUESTED, by=by, at=at)
    _record("approved", refund, by=by, at=at)
    jobs.enqueue(RefundSending(refund=refund))
    return refund


@transaction.atomic
def reject(refund: Refund, *, note: str, by: User, at: datetime) -> Refund:
    """Reject a refund that awaits approval, or withdraw one's own. Raises WrongState."""
    _check_note(note, by=by, at=at)
    refund = _locked(refund)
    if refusal := refusal_to_decide(refund):
        raise refusal
    _decide(refund, RefundState.REJECTED, by=by, at=at)
    _record("rejected", refund, note=note, by=by, at=at)
    return refund


def _locked(refund: Refund) -> Refund:
    donation = lock(refund.attempt.donation)  # the gift first, like booking: otherwise the two could deadlock
    refund = lock(refund)
    refund.attempt.donation = donation
    return refund


def _decide(refund: Refund, state: RefundState, *, by: User, at: datetime) -> None:
    refund.state, refund.decided_by_id, refund.decided_at = state, by.pk, at
    refund.save(update_fields=["state", "decided_by", "decided_at"])


def refusal_to_send_again(refund: Refund) -> DomainError | None:
    """Return why a refund cannot be sent to Stripe again now, or None."""
    sending: RefundSending | None = getattr(refund, "sending", None)
    if refund.state == RefundState.REQUESTED and sending is not None and sending.state == Job.State.DEAD:
        return None
    return WrongState(
        _("Only a refund whose sending has stopped can be sent again; others are repeated until Stripe answers."),
        state=refund.state,
    )


@transaction.atomic
def send_again(refund: Refund, *, by: User, at: datetime) -> Refund:
    """Send a refund to Stripe again whose sending has stopped; Stripe never makes it twice. Raises WrongState."""
    refund = _locked(refund)
    if refusal := refusal_to_send_again(refund):
        raise refusal
    jobs.retry(refund.sending)
    _record("sent again", refund, by=by, at=at)
    return refund
