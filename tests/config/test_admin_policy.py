"""The admin's content security policy: which styles and scripts of a page a browser applies."""

import base64
import hashlib
import re

import pytest
from django.contrib import admin
from django.urls import reverse

from config.admin_theme import STYLE_HASHES
from logistics.roles import STAFF_ROLES
from tests.clients import client_of
from tests.makers.people import make_user

ELEMENTS = re.compile(r"<(script|style)\b([^>]*)>(.*?)</\1>", re.DOTALL)


def rules_of(answer: object) -> dict[str, list[str]]:
    policy = answer["Content-Security-Policy"]  # type: ignore[index]
    return {name: sources for name, *sources in (rule.split() for rule in policy.split(";") if rule.strip())}


def is_allowed(kind: str, attributes: str, text: str, rules: dict[str, list[str]]) -> bool:
    if "src=" in attributes or "application/json" in attributes:
        return True
    sources = rules["style-src-elem" if kind == "style" else "script-src"]
    nonce = re.search(r'nonce="([^"]+)"', attributes)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'" in sources or (nonce is not None and f"'nonce-{nonce[1]}'" in sources)


@pytest.mark.django_db
def test_every_style_element_and_inline_script_of_the_admin_is_known() -> None:
    client, refused, seen = client_of(make_user(*STAFF_ROLES)), [], 0
    names = [f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry]

    for name in ("admin:index", *names):
        answer = client.get(reverse(name))
        for kind, attributes, text in ELEMENTS.findall(answer.content.decode()):
            seen += 1
            if not is_allowed(kind, attributes, text, rules_of(answer)):
                refused.append((name, kind, text[:80]))

    assert refused == []
    assert seen > len(names)


@pytest.mark.django_db
def test_an_injected_style_element_or_script_is_refused() -> None:
    rules = rules_of(client_of(make_user(*STAFF_ROLES)).get("/admin/"))

    for kind in ("style", "script"):
        assert not is_allowed(kind, "", "input[value^=a] { background: url(/a) }", rules)
    assert "'unsafe-inline'" not in rules["script-src"] + rules["style-src-elem"]
    assert set(STYLE_HASHES) <= set(rules["style-src-elem"])
    assert rules["style-src-attr"] == ["'unsafe-inline'"]
