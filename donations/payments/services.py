"""Payment attempts: started here, sent to Stripe's page, and recorded as Stripe shows them."""

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

# Stripe allows 30 minutes to 24 hours from its own now.
CHECKOUT_LASTS: Final = timedelta(hours=23)
# With less than this left, Stripe opens no checkout any more.
CHECKOUT_MIN: Final = timedelta(minutes=31)
# Stripe sends a donor who paid back with this, often before its event: the page then says "being confirmed".
BACK_FROM_CHECKOUT: Final = "paid=1"
# What Stripe tells us of an attempt; the rest of RecordedPayment is what we asked for, and the state.
FACTS: Final = tuple(
    field.name for field in fields(RecordedPayment) if field.name not in ("amount_minor", "currency", "state")
)


def latest(donation: Donation) -> PaymentAttempt | None:
    """Return the last attempt at paying a gift, or None."""
    attempt = donation.attempts.order_by("-number").first()
    if attempt is not None:
        attempt.donation = donation
    return attempt


def start(
    donation: Donation, *, number: int, description: str, address_hash: str, email_hash: str, at: datetime
) -> PaymentAttempt:
    """Create an attempt at paying a gift; `description` is what the donor reads at Stripe. Nothing is charged yet."""
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
    """Open the page at Stripe on which the donor pays, and return the attempt with its `checkout_url`.

    Idempotent: asked again, Stripe returns the same page, because the key and all arguments come from our
    committed row. Call it outside any transaction. Raises PaymentProviderUnavailable; the gift then waits,
    and the same call later continues it.
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
    """Record the checkout session just opened for a new attempt, unless an event was faster.

    Raises Mismatch when the session is not for what we asked.
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
    """Return what our row says of an attempt."""
    return RecordedPayment(
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        state=AttemptState(attempt.state),
        **{name: getattr(attempt, name) for name in FACTS},
    )


def record(attempt: PaymentAttempt, payment: RecordedPayment) -> None:
    """Make our row say this. The first attempt that succeeds counts. The caller holds the lock of the gift."""
    for name in FACTS:
        setattr(attempt, name, getattr(payment, name))
    if attempt.state != payment.state:
        attempt.become(payment.state)
    if attempt.state == AttemptState.SUCCEEDED and not attempt.counts:
        attempt.counts = not attempt.donation.attempts.filter(counts=True).exists()
    attempt.save(update_fields=["state", "counts", *FACTS])


def let_count(attempt: PaymentAttempt) -> None:
    """Make this the payment by which its gift is received, in place of another. The caller holds the gift's lock."""
    attempts = PaymentAttempt.objects.filter(donation=attempt.donation_id)
    attempts.filter(counts=True).update(counts=False)
    attempts.filter(pk=attempt.pk).update(counts=True)
    attempt.counts = True


def overdue(at: datetime) -> QuerySet[PaymentAttempt]:
    """Attempts whose checkout should have ended by now, the oldest first."""
    late = PaymentAttempt.objects.filter(state__in=UNFINISHED, expires_at__lt=at)
    return late.select_related("donation").order_by("expires_at")


@transaction.atomic
def expire(attempt: PaymentAttempt) -> PaymentAttempt:
    """End an attempt whose checkout has expired; money that still arrives is booked all the same."""
    attempt = lock(attempt)
    if attempt.state == AttemptState.CREATED:
        attempt.become(AttemptState.EXPIRED)
        attempt.save(update_fields=["state"])
    return attempt
