"""Verify webhook signatures: `Stripe-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`.

Our own implementation, because Stripe's library accepts timestamps from the future, skips the time check for a
tolerance of 0, and raises other errors for bytes that are not UTF-8.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from logistics.errors import DomainError

TOLERANCE: Final = timedelta(seconds=300)
BODY_MAX: Final = 256 * 1024
HEADER_MAX: Final = 4096


class BadSignature(DomainError):
    """The body was not signed by Stripe for us, or not within five minutes of now."""

    code = "bad_signature"
    status = 400


def verify(body: bytes, header: str | None, secrets: Sequence[str], now: datetime) -> None:
    """Check that one of the secrets signed the body within five minutes of `now`, before or after.

    Raises BadSignature if not, and for a body of more than 256 KiB.
    """
    if len(body) > BODY_MAX:
        raise BadSignature(_("The body is longer than %(most)d bytes.") % {"most": BODY_MAX})
    signed_at, signatures = _read(header)
    signed = b"%d.%s" % (signed_at, body)
    expected = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets if secret]
    if not any(hmac.compare_digest(one, other) for one in expected for other in signatures):
        raise BadSignature(_("The signature does not match the body. Check the endpoint's signing secret."))
    if abs(now.timestamp() - signed_at) > TOLERANCE.total_seconds():
        raise BadSignature(_("The message was not signed within the last five minutes. Check this machine's clock."))


def _read(header: str | None) -> tuple[int, list[str]]:
    """Return the one timestamp and the v1 signatures of a header."""
    if not header or len(header) > HEADER_MAX:
        raise BadSignature(_("The Stripe-Signature header is missing or malformed."))
    parts = [part.split("=", 1) for part in header.split(",")]
    times = [part[1] for part in parts if len(part) == 2 and part[0] == "t"]
    # compare_digest raises TypeError for text that is not ASCII.
    signatures = [part[1] for part in parts if len(part) == 2 and part[0] == "v1" and part[1].isascii()]
    if len(times) != 1 or not re.fullmatch(r"[1-9][0-9]{0,11}", times[0]) or not signatures:
        raise BadSignature(_("The Stripe-Signature header is missing or malformed."))
    return int(times[0]), signatures
