"""Helpers that fill in and read the donors' pages."""

import re
from typing import Any

from tests.donations.giving import Giving, mails

FORM = {
    "currency": "HKD",
    "amount": "500.50",
    "name": "Chan Tai Man",
    "email": "taiman@example.org",
    "country": "HK",
    "message": "For the school",
    "consent": "on",
}


def text_of(answer: Any) -> str:
    return answer.content.decode()


def check_page(answer: Any) -> str:
    """Check what holds for every page: small, no script, no style that the CSP would block."""
    html = text_of(answer)
    assert len(answer.content) < 50_000
    assert "<script" not in html and "style=" not in html and "onclick" not in html
    nonce = re.search(r'<style nonce="([^"]+)"', html)
    assert nonce and f"'nonce-{nonce[1]}'" in answer["Content-Security-Policy"]
    # The giving page and answers to forms may be kept by the browser, so that its Back button can show them again.
    request = answer.wsgi_request
    is_kept = request.method == "POST" or request.resolver_match.url_name == "give-to"
    kept = "no-cache" if is_kept else "no-store"
    assert {"private", kept} <= set(answer["Cache-Control"].split(", "))
    return html


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', html) or re.search(
        rf'value="([^"]*)"[^>]*name="{name}"', html
    )
    assert found, name
    return found[1]


def ask(giving: Giving, email: str) -> str:
    answer = giving.client.post("/my-gifts/", {"email": email})
    assert answer.status_code == 200
    giving.work()
    return re.sub(r'(nonce|value)="[^"]+"', "", check_page(answer))


def link_in_last_mail() -> str:
    found = re.search(r"http://localhost:8000(/my-gifts/in/\S+)", mails()[-1].body)
    assert found
    return found[1]
