"""The page of a driver's link. It works without script and cookies, on an old phone."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language, ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from logistics.partners.addresses import Address
from logistics.permissions import public_page
from shipments.reveals import services
from shipments.reveals.models import Reveal

# Whoever knows the secret address may open it and press the button; who does not, cannot send the form. Browsers hide
# the origin of a form on a page without referrer, so a CSRF token would refuse the driver and protect nothing.
ANSWERS = ("GET", "HEAD", "POST")


@csrf_exempt
@public_page
@require_http_methods(ANSWERS)
def drivers_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the link is about, and a button; only the button (POST) shows the address, once."""
    chosen = request.GET.get("language", "")
    language = chosen if chosen in dict(settings.LANGUAGES) else get_language() or "en"
    with translation.override(language):
        return _answer(request, token, at=timezone.now())


def _answer(request: HttpRequest, token: str, *, at: datetime) -> HttpResponse:
    reveal = services.find(token)
    if reveal is None:
        return _page(request, "ended", status=404)  # counted as a guess (config.guessing)
    if request.method != "POST":
        if services.works(reveal, at=at):
            return _page(request, "open", reveal=reveal, remaining=_remaining(reveal, at))
        return _page(request, "ended", status=410)
    try:
        address = services.see(reveal, at=at)
    except services.DriversLinkEnded:
        return _page(request, "ended", status=410)
    return _page(request, "shown", reveal=reveal, address=address)


def _page(
    request: HttpRequest,
    name: str,
    *,
    status: int = 200,
    reveal: Reveal | None = None,
    address: Address | None = None,
    remaining: str = "",
) -> HttpResponse:
    shown = {"reveal": reveal, "address": address, "remaining": remaining}
    response = render(request, f"shipments/reveals/{name}.html", shown, status=status)
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    add_never_cache_headers(response)
    return response


def _remaining(reveal: Reveal, at: datetime) -> str:
    """Return how long the link still works. Not until when: the driver's time zone is unknown."""
    minutes = int((reveal.expires_at - at).total_seconds() // 60)
    if minutes >= 60:
        return ngettext("%(count)d hour", "%(count)d hours", minutes // 60) % {"count": minutes // 60}
    return ngettext("%(count)d minute", "%(count)d minutes", max(minutes, 1)) % {"count": max(minutes, 1)}
