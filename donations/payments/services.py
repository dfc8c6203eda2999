"""Payment attempts: start them, open the Stripe checkout, and record Stripe's results."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.payments import machine
from donations.payments.machine import RecordedPayment
from donations.payments.models import UNFINISHED, AttemptState, PaymentAttempt
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
    donation: Donation, *, number: int, description: str, address_hash: str, email_hash: str, at: datetime
) -> PaymentAttempt:
    """Create a payment attempt; `description` is shown to the donor at Stripe. Nothing is charged yet."""
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
    """Update our row. The first attempt that succeeds counts. The caller holds the gift's lock."""
    for name in FACTS:
        setattr(attempt, name, getattr(payment, name))
    if attempt.state != payment.state:
        attempt.become(payment.state)
    if attempt.state == AttemptState.SUCCEEDED and not attempt.counts:
        attempt.counts = not attempt.donation.attempts.filter(counts=True).exists()
    attempt.save(update_fields=["state", "counts", *FACTS])


def mark_counted(attempt: PaymentAttempt) -> None:
    """Make this the one payment that counts for its gift, instead of another. The caller holds the gift's lock."""
    attempts = PaymentAttempt.objects.filter(donation=attempt.donation_id)
    attempts.filter(counts=True).update(counts=False)
    attempts.filter(pk=attempt.pk).update(counts=True)
    attempt.counts = True


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
