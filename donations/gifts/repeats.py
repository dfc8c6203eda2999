"""A form that is sent again: twice, after going back, from another tab. It stays one gift, which may change until paid.

The giving page has a random token, the same in all tabs of a browser. With the appeal and the email it names the gift.
"""

import re
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from donations.gifts.models import Donation
from donations.payments import limits
from donations.payments import services as payments
from donations.payments.models import AttemptState

KEPT: Final = timedelta(days=1)  # after that, the same form makes another gift of a paid one
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,64}")
# Of an unpaid gift these may change; the email and the appeal are those of its key.
CHANGEABLE: Final = (
    "donor", "amount_minor", "currency", "language", "anonymous", "message", "consent_text", "consent_version",
)  # fmt: skip


class AlreadyGiven(Exception):
    """This form has made a gift that is paid, or is being paid; another payment would be a mistake."""

    def __init__(self, donation: Donation) -> None:
        super().__init__()
        self.donation = donation


def key_of(token: str, *, appeal: str, email: str) -> str:
    """Return the key of a gift; "" without a token, as over the API, where the Idempotency-Key does the same."""
    if not TOKEN.fullmatch(token):
        return ""
    return limits.keyed_hash("form", f"{token} {appeal} {email.strip()}")


def wait_for(key: str) -> None:
    """Let one request with this form go on at a time, until its transaction ends: the next one finds the gift."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"form {key}"])


def made_with(key: str, *, at: datetime) -> Donation | None:
    """Return the unpaid gift of this form, else the one that it made last, within a day."""
    if not key:
        return None
    found = list(Donation.objects.filter(form_key=key).select_related("donor", "appeal").order_by("-id")[:20])
    unpaid = [donation for donation in found if donation.status == Donation.Status.PENDING]
    return next((one for one in unpaid + found if one in unpaid or one.created_at > at - KEPT), None)


def differs(donation: Donation, wanted: Donation) -> list[str]:
    """Return the fields in which a gift differs from the one that is wanted now."""
    return [name for name in CHANGEABLE if getattr(donation, name) != getattr(wanted, name)]


def change(donation: Donation, wanted: Donation) -> None:
    """Let an unpaid gift be the one that is wanted now. The caller holds its lock.

    Raises AlreadyGiven if the former amount can still be paid: close its checkout first (`let_go`).
    """
    changed = differs(donation, wanted)
    if not is_of(donation, wanted.amount_minor, wanted.currency):
        check_not_being_paid(donation)
    for name in changed:
        setattr(donation, name, getattr(wanted, name))
    if changed:
        donation.save(update_fields=changed)


def let_go(donation: Donation, *, amount_minor: int, currency: str) -> None:
    """Close the open checkout of an unpaid gift whose amount is to change, so that the former one cannot be paid.

    Call it outside any transaction. A checkout that is being paid stays as it is. Raises PaymentProviderUnavailable.
    """
    if donation.status != Donation.Status.PENDING:
        return
    if is_of(donation, amount_minor, currency):
        return
    attempt = payments.latest(donation)
    if attempt is None or not attempt.is_unfinished:
        return
    if attempt.state == AttemptState.SESSION_OPEN:
        payments.close_checkouts([attempt])
    elif attempt.state == AttemptState.CREATED:
        payments.expire(attempt)  # its checkout was never shown to anybody


def is_of(donation: Donation, amount_minor: int, currency: str) -> bool:
    return (donation.amount_minor, donation.currency) == (amount_minor, currency)


def check_not_being_paid(donation: Donation) -> None:
    """Raise AlreadyGiven if its present amount can still be paid, or is being paid."""
    attempt = payments.latest(donation)
    if attempt is not None and attempt.is_unfinished:
        raise AlreadyGiven(donation)
