"""Dangerous acts ask for the password again, and for the code."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.utils import timezone

from logistics.people import services as people
from logistics.people.models import ApiKey
from logistics.roles import Role
from tests.clients import client_of, just_signed_in, key_client, once
from tests.logistics.sign_ins import code_at, give_password, with_factor
from tests.makers.moments import YEAR
from tests.makers.partners import make_partner
from tests.makers.people import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_earlier_guesses")]


def acts_of_the_admin() -> Iterator[tuple[str, Any]]:
    """Yield each button and action of the admin's pages with its view."""
    pages: dict[Any, Any] = admin.site._registry
    for model, page in pages.items():
        for name in (*page.actions, *page.actions_detail, *page.actions_row, *page.actions_list):
            if isinstance(name, str) and hasattr(page, name):
                yield f"{model._meta.model_name} {name}", getattr(page, name)


class TestRecentSignIn:
    def test_each_act_that_needs_it_asks_for_it(self) -> None:
        asking = {name for name, view in acts_of_the_admin() if getattr(view, "asks_again", False)}
        must = {
            name
            for name, _view in acts_of_the_admin()
            if re.search("refund|void|correct|reissue|issue_key|send_link|factor| reveal|refusedtext", name)
        }

        assert must == asking >= {"partner issue_key", "user send_link", "user remove_second_factor"}

    def test_after_five_minutes_a_page_asks_again_and_keeps_what_was_typed(self, clock: Any) -> None:
        coordinator, partner = make_user(Role.COORDINATOR), make_partner()
        client, _answer = give_password(coordinator)
        url, typed = f"/admin/logistics/partner/{partner.pk}/issue-key/", {"name": "phone", "valid_days": "30"}
        clock.shift(timedelta(minutes=5))

        page = client.post(url, typed).content.decode()
        assert "Confirm that it is you" in page
        held = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        assert typed.items() <= held.items()
        wrong = client.post(url, held | {"confirm_password": "guess"}).content.decode()
        assert "The password or the code is wrong." in wrong
        assert not ApiKey.objects.exists()
        client.post(url, held | {"confirm_password": PASSWORD})

        assert ApiKey.objects.get().name == "phone"
        client.post(url, {"name": "office", "valid_days": "30"})
        assert ApiKey.objects.count() == 2

    def test_the_code_is_asked_too(self, clock: Any) -> None:
        user, codes = with_factor(Role.COORDINATOR)
        client, _answer = give_password(user)
        client.post("/admin/code/", {"code": codes[0]})
        clock.shift(timedelta(minutes=6))
        url, form = f"/admin/logistics/partner/{make_partner().pk}/issue-key/", {"name": "phone", "valid_days": "30"}

        client.post(url, form | {"confirm_password": PASSWORD})
        client.post(url, form | {"confirm_password": PASSWORD, "confirm_code": codes[0]})
        assert not ApiKey.objects.exists()
        client.post(url, form | {"confirm_password": PASSWORD, "confirm_code": code_at(timezone.now())})

        assert ApiKey.objects.count() == 1

    def test_guesses_are_counted_and_what_was_typed_is_not_recorded(self, clock: Any) -> None:
        user = make_user(Role.COORDINATOR)
        client, _answer = give_password(user)
        clock.shift(timedelta(minutes=6))
        url = f"/admin/logistics/partner/{make_partner().pk}/issue-key/"

        statuses = [client.post(url, {"name": "Awa", "confirm_password": "guess"}).status_code for _ in range(5)]

        from axes.models import AccessAttempt

        assert statuses == [200, 200, 200, 200, 429]
        assert "Awa" not in str(AccessAttempt.objects.values())

    def test_the_page_leads_back(self, clock: Any) -> None:
        client, _answer = give_password(make_user(Role.FINANCE))

        for asked, then in (
            ("/admin/logistics/charity/", "/admin/logistics/charity/"),
            ("https://example.com/", "/admin/"),
        ):
            answer = client.post("/admin/confirm/", {"confirm_password": PASSWORD, "next": asked})

            assert (answer.status_code, answer["Location"]) == (302, then)

    def test_sessions_over_the_api_follow_the_same_rule_and_keys_are_not_asked(self, clock: Any) -> None:
        # Addresses are stricter: no key reads them (tests/logistics/test_sealed_addresses.py).
        user, partner = make_user(Role.COORDINATOR), make_partner()
        url, body = f"/api/v1/partners/{partner.pk}/keys/", {"name": "phone", "valid_days": 30}
        session = client_of(user)
        just_signed_in(session, minutes_ago=5)
        retried = once()

        refused = session.post(url, body, format="json", headers=retried)
        assert (refused.status_code, refused.json()["code"]) == (403, "sign_in_again")
        just_signed_in(session)
        assert session.post(url, body, format="json", headers=retried).json().get("code") != "sign_in_again"
        key = key_client(people.make_key(user, name="program", valid=YEAR, by=None, at=timezone.now()))
        assert key.post(url, body, format="json", headers=once()).json().get("code") != "sign_in_again"
