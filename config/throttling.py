"""Limits on requests per caller, counted in the cache by one call."""

import logging
import time
from functools import cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import redis
from django.conf import settings
from django.utils.crypto import salted_hmac
from redis.commands.core import Script
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from logistics.visitors import address_of

if TYPE_CHECKING:  # DRF's views import this module
    from rest_framework.views import APIView

log = logging.getLogger(__name__)

# Each key lists when requests came, newest first. A request that is refused is not listed. Returned for each key: the
# oldest time if the request is one too many, otherwise nothing.
COUNT = """
local now, refused = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
    local most, seconds = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local oldest = redis.call('LINDEX', key, -1)
    while oldest and tonumber(oldest) <= now - seconds do
        redis.call('RPOP', key)
        oldest = redis.call('LINDEX', key, -1)
    end
    refused[i] = ''
    if redis.call('LLEN', key) >= most then
        refused[i] = oldest or ARGV[1]
    else
        redis.call('LPUSH', key, ARGV[1])
        redis.call('EXPIRE', key, seconds)
    end
end
return refused
"""


class Rate(NamedTuple):
    """At most so many requests in so many seconds, for what is counted under a key."""

    key: str
    most: int
    seconds: int


class CallerThrottle(BaseThrottle):
    """Limit requests per caller, a key or a user, else a network address; and those of a view's `throttle_scope`.

    If the cache is down, requests pass: a rate limit must not stop a partner's confirmation, and views that need a
    limit count in the database as well.
    """

    THROTTLE_RATES: ClassVar = SimpleRateThrottle.THROTTLE_RATES
    wait_s: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        limits, now = self.limits(request, view), time.time()
        about = [number for limit in limits for number in (limit.most, limit.seconds)]
        try:
            refused = _script()([limit.key for limit in limits], [repr(now), *about])
        except RedisError:
            log.warning("rate limit skipped: the cache does not answer")
            return True
        waits = [one.seconds - (now - float(oldest)) for one, oldest in zip(limits, refused, strict=True) if oldest]
        self.wait_s = max(waits, default=None)
        return not waits

    def wait(self) -> float | None:
        return self.wait_s

    def limits(self, request: Request, view: object) -> list[Rate]:
        is_known = bool(request.user and request.user.is_authenticated)
        who = f"user {request.user.pk}" if is_known else address_of(request)
        limits = [self._limit("caller" if is_known else "anonymous", "throttle", who)]
        scope = getattr(view, "throttle_scope", None)
        return [*limits, self._limit(scope, f"throttle {scope}", who)] if scope else limits

    def _limit(self, rate: str, salt: str, who: str) -> Rate:
        # Addresses are personal data: the cache holds only their keyed hash.
        return Rate(
            f"relief:rate:{salted_hmac(salt, who, algorithm='sha256').hexdigest()}", *_parsed(self.THROTTLE_RATES[rate])
        )


@cache
def _parsed(rate: str) -> tuple[int, int]:
    """Return the number and the seconds of a rate such as "120/min"."""
    most, _slash, period = rate.partition("/")
    return int(most), {"s": 1, "m": 60, "h": 3600, "d": 86400}[period[0]]


@cache
def _script() -> Script:
    """Return the script on this process's own client: it reconnects by itself, in a forked process too."""
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    return client.register_script(COUNT)
