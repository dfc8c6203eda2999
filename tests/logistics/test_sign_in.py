"""Sign-in of staff with a second factor, through the pages and the API; and what needs a recent sign-in."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from axes.utils import reset
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib import admin
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from logistics.audit.models import AuditEntry
from logistics.people import second_factor
from logistics.people import services as people
from logistics.people.models import ApiKey, RecoveryCode, SecondFactor, User
from logistics.roles import Role
from tests.clients import client_of, just_signed_in, key_client, once
from tests.makers.moments import YEAR
from tests.makers.partners import make_partner
from tests.makers.people import PASSWORD, make_user

pytestmark = pytest.mark.django_db
SECRET = b"12345678901234567890"  # of RFC 6238's test vectors
START = datetime.fromisoformat("2026-11-27T09:00:00+00:00")
HTML = {"Accept": "text/html"}


@pytest.fixture(autouse=True)
def _no_earlier_guesses() -> None:
    reset()
    cache.clear()


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def _required(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


def code_at(at: datetime, secret: bytes = SECRET) -> str:
    return TOTP(secret, 6, SHA1(), 30).generate(int(at.timestamp())).decode()


def with_factor(*roles: Role) -> tuple[User, list[str]]:
    """Return a user whose second factor was set up an hour ago, and the recovery codes."""
    user, before = make_user(*roles or (Role.COORDINATOR,)), timezone.now() - timedelta(hours=1)
    return user, second_factor.set_up(user, SECRET, code_at(before), at=before)


def give_password(user: User, address: str = "203.0.113.5", password: str = PASSWORD) -> tuple[Client, Any]:
    client = Client(headers=HTML, REMOTE_ADDR=address)
    return client, client.post(
        "/admin/login/?next=/admin/logistics/partner/", {"username": user.email, "password": password}
    )


def is_in(client: Client) -> bool:
    """Return whether the session opens the admin; the API must agree."""
    opens = client.get("/admin/").status_code == 200
    assert opens == (client.get("/api/v1/me/", headers={"Accept": "*/*"}).status_code == 200)
    return opens


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
            if re.search("refund|void|issue_key|send_link|factor| reveal|refusedtext", name)
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
        # Addresses are stricter: no key reads them (tests/logistics/test_partners.py).
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


def shown_secret(client: Client) -> bytes:
    """Return the secret that the set-up page shows for typing."""
    import base64

    page = client.get("/admin/set-up-second-factor/").content.decode()
    found = re.search(r"\b(?:[A-Z2-7]{4}-){7}[A-Z2-7]{4}\b", page)
    assert found, page
    return base64.b32decode(found[0].replace("-", ""))


def invited(user: User) -> str:
    """Return the path of the link that was mailed to this user."""
    from logistics.mail.models import Email

    root = User.objects.create_superuser("root@example.org", PASSWORD, name="Root")
    people.send_link(user, by=root, at=timezone.now())
    found = re.search(r"/admin/password/\S+", Email.objects.get(to=user.email).body)
    assert found
    return found[0]
