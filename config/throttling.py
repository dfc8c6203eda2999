import logging
from typing import TYPE_CHECKING

from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle, SimpleRateThrottle

from logistics.visitors import address_of

if TYPE_CHECKING:  # DRF's views import this module
    from rest_framework.views import APIView

log = logging.getLogger(__name__)


class CallerThrottle(SimpleRateThrottle):
    """Limit requests per caller: a key or a user, else a network address.

    If the cache is down, requests pass: a rate limit must not stop a partner's confirmation.
    """

    scope = "caller"

    def get_cache_key(self, request: Request, view: object) -> str:
        if request.user and request.user.is_authenticated:
            self.rate, who = self.THROTTLE_RATES["caller"], f"user {request.user.pk}"
        else:
            self.rate, who = self.THROTTLE_RATES["anonymous"], address_of(request)
        self.num_requests, self.duration = self.parse_rate(self.rate)
        # Addresses are personal data: the cache holds only their keyed hash.
        return f"throttle-{salted_hmac('throttle', who, algorithm='sha256').hexdigest()}"

    def allow_request(self, request: Request, view: "APIView") -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError:
            log.warning("rate limit skipped: the cache does not answer")
            return True


class ScopedThrottle(ScopedRateThrottle):
    """Apply a view's `throttle_scope`; if the cache is down, requests pass, and views count in the database."""

    def get_cache_key(self, request: Request, view: object) -> str:
        who = f"user {request.user.pk}" if request.user and request.user.is_authenticated else address_of(request)
        return f"throttle-{salted_hmac(f'throttle {self.scope}', who, algorithm='sha256').hexdigest()}"

    def allow_request(self, request: Request, view: "APIView") -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError:
            log.warning("rate limit skipped: the cache does not answer")
            return True
