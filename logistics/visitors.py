"""The network address of a request, for rate limits, sign-in lockout and limits on gifts alike."""

from ipaddress import IPv4Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def address_of(request: HttpRequest | Request) -> str:
    """Return the network address of a request, trusting TRUSTED_PROXIES proxies; of IPv6, the first of its /64.

    A /64 is what one household or one rented server gets, all of whose addresses its owner may use at will.

    Each proxy appends the address it saw to X-Forwarded-For, so the last TRUSTED_PROXIES entries are reliable and
    the ones before may be forged. Empty if no address is known, as behind a socket.
    """
    forwarded = [part for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    trusted = forwarded[-settings.TRUSTED_PROXIES :] if settings.TRUSTED_PROXIES else []
    return next(filter(None, map(_address, [*trusted[:1], request.META.get("REMOTE_ADDR", "")])), "")


def _address(text: str) -> str:
    """Return the limited address in canonical form, or "" if invalid; some proxies append a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False).network_address)
