"""The page of the unsubscribe link in a mail. It works without script, cookies or signing in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from logistics.mail import readers, unsubscribing
from logistics.permissions import public_page

AGAIN = "again"


# Mail programs press the button themselves (RFC 8058), without a page of ours before and so without a token.
@csrf_exempt
@public_page
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether to stop mails of this kind, or stop them (POST). Scanners open links, so GET changes nothing."""
    email = unsubscribing.email_of(token)
    if email is None:
        return _page(request, {}, status=404)
    with translation.override(email.language):
        if request.method == "POST":
            act = unsubscribing.subscribe_again if AGAIN in request.POST else unsubscribing.unsubscribe
            act(email, at=timezone.now())
        return _page(
            request,
            {
                "kind": readers.name_of(email.kind),
                "to": email.to,
                "is_wanted": unsubscribing.is_wanted(email.kind, email.to),
                "was_changed": request.method == "POST",
            },
        )


def _page(request: HttpRequest, context: dict[str, object], *, status: int = 200) -> HttpResponse:
    response = render(request, "mail/unsubscribe.html", context, status=status)
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    add_never_cache_headers(response)
    return response
