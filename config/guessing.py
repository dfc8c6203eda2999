"""Limits on guessing secrets: passwords, API keys, and the links of gifts, papers and packages."""

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


LIMITS = {PASSWORD: Limit(20, 300, 600), KEY: Limit(60, 0, 60), LINK: Limit(60, 0, 60)}


class GuessingMiddleware:
    """Answer 429 after too many wrong guesses from one address.

    Wrong keys and links only get another answer: they cannot be guessed (128 random bits and more), and a program with
    the right key must not be locked out by another one behind the same address. Passwords can be guessed, and checking
    one is dear: over the limit, none is checked. django-axes, which counts by name and address, lets somebody try
    another name each time.

    If the cache is down, requests pass: a rate limit must not stop a partner's confirmation.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_sign_in = request.method == "POST" and request.path == reverse("admin:login")
        if is_sign_in and _counted(PASSWORD, request, more=0):
            return _refusal(request, PASSWORD)
        response = self.get_response(request)
        kind = PASSWORD if is_sign_in and response.status_code != 302 else _kind_of_wrong_secret(request, response)
        if kind and _counted(kind, request, more=1) and kind != PASSWORD:
            return _refusal(request, kind)
        return response


def _kind_of_wrong_secret(request: HttpRequest, response: HttpResponse) -> str:
    if response.status_code == 401 and request.headers.get("Authorization"):
        return KEY
    match = request.resolver_match
    return LINK if response.status_code == 404 and match and "token" in match.kwargs else ""


def _counted(kind: str, request: HttpRequest, *, more: int) -> bool:
    """Count wrong guesses, and return whether there are more than allowed."""
    limit = LIMITS[kind]
    # Addresses are personal data: the cache holds only their keyed hash.
    address = salted_hmac("guesses", address_of(request), algorithm="sha256").hexdigest()
    allowed = {f"guesses-{kind}-{address}": limit.each}
    if limit.all:
        allowed[f"guesses-{kind}"] = limit.all
    try:
        if not more:
            return any(count >= allowed[key] for key, count in cache.get_many(allowed).items())
        for key in allowed:
            cache.add(key, 0, timeout=limit.seconds)
        counts = {key: cache.incr(key, more) for key in allowed}
        return any(counts[key] > most for key, most in allowed.items())
    except RedisError:
        log.warning("limit on guesses skipped: the cache does not answer")
    except ValueError:  # it expired in between
        pass
    return False


def _refusal(request: HttpRequest, kind: str) -> HttpResponse:
    response = errors.answer(request, 429, errors.LOCKED_OUT if kind == PASSWORD else errors.TOO_MANY)
    response["Retry-After"] = str(LIMITS[kind].seconds)
    return response
