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

from donations.payments.models import AttemptState, Decline, PaymentAttempt

WINDOW: Final = timedelta(hours=1)
BY_MAIL: Final = "mail"  # PaymentAttempt.passed: by a link that only the owner of the email address gets
# The figures of Made. By hand, because Django would take four milliseconds for each gift to write it.
COUNT: Final = """
    SELECT count(*) FILTER (WHERE is_from_here) AS address,
           count(*) FILTER (WHERE email_hash = %(email)s AND (is_from_here OR passed = %(by_mail)s)) AS email,
           count(*) FILTER (WHERE email_hash = %(email)s AND passed = %(by_mail)s) AS mailed,
           count(*) AS world,
           count(*) FILTER (WHERE is_from_here AND state <> %(succeeded)s AND NOT EXISTS (
               SELECT FROM donations_decline d WHERE d.attempt_id = made.id
           )) AS unpaid,
           count(*) FILTER (WHERE is_from_here AND state = %(succeeded)s) AS paid,
           (SELECT count(*) FROM donations_decline d JOIN donations_paymentattempt a ON a.id = d.attempt_id
            WHERE d.declined_at > %(since)s AND a.address_hash = %(address)s AND %(address)s <> '') AS declines
    FROM (
        SELECT id, email_hash, passed, state, address_hash = %(address)s AND address_hash <> '' AS is_from_here
        FROM donations_paymentattempt WHERE created_at > %(since)s
    ) AS made
"""


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
        cursor.execute(
            COUNT,
            {
                "address": address_hash,
                "email": email_hash,
                "by_mail": BY_MAIL,
                "succeeded": AttemptState.SUCCEEDED,
                "since": at - WINDOW,
            },
        )
        return Made(*cursor.fetchone())


def declines_of(address_hash: str, *, at: datetime) -> int:
    """Return how many cards of an address were declined within the last hour; 0 if the address is unknown."""
    if not address_hash:
        return 0
    return Decline.objects.filter(declined_at__gt=at - WINDOW, attempt__address_hash=address_hash).count()


def paid_from(address_hash: str, *, at: datetime) -> int:
    """Return how many of the checkouts that an address opened within the last hour were paid."""
    opened = PaymentAttempt.objects.filter(created_at__gt=at - WINDOW, address_hash=address_hash)
    return opened.filter(state=AttemptState.SUCCEEDED).count()
