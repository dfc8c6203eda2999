"""Where a request comes from: limits, locks against guessing and donors' limits all ask here, so that they agree."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def address_of(request: HttpRequest | Request) -> str:
    """Return the network address that a request comes from, believing as many proxies as are ours.

    Each proxy appends to X-Forwarded-For whom it saw, so the last TRUSTED_PROXIES entries are theirs and
    what stands before them anybody may have written. Empty when no address is known, as behind a socket.
    """
    told = [part for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    trusted = told[-settings.TRUSTED_PROXIES :] if settings.TRUSTED_PROXIES else []
    return next(filter(None, map(_address, [*trusted[:1], request.META.get("REMOTE_ADDR", "")])), "")


def _address(text: str) -> str:
    """Return the address in one spelling, or nothing; some proxies append a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return ""
