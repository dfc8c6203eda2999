from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


def address_of(request: HttpRequest | Request) -> str:
    """Return the network address that a request comes from, believing as many proxies as are ours."""
    return str(BaseThrottle().get_ident(request) or "")  # type: ignore[arg-type]  # reads META only
