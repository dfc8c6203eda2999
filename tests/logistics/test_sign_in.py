"""Sign-in of staff with a second factor, through the pages and the API."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from logistics.audit.models import AuditEntry
from logistics.people import second_factor
from logistics.people import services as people
from logistics.people.models import RecoveryCode, SecondFactor
from logistics.roles import Role
from tests.logistics.sign_ins import HTML, SECRET, START, code_at, give_password, is_in, with_factor
from tests.makers.people import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_earlier_guesses")]


class TestCodes:
    def test_codes_are_those_of_the_standard(self) -> None:
        at = datetime.fromisoformat("1970-01-01T00:00:59+00:00")

        assert second_factor.set_up(make_user(), SECRET, "287 082", at=at)

    @pytest.mark.parametrize(("seconds", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
    def test_a_phones_clock_may_be_off_by_half_a_minute(self, clock: Any, seconds: int, accepted: bool) -> None:
        user, _codes = with_factor()

        code = code_at(START + timedelta(seconds=seconds))

        assert second_factor.accept(user, code, network="", at=START) == accepted

    def test_neither_the_secret_nor_recovery_codes_are_stored_in_the_clear(self, clock: Any) -> None:
        _user, codes = with_factor()

        stored = bytes(SecondFactor.objects.get().sealed)

        assert SECRET not in stored
        assert not {code.replace("-", "") for code in codes} & set(
            RecoveryCode.objects.values_list("sha256", flat=True)
        )


class TestSignIn:
    def test_without_a_second_factor_the_password_is_enough(self) -> None:
        client, answer = give_password(make_user(Role.FINANCE))

        assert (answer.status_code, answer["Location"]) == (302, "/admin/logistics/partner/")
        assert is_in(client)

    def test_with_one_the_password_opens_nothing(self, clock: Any) -> None:
        client, answer = give_password(with_factor()[0])

        assert (answer.status_code, answer["Location"]) == (302, "/admin/code/")
        assert not is_in(client)

    def test_the_code_does_and_leads_where_one_wanted_to_go(self, clock: Any) -> None:
        client, _answer = give_password(with_factor()[0])

        answer = client.post("/admin/code/", {"code": code_at(START)})

        assert (answer.status_code, answer["Location"]) == (302, "/admin/logistics/partner/")
        assert is_in(client)

    def test_codes_still_work_when_the_secrets_were_rotated_and_the_old_key_is_gone(
        self, clock: Any, settings: Any
    ) -> None:
        users = [with_factor()[0], with_factor(Role.FINANCE)[0]]
        new = Fernet.generate_key().decode()
        settings.FIELD_KEYS = [new, *settings.FIELD_KEYS]
        out = StringIO()

        call_command("rotate_field_keys", stdout=out)
        settings.FIELD_KEYS = [new]
        clients = [give_password(user)[0] for user in users]
        answers = [client.post("/admin/code/", {"code": code_at(START)}) for client in clients]

        assert "2 second factors" in out.getvalue()
        assert [answer.status_code for answer in answers] == [302, 302]
        assert all(is_in(client) for client in clients)

    def test_a_code_works_once(self, clock: Any) -> None:
        user, _codes = with_factor()
        for client, works in ((give_password(user)[0], True), (give_password(user)[0], False)):
            answer = client.post("/admin/code/", {"code": code_at(START)})

            assert (answer.status_code == 302, is_in(client)) == (works, works)

        assert "This code is wrong or was used before." in answer.content.decode()

    def test_a_recovery_code_works_once(self, clock: Any) -> None:
        user, codes = with_factor()
        for client, works in ((give_password(user)[0], True), (give_password(user)[0], False)):
            client.post("/admin/code/", {"code": codes[0].lower()})

            assert is_in(client) == works

        assert second_factor.recovery_codes_left(user) == 9
        assert AuditEntry.objects.filter(verb="recovery code used", subject_id=user.pk).count() == 1

    def test_the_code_must_follow_within_ten_minutes(self, clock: Any) -> None:
        client, _answer = give_password(with_factor()[0])

        clock.shift(timedelta(minutes=11))
        client.post("/admin/code/", {"code": code_at(timezone.now())})

        assert not is_in(client)

    def test_nobody_gives_a_code_without_the_password(self, clock: Any) -> None:
        client = Client(headers=HTML)
        with_factor()

        assert client.post("/admin/code/", {"code": code_at(START)})["Location"] == "/admin/login/"

    @pytest.mark.parametrize("changes", [{"is_active": False}, {"ends_at": START}])
    def test_whoever_leaves_in_between_does_not_get_in(self, clock: Any, changes: Any) -> None:
        user, _codes = with_factor()
        client, _answer = give_password(user)

        people.change_user(user, changes, by=None, at=START)

        assert client.post("/admin/code/", {"code": code_at(START)})["Location"] == "/admin/login/"
        assert not is_in(client)


class TestGuessing:
    def test_five_wrong_codes_lock_out_the_guesser_but_not_the_owner(self, clock: Any) -> None:
        user, _codes = with_factor()
        thief, _answer = give_password(user, "203.0.113.66")

        statuses = [thief.post("/admin/code/", {"code": "000000"}).status_code for _ in range(6)]
        thief.post("/admin/code/", {"code": code_at(START)})

        assert statuses == [200, 200, 200, 200, 429, 429]
        assert not is_in(thief)
        assert give_password(user, "203.0.113.66")[1].status_code == 429
        owner, _answer = give_password(user)
        owner.post("/admin/code/", {"code": code_at(START)})
        assert is_in(owner)

    def test_the_right_password_again_gives_no_further_guesses(self, clock: Any) -> None:
        user, _codes = with_factor()

        statuses = []
        for _ in range(6):
            thief, _answer = give_password(user)
            statuses.append(thief.post("/admin/code/", {"code": "000000"}).status_code)

        assert 429 in statuses

    def test_guessing_from_many_networks_is_bounded_too(self, clock: Any) -> None:
        user, codes = with_factor()
        owner, _answer = give_password(user, "198.51.100.1")
        owner.post("/admin/code/", {"code": code_at(START)})
        clock.shift(60)
        for number in range(second_factor.WRONG_MAX):
            give_password(user, f"203.0.113.{number}")[0].post("/admin/code/", {"code": "000000"})

        right = {"code": code_at(timezone.now())}
        thief, _answer = give_password(user, "203.0.113.200")
        thief.post("/admin/code/", right)
        assert not is_in(thief)
        owner, _answer = give_password(user, "198.51.100.1")  # where the owner has signed in before
        owner.post("/admin/code/", right)
        assert is_in(owner)
        travelling, _answer = give_password(user, "192.0.2.1")  # elsewhere: a recovery code cannot be guessed
        travelling.post("/admin/code/", {"code": codes[3]})
        assert is_in(travelling)
