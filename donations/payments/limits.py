"""What is counted against card testing: checkouts by IP address, by email and in total, and declined cards.

Counted in our own rows, so the limits hold while the cache is down, and before any call to Stripe. Beyond a limit,
donors pass a challenge (donations.challenges): nobody can close giving for others.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q

from donations.payments.models import AttemptState, Decline, PaymentAttempt

WINDOW: Final = timedelta(hours=1)
BY_MAIL: Final = "mail"  # PaymentAttempt.passed: by a link that only the owner of the email address gets


@dataclass(frozen=True, slots=True)
class Made:
    """What was done within the last hour: checkouts by this address, with this email, and in total; declined cards."""

    address: int
    email: int  # only those that the owner of the email can have started
    mailed: int  # of these, by a link that was mailed to the owner
    world: int
    unpaid: int  # checkouts of this address without a payment or a decline, of which we may hear later
    paid: int  # checkouts of this address
    declines: int  # of this address

    @property
    def has_declines(self) -> bool:
        """Return whether too many cards of this address were declined."""
        return self.declines >= allowed_declines(self.paid)

    @property
    def is_suspect(self) -> bool:
        """Return whether this address has had its cards: those declined, and those that may be tried in checkouts."""
        return self.declines + self.unpaid >= 2 * allowed_declines(self.paid)

    @property
    def is_over(self) -> bool:
        """Return whether any limit is passed, so that a challenge is needed."""
        limits = settings.GIVE_LIMITS
        return self.has_declines or any(getattr(self, name) >= limits[name] for name in ("address", "email", "world"))


def allowed_declines(paid: int) -> int:
    """Return how many declined cards an address may have: one more for each payment, as a school has many donors."""
    return int(settings.GIVE_DECLINES) + paid


def keyed_hash(kind: str, text: str) -> str:
    """Return a keyed hash of an address or email, 32 hex digits; "" for "". An `+alias` of an email is left out."""
    text = text.strip().lower()
    if kind == "email":
        name, at_sign, host = text.rpartition("@")
        text = f"{name.partition('+')[0] or name}{at_sign}{host}"
    if not text:
        return ""
    key = hashlib.sha256(f"donations.limits {kind} {settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def count(*, address_hash: str, email_hash: str, at: datetime) -> Made:
    """Count what was done within the last hour. Two queries.

    Concurrent requests from one address are serialised until their transactions end, so the second one counts the
    first. Anybody can type somebody else's email: a checkout counts for an email only if it came from this address, or
    by a link that was mailed to that email.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"give {address_hash or email_hash}"])
    from_here = Q(address_hash=address_hash) & ~Q(address_hash="")
    untried = Q(~Exists(Decline.objects.filter(attempt=OuterRef("pk"))))
    made = PaymentAttempt.objects.filter(created_at__gt=at - WINDOW).aggregate(
        address=Count("pk", filter=from_here),
        email=Count("pk", filter=Q(email_hash=email_hash) & (from_here | Q(passed=BY_MAIL))),
        mailed=Count("pk", filter=Q(email_hash=email_hash, passed=BY_MAIL)),
        world=Count("pk"),
        paid=Count("pk", filter=from_here & Q(state=AttemptState.SUCCEEDED)),
        unpaid=Count("pk", filter=from_here & ~Q(state=AttemptState.SUCCEEDED) & untried),
    )
    return Made(**made, declines=declines_of(address_hash, at=at))


def declines_of(address_hash: str, *, at: datetime) -> int:
    """Return how many cards of an address were declined within the last hour; 0 if the address is unknown."""
    if not address_hash:
        return 0
    return Decline.objects.filter(declined_at__gt=at - WINDOW, attempt__address_hash=address_hash).count()


def paid_from(address_hash: str, *, at: datetime) -> int:
    """Return how many of the checkouts that an address opened within the last hour were paid."""
    opened = PaymentAttempt.objects.filter(created_at__gt=at - WINDOW, address_hash=address_hash)
    return opened.filter(state=AttemptState.SUCCEEDED).count()
