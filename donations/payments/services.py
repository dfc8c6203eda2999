"""Payment attempts: start them, open the Stripe checkout, and record Stripe's results."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.payments import limits, machine
from donations.payments.machine import RecordedPayment
from donations.payments.models import UNFINISHED, AttemptState, Decline, PaymentAttempt
from donations.stripe import gateway
from logistics.transactions import lock

# Stripe allows 30 minutes to 24 hours, by its own clock.
CHECKOUT_LASTS: Final = timedelta(hours=23)
# With less time left than this, Stripe refuses to open a checkout.
CHECKOUT_MIN: Final = timedelta(minutes=31)
# Query string of the success URL. The donor often returns before the webhook; the page then says "being confirmed".
BACK_FROM_CHECKOUT: Final = "paid=1"
# The fields of RecordedPayment that come from Stripe; the rest is what we asked for, and the state.
FACTS: Final = tuple(
    field.name for field in fields(RecordedPayment) if field.name not in ("amount_minor", "currency", "state")
)


def latest(donation: Donation) -> PaymentAttempt | None:
    """Return the latest payment attempt of a gift, or None."""
    attempt = donation.attempts.order_by("-number").first()
    if attempt is not None:
        attempt.donation = donation
    return attempt


def start(
    donation: Donation,
    *,
    number: int,
    description: str,
    address_hash: str,
    email_hash: str,
    passed: str = "",
    at: datetime,
) -> PaymentAttempt:
    """Create a payment attempt; `description` is shown to the donor at Stripe. Nothing is charged yet.

    `passed`: the challenge that the donor passed, if one was needed.
    """
    return PaymentAttempt.objects.create(
        donation=donation,
        number=number,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        created_at=at,
        expires_at=at + CHECKOUT_LASTS,
        description=description[:250],
        address_hash=address_hash,
        email_hash=email_hash,
        passed=passed,
    )


def open_checkout(attempt: PaymentAttempt, *, at: datetime) -> PaymentAttempt:
    """Open the Stripe checkout page and return the attempt with its `checkout_url`.

    Idempotent: a repeated call gets the same page, because the key and all arguments come from our committed
    row. Call it outside any transaction. Raises PaymentProviderUnavailable; the gift then stays pending, and
    the same call can be repeated later.
    """
    if attempt.state != AttemptState.CREATED:
        return attempt
    if attempt.expires_at - at < CHECKOUT_MIN:
        return expire(attempt)
    donation = attempt.donation
    gift_url = tokens.url_of(donation)
    session = gateway.create_checkout_session(
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        reference=donation.reference,
        description=attempt.description,
        email=donation.donor.email,
        locale=donation.language,
        success_url=f"{gift_url}?{BACK_FROM_CHECKOUT}",
        cancel_url=gift_url,
        expires_at=attempt.expires_at,
        metadata={"attempt": str(attempt.pk), "donation": donation.reference},
        idempotency_key=f"donation:{attempt.pk}:session",
    )
    return _opened(attempt, session)


def _opened(attempt: PaymentAttempt, session: gateway.CheckoutSession) -> PaymentAttempt:
    """Record the checkout session just opened for a new attempt, unless a webhook was faster.

    Raises Mismatch if the session does not match the attempt.
    """
    state = machine.advance(recorded(attempt), session, None, livemode=gateway.is_live()).state
    url = session.url or ""
    mine = PaymentAttempt.objects.filter(pk=attempt.pk)
    if mine.filter(state=AttemptState.CREATED).update(state=state, session_id=session.id, checkout_url=url):
        attempt.state, attempt.session_id, attempt.checkout_url = state, session.id, url
        return attempt
    mine.filter(checkout_url="").update(session_id=session.id, checkout_url=url)
    donation = attempt.donation
    attempt.refresh_from_db()
    attempt.donation = donation
    return attempt


def recorded(attempt: PaymentAttempt) -> RecordedPayment:
    """Return the recorded values of an attempt."""
    return RecordedPayment(
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        state=AttemptState(attempt.state),
        **{name: getattr(attempt, name) for name in FACTS},
    )


def record(attempt: PaymentAttempt, payment: RecordedPayment) -> None:
    """Update our row. The caller holds the gift's lock, and marks the payment that counts."""
    for name in FACTS:
        setattr(attempt, name, getattr(payment, name))
    if attempt.state != payment.state:
        attempt.become(payment.state)
    attempt.save(update_fields=["state", "looked_at", *FACTS])


def mark_counted(donation: Donation, number: int) -> None:
    """Make this attempt the one that counts for its gift, instead of another. The caller holds the gift's lock."""
    attempts = PaymentAttempt.objects.filter(donation=donation)
    attempts.filter(counts=True).exclude(number=number).update(counts=False)
    attempts.filter(number=number, counts=False).update(counts=True)


def overdue(at: datetime) -> QuerySet[PaymentAttempt]:
    """Return the attempts whose checkout should have ended by now, oldest first."""
    late = PaymentAttempt.objects.filter(state__in=UNFINISHED, expires_at__lt=at)
    return late.select_related("donation").order_by("expires_at")


@transaction.atomic
def expire(attempt: PaymentAttempt) -> PaymentAttempt:
    """Mark an attempt as expired; money that still arrives is booked all the same."""
    attempt = lock(attempt)
    if attempt.state == AttemptState.CREATED:
        attempt.become(AttemptState.EXPIRED)
        attempt.save(update_fields=["state"])
    return attempt


@transaction.atomic
def count_decline(attempt: PaymentAttempt, *, event_id: str, at: datetime) -> list[PaymentAttempt]:
    """Count a declined card, once per event of Stripe, and return the checkouts to be closed now.

    After settings.GIVE_DECLINES declines, a checkout is closed. If they came from one address within an hour (which may
    have one more for each payment), so are all its checkouts, except those of donors who confirmed theirs by mail and
    whose cards were not declined.
    """
    Decline.objects.bulk_create([Decline(attempt=attempt, event_id=event_id, declined_at=at)], ignore_conflicts=True)
    unfinished = PaymentAttempt.objects.filter(state__in=UNFINISHED, session_id__isnull=False)
    declines, paid = limits.declines_of(attempt.address_hash, at=at), limits.paid_from(attempt.address_hash, at=at)
    if declines >= limits.allowed_declines(paid):
        from_there = unfinished.filter(address_hash=attempt.address_hash)
        return list(from_there.exclude(passed=limits.BY_MAIL) | from_there.filter(pk=attempt.pk))
    if attempt.declines.count() >= settings.GIVE_DECLINES:
        return list(unfinished.filter(pk=attempt.pk))
    return []


def open_checkouts() -> QuerySet[PaymentAttempt]:
    """Return the checkouts in which a donor can pay now, oldest first."""
    return PaymentAttempt.objects.filter(state=AttemptState.SESSION_OPEN).order_by("id")


def close_checkouts(attempts: Iterable[PaymentAttempt]) -> int:
    """Expire checkouts at Stripe, so that no card can be tried in them, and return how many.

    Call it outside any transaction; repeating it does no harm. A checkout that was paid meanwhile stays as it is.
    Raises PaymentProviderUnavailable.
    """
    closed = 0
    for attempt in attempts:
        assert attempt.session_id is not None
        try:
            gateway.expire_checkout_session(attempt.session_id, idempotency_key=f"donation:{attempt.pk}:expire")
        except (gateway.PaymentRefused, gateway.PaymentObjectMissing):
            continue  # it is not open any more; its events say what happened to it
        mine = PaymentAttempt.objects.filter(pk=attempt.pk, state=AttemptState.SESSION_OPEN)
        closed += mine.update(state=AttemptState.EXPIRED)
    return closed
