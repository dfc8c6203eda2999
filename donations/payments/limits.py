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

from donations.payments.models import UNFINISHED, AttemptState, Decline, PaymentAttempt

WINDOW: Final = timedelta(hours=1)
BY_MAIL: Final = "mail"  # PaymentAttempt.passed: by a link that only the owner of the email address gets


@dataclass(frozen=True, slots=True)
class Made:
    """What was done within the last hour: checkouts by this address, with this email, and in total; declined cards."""

    address: int
    email: int  # only those that the owner of the email can have started
    mailed: int  # of these, by a link that was mailed to the owner
    world: int
    open: int  # checkouts of this address in which no card was declined yet, but may be
    paid: int  # checkouts of this address
    declines: int  # of this address

    @property
    def has_declines(self) -> bool:
        """Return whether too many cards of this address were declined."""
        return self.declines >= int(settings.GIVE_DECLINES)

    @property
    def is_suspect(self) -> bool:
        """Return whether this address has had its cards: ten declined ones, or checkouts in which they may be tried.

        An address of many donors, such as a school's, has more: two for each payment.
        """
        allowed = 2 * (settings.GIVE_DECLINES + self.paid)
        return self.declines > 0 and self.declines + self.open >= allowed

    @property
    def is_over(self) -> bool:
        """Return whether any limit is passed, so that a challenge is needed."""
        limits = settings.GIVE_LIMITS
        return self.has_declines or any(getattr(self, name) >= limits[name] for name in ("address", "email", "world"))


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
        open=Count("pk", filter=from_here & Q(state__in=UNFINISHED) & untried),
    )
    return Made(**made, declines=declines_of(address_hash, at=at))


def declines_of(address_hash: str, *, at: datetime) -> int:
    """Return how many cards of an address were declined within the last hour; 0 if the address is unknown."""
    if not address_hash:
        return 0
    return Decline.objects.filter(declined_at__gt=at - WINDOW, attempt__address_hash=address_hash).count()
