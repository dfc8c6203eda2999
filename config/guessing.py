"""Limits on guessing secrets: passwords, API keys, and the links of gifts, papers and packages."""

import contextlib
import logging
from typing import NamedTuple

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from config import errors
from config.middleware import GetResponse
from logistics.visitors import address_of

log = logging.getLogger(__name__)

PASSWORD, KEY, LINK = "password", "key", "link"


class Limit(NamedTuple):
    """Wrong guesses allowed within a time, from one address and from all addresses together (0: no limit)."""

    each: int
    all: int
    seconds: int


# Pages whose answer is the form again (200) if the password or the code is wrong.
SIGN_IN_PAGES = ("admin:login", "admin:code", "admin:confirm")
KNOWN_SECONDS = 30 * 24 * 3600
LIMITS = {PASSWORD: Limit(20, 300, 600), KEY: Limit(60, 0, 60), LINK: Limit(60, 0, 60)}


class GuessingMiddleware:
    """Answer 429 after too many wrong guesses from one address.

    Wrong keys and links only get another answer: they cannot be guessed (128 random bits and more), and a program with
    the right key must not be locked out by another one behind the same address. Passwords can be guessed, and checking
    one is slow: over the limit, none is checked. django-axes, which counts by name and address, lets somebody try
    another name each time.

    If the cache is down, requests pass: a rate limit must not stop a partner's confirmation.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST" and request.path in map(reverse, SIGN_IN_PAGES):
            return self._sign_in(request)
        response = self.get_response(request)
        kind = _kind_of_wrong_secret(request, response)
        return _refusal(request, kind) if kind and _count(kind, request) else response

    def _sign_in(self, request: HttpRequest) -> HttpResponse:
        if _is_over(PASSWORD, request):
            return _refusal(request, PASSWORD)
        response = self.get_response(request)
        if response.status_code == 200:  # the form again: the password was wrong
            _count(PASSWORD, request)
        elif response.status_code == 302:
            _remember(request)
        return response


def _kind_of_wrong_secret(request: HttpRequest, response: HttpResponse) -> str:
    if response.status_code == 401 and getattr(request, "is_guess", False):  # set by ApiKeyAuthentication
        return KEY
    match = request.resolver_match
    return LINK if response.status_code == 404 and match and "token" in match.kwargs else ""


def _limits(kind: str, request: HttpRequest) -> dict[str, int]:
    """Return the names of the counters, and what they allow."""
    limit, address = LIMITS[kind], _hashed_address(request)
    return {f"guesses-{kind}-{address}": limit.each} | ({f"guesses-{kind}": limit.all} if limit.all else {})


def _hashed_address(request: HttpRequest) -> str:
    # Addresses are personal data: the cache holds only their keyed hash.
    return salted_hmac("guesses", address_of(request), algorithm="sha256").hexdigest()


def _is_over(kind: str, request: HttpRequest) -> bool:
    """Return whether no more guesses are allowed. Others' guesses do not count where somebody has signed in before."""
    allowed, known = _limits(kind, request), f"guesses-known-{_hashed_address(request)}"
    try:
        found = cache.get_many([*allowed, known])
    except RedisError:
        log.warning("limit on guesses skipped: the cache does not answer")
        return False
    if known in found:
        allowed.pop(f"guesses-{kind}", None)
    return any(found.get(name, 0) >= most for name, most in allowed.items())


def _count(kind: str, request: HttpRequest) -> bool:
    """Count a wrong guess, and return whether there are more than allowed."""
    allowed = _limits(kind, request)
    try:
        for name in allowed:
            cache.add(name, 0, timeout=LIMITS[kind].seconds)
        counts = {name: cache.incr(name) for name in allowed}
        return any(counts[name] > most for name, most in allowed.items())
    except RedisError:
        log.warning("limit on guesses skipped: the cache does not answer")
    except ValueError:  # it expired in between
        pass
    return False


def _remember(request: HttpRequest) -> None:
    with contextlib.suppress(RedisError):
        cache.set(f"guesses-known-{_hashed_address(request)}", 1, timeout=KNOWN_SECONDS)


def _refusal(request: HttpRequest, kind: str) -> HttpResponse:
    response = errors.answer(request, 429, errors.LOCKED_OUT if kind == PASSWORD else errors.TOO_MANY)
    response["Retry-After"] = str(LIMITS[kind].seconds)
    return response
