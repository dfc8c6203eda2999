"""When a second factor is required, and what its owner, administrators and the operator do with it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from logistics.people import second_factor
from logistics.people import services as people
from logistics.people.models import User
from logistics.roles import Role
from tests.clients import client_of, key_client
from tests.logistics.sign_ins import (
    HTML,
    SECRET,
    START,
    code_at,
    give_password,
    invited,
    is_in,
    shown_secret,
    with_factor,
)
from tests.makers.moments import YEAR
from tests.makers.people import PASSWORD, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_earlier_guesses")]


@pytest.fixture
def _required(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.mark.usefixtures("_required")
class TestRequired:
    def test_the_first_sign_in_begins_the_time_of_grace(self, clock: Any) -> None:
        user = make_user(Role.WAREHOUSE)
        client, _answer = give_password(user)
        assert is_in(client)

        clock.shift(timedelta(days=14))

        client, _answer = give_password(user)
        assert not is_in(client)
        answer = client.get("/api/v1/me/", headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")
        assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/admin/set-up-second-factor/"

    def test_a_session_that_is_older_than_the_grace_is_refused(self, clock: Any) -> None:
        user = make_user(Role.WAREHOUSE, second_factor_due_at=START + timedelta(hours=1))
        client, _answer = give_password(user)
        assert is_in(client)

        clock.shift(timedelta(hours=2))

        assert not is_in(client)

    def test_after_setting_it_up_everything_opens(self, clock: Any) -> None:
        user = make_user(Role.WAREHOUSE, second_factor_due_at=START)
        client, _answer = give_password(user)
        secret = shown_secret(client)

        wrong = client.post("/admin/set-up-second-factor/", {"code": "000000"})
        assert (wrong.status_code, is_in(client)) == (200, False)
        page = client.post("/admin/set-up-second-factor/", {"code": code_at(START, secret)}).content.decode()

        codes = re.findall(r"\b(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}\b", page)
        assert len(set(codes)) == 10
        assert is_in(client)
        again, _answer = give_password(user)
        assert not is_in(again)
        again.post("/admin/code/", {"code": codes[-1]})
        assert is_in(again)

    def test_a_session_from_before_the_set_up_needs_the_code_too(self, clock: Any) -> None:
        user = make_user(Role.WAREHOUSE)
        thief, _answer = give_password(user)

        second_factor.set_up(user, SECRET, code_at(START), at=START)

        assert not is_in(thief)
        assert thief.get("/admin/set-up-second-factor/")["Location"] == "/admin/code/"

    def test_keys_of_programs_work_as_before(self, clock: Any) -> None:
        user = make_user(Role.WAREHOUSE, second_factor_due_at=START)
        key = people.make_key(user, name="scanner", valid=YEAR, by=None, at=START)

        assert key_client(key).get("/api/v1/me/").status_code == 200

    def test_a_new_password_is_no_way_around_it(self, clock: Any) -> None:
        user, _codes = with_factor()
        link = invited(user)
        new = "another-Passw0rd-of-mine"

        client = Client(headers=HTML)
        form = client.get(link, follow=True)
        answer = client.post(form.redirect_chain[-1][0], {"new_password1": new, "new_password2": new}, follow=True)
        assert "Your password is set." in answer.content.decode()
        assert not is_in(client)

        client, answer = give_password(user, password=new)
        assert answer["Location"] == "/admin/code/"
        assert not is_in(client)

    def test_it_cannot_be_switched_off_by_its_owner(self, clock: Any) -> None:
        user, _codes = with_factor()
        client, _answer = give_password(user)
        client.post("/admin/code/", {"code": code_at(START)})

        assert client.post("/admin/second-factor/", {"action": "remove"}).status_code == 403
        assert second_factor.is_set_up(user)

    def test_the_operator_can_remove_one(self, clock: Any, capsys: Any) -> None:
        user, _codes = with_factor()

        call_command("remove_second_factor", user.email.upper())

        assert not second_factor.is_set_up(user)
        with pytest.raises(CommandError):
            call_command("remove_second_factor", "nobody@example.org")

    def test_one_that_an_administrator_removed_must_be_set_up_again(self, clock: Any) -> None:
        user, _codes = with_factor()
        root = client_of(User.objects.create_superuser("root@example.org", PASSWORD, name="Root"))

        root.post(f"/admin/logistics/user/{user.pk}/remove-second-factor/")

        assert not second_factor.is_set_up(user)
        client, _answer = give_password(user)
        assert not is_in(client)
        assert shown_secret(client)


class TestOwnPage:
    def test_recovery_codes_can_be_renewed_and_the_factor_removed(self, clock: Any) -> None:
        user, codes = with_factor()
        client, _answer = give_password(user)
        client.post("/admin/code/", {"code": codes[0]})

        page = client.post("/admin/second-factor/", {"action": "renew"}).content.decode()
        assert codes[1] not in page
        assert second_factor.recovery_codes_left(user) == 10
        assert not second_factor.accept(user, codes[1], network="", at=START)
        client.post("/admin/second-factor/", {"action": "remove"})

        assert not second_factor.is_set_up(user)
        assert is_in(give_password(user)[0])
