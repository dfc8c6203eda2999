"""Every form in the code is submitted by a browser test."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver

from logistics.people.models import User
from logistics.roles import Role
from tests.browser.claims import claimed
from tests.browser.visitor import CHECKOUT

ROOT = Path(__file__).resolve().parents[2]
# These views treat all methods alike and read nothing from the body.
NO_FORMS = {"health", "home", "metrics"}
# Forms of Django's admin site that do not belong to a model.
SITE = {
    *("admin:login", "admin:code", "admin:confirm", "admin:logout", "admin:password_change", "admin:set_password"),
    *("admin:set_up_second_factor", "admin:second_factor renew", "admin:second_factor remove"),
}


def forms_of_pages() -> set[str]:
    """Return each page outside the admin and the API that takes a POST."""
    found = set()
    for pattern in get_resolver().url_patterns:
        inner = [pattern] if isinstance(pattern, URLPattern) else pattern.url_patterns
        for page in inner:
            if not isinstance(page, URLPattern) or str(pattern.pattern).startswith(("api/", "admin/")):
                continue
            path = "/" + re.sub(r"<\w+:\w+>", "none", str(page.pattern))
            if Client().post(path, headers={"accept": "text/html"}).status_code != 405:
                found.add(str(page.name))
    return found - NO_FORMS


def forms_of_admin() -> set[str]:
    """Return each form of the admin: to add, change, delete and search rows, and actions."""
    found = set(SITE)
    for user in [User(is_superuser=True), *(User(roles=[role]) for role in Role)]:
        request: Any = RequestFactory().get("/admin/")
        request.user = user
        for model, page in admin.site._registry.items():
            found |= {f"admin:{model._meta.app_label}_{model._meta.model_name}_{act}" for act in acts(page, request)}
    return found


def acts(page: Any, request: Any) -> Iterator[str]:
    if page.has_add_permission(request):
        yield "add"
    if page.has_change_permission(request):
        yield "change"
    if page.has_delete_permission(request):
        yield "delete"
    if page.search_fields and page.has_view_permission(request):
        yield "changelist search"
    if page.has_view_permission(request):
        yield from (f"changelist {name}" for name in page.get_actions(request))
        yield from page.actions_detail


@pytest.mark.django_db
def test_every_form_of_the_product_is_submitted_in_a_browser() -> None:
    # A second button of the giving form; the stand-in's page.
    beside = {"give-to show", CHECKOUT}

    assert forms_of_pages() | forms_of_admin() | beside == claimed()


def test_every_template_with_a_form_is_known() -> None:
    """This finds a form in a template that posts to a page which already has one."""
    written = {
        path.relative_to(ROOT).name: len(re.findall(r"<form\b", path.read_text()))
        for app in ("donations", "logistics", "shipments")
        for path in ROOT.glob(f"{app}/templates/**/*.html")
        if "<form" in path.read_text()
    }

    assert written == {
        "action.html": 1,
        "ask.html": 1,
        "challenge.html": 1,
        "code.html": 1,
        "confirm.html": 1,
        "enter.html": 1,
        "gift.html": 1,
        "give_to.html": 1,
        "issue_key.html": 1,
        "my_gifts.html": 1,
        "open.html": 1,
        "refused_text.html": 2,
        "sealed.html": 1,
        "second_factor.html": 2,
        "set_password.html": 1,
        "set_up.html": 1,
        "sign_in.html": 1,
        "unsubscribe.html": 2,
    }
