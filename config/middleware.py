from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers


class PrivateByDefaultMiddleware:
    """No cache keeps an answer unless its view says that it may.

    Authenticated and per-donor answers must never come out of a shared cache; most
    of Django's caching advisories of 2026 start with a view that forgot to say so.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
            patch_vary_headers(response, ["Cookie", "Authorization"])
        return response
