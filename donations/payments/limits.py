"""Velocity limits: checkouts per IP address, per email and in total. Card testers try thousands.

Counted in our own rows, so they hold while the cache is down, and checked before any call to Stripe.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from donations.payments.models import PaymentAttempt
from logistics.errors import DomainError

WINDOW: Final = timedelta(hours=1)


class TooManyGifts(DomainError):
    """Too many payments were started within an hour, by this address, this email or in total."""

    code = "too_many_gifts"
    status = 429
    headers = {"Retry-After": "3600"}


def keyed_hash(kind: str, text: str) -> str:
    """Return a keyed hash of an address or email, 32 hex digits; "" for ""."""
    if not text:
        return ""
    key = hashlib.sha256(f"donations.limits {kind} {settings.SECRET_KEY}".encode()).digest()
    return hmac.new(key, text.strip().lower().encode(), hashlib.sha256).hexdigest()[:32]


def check(*, address_hash: str, email_hash: str, at: datetime) -> None:
    """Refuse another checkout beyond settings.GIVE_LIMITS. Raises TooManyGifts.

    Concurrent requests from one address are serialised, so the second one counts the first.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"give {address_hash or email_hash}"])
    limits = settings.GIVE_LIMITS
    made = PaymentAttempt.objects.filter(created_at__gt=at - WINDOW).aggregate(
        address=Count("pk", filter=Q(address_hash=address_hash) & ~Q(address_hash="")),
        email=Count("pk", filter=Q(email_hash=email_hash)),
        world=Count("pk"),
    )
    for name in ("address", "email", "world"):
        if made[name] >= limits[name]:
            raise TooManyGifts(
                _(
                    "To stop card fraud, we accept only a few gifts an hour from one place, and that limit has been"
                    " reached. Nothing was charged. Try again later, or write to us."
                ),
                retry_after_s=int(WINDOW.total_seconds()),
            )
