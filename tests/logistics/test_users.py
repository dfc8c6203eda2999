"""Users are managed in the admin: by administrators, within their own rights, never themselves."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from logistics.audit.models import AuditEntry
from logistics.mail.models import Email
from logistics.people import services as people
from logistics.people.models import User, UserFields
from logistics.roles import Role
from tests.clients import client_of, just_signed_in, key_client
from tests.makers.charity import make_charity
from tests.makers.moments import YEAR
from tests.makers.people import PASSWORD, make_user

pytestmark = pytest.mark.django_db
START = datetime.fromisoformat("2026-11-27T09:00:00+00:00")
USERS = "/admin/logistics/user/"
NEW = "another-Passw0rd-of-theirs"
EMPTY_END = {"ends_at": ""}


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as clock:
        yield clock


def administrator(*roles: Role) -> User:
    return make_user(Role.ADMINISTRATOR, *roles, name="Ada")


def form_of(user: User, **changes: Any) -> dict[str, Any]:
    shown = {"name": user.name, "language": user.language, "roles": user.roles, "is_active": "on", **EMPTY_END}
    return {name: value for name, value in (shown | changes).items() if value is not None}


def change(by: User, user: User, **changes: Any) -> int:
    return client_of(by).post(f"{USERS}{user.pk}/change/", form_of(user, **changes)).status_code


def invite(by: User, *roles: Role, **more: str) -> Any:
    fields = {"email": "new@example.org", "name": "New", "language": "fr", "roles": list(roles), **EMPTY_END}
    return client_of(by).post(f"{USERS}add/", fields | more)


def link_to(email: str) -> str:
    mail = Email.objects.filter(to=email).order_by("id").last()
    assert mail
    found = re.search(r"/admin/password/\S+", mail.body)
    assert found, mail.body
    return found[0]


def set_password(link: str, password: str = NEW) -> Any:
    client = Client()
    page = client.get(link, follow=True)
    where = page.redirect_chain[-1][0] if page.redirect_chain else link
    return client.post(where, {"new_password1": password, "new_password2": password}, follow=True)


def errors_of(answer: Any) -> Any:
    return {**answer.context["adminform"].form.errors}


class TestInvitation:
    def test_its_language_is_chosen_by_name(self) -> None:
        page = client_of(administrator()).get("/admin/logistics/user/add/").content.decode()

        choices = re.search(r'<select name="language".*?</select>', page, re.DOTALL)
        assert choices and re.findall(r"<option value=\"(\w*)\"[^>]*>([^<]*)<", choices[0]) == settings.LANGUAGES

    def test_an_administrator_invites_staff_who_set_their_password_once(self) -> None:
        answer = invite(administrator(Role.FINANCE), Role.FINANCE)

        assert answer.status_code == 302, re.findall(r"errorlist.*", answer.content.decode())
        made = User.objects.get(email="new@example.org")
        assert (made.roles, made.has_usable_password()) == (["finance"], False)
        assert Email.objects.get().language == "fr"
        assert Email.objects.get().subject == "Choisissez votre mot de passe"
        link = link_to(made.email)
        assert [*set_password(link, "Password1234!").context["form"].errors] == ["new_password1"]
        key = people.make_key(made, name="before", valid=YEAR, by=None, at=timezone.now())
        assert set_password(link).status_code == 200
        made.refresh_from_db()
        assert made.check_password(NEW)
        assert people.user_of_key(key.text, at=timezone.now()) is None  # a new password ends keys
        assert [entry.verb for entry in AuditEntry.objects.filter(subject_id=made.pk).order_by("sequence")] == [
            "user created", "link to set the password sent", "key created", "key revoked", "password set",
        ]  # fmt: skip
        again = set_password(link, "yet-another-Passw0rd-of-theirs")
        assert (again.status_code, "no longer works" in again.content.decode()) == (404, True)

    @pytest.mark.parametrize("spoiled", ["older than three days", "deactivated"])
    def test_the_link_ends_with_the_user_or_after_three_days(self, clock: Any, spoiled: str) -> None:
        invite(administrator(Role.FINANCE), Role.FINANCE)
        link = link_to("new@example.org")
        if spoiled == "deactivated":
            User.objects.filter(email="new@example.org").update(is_active=False)
        else:
            clock.shift(timedelta(days=3, seconds=1))

        assert set_password(link).status_code == 404

    def test_the_link_is_mailed_again_on_request(self) -> None:
        by, user = administrator(Role.FINANCE), make_user(Role.FINANCE)

        client_of(by).post(f"{USERS}{user.pk}/send-link/")

        assert set_password(link_to(user.email)).status_code == 200

    def test_an_address_that_is_taken_is_refused_in_the_form(self) -> None:
        make_user(email="new@example.org")

        answer = invite(administrator(Role.FINANCE), Role.FINANCE)

        assert (answer.status_code, list(errors_of(answer))) == (200, ["email"])


class TestRights:
    @pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ADMINISTRATOR, Role.PARTNER)])
    def test_only_administrators_change_users(self, role: Role) -> None:
        user = make_user(Role.WAREHOUSE)

        assert change(make_user(role), user, name="Changed") == 403
        assert invite(make_user(role)).status_code == 403

    def test_an_administrator_gives_and_takes_roles_and_ends_accounts(self) -> None:
        by, user = administrator(Role.FINANCE, Role.WAREHOUSE), make_user(Role.WAREHOUSE)

        assert change(by, user, roles=["finance"]) == 302
        user.refresh_from_db()
        assert user.roles == ["finance"]
        assert change(by, user, is_active=None) == 302
        user.refresh_from_db()
        assert not user.is_active

    def test_nobody_gives_a_role_that_they_do_not_have(self) -> None:
        by, user = administrator(Role.WAREHOUSE), make_user(Role.WAREHOUSE)

        assert change(by, user, roles=["warehouse", "finance"]) == 200  # the form again: no such choice
        assert change(by, user, is_superuser="on") == 302  # not in the form: ignored
        assert invite(by, Role.FINANCE).status_code == 200
        assert invite(by, Role.WAREHOUSE).status_code == 302

        user.refresh_from_db()
        assert (user.roles, user.is_superuser) == (["warehouse"], False)
        forbidden: tuple[UserFields, ...] = ({"roles": ["finance"]}, {"is_superuser": True})
        for changes in forbidden:
            with pytest.raises(people.MayNotManage):
                people.change_user(user, changes, by=by, at=START)

    @pytest.mark.parametrize("above", [{"roles": ["warehouse", "auditor"]}, {"roles": [], "is_superuser": True}])
    def test_nobody_manages_those_with_more_rights(self, above: dict[str, Any]) -> None:
        by, user = administrator(Role.WAREHOUSE), make_user(**above)
        client = client_of(by)

        assert change(by, user, is_active=None) == 403
        for action in ("send-link", "remove-second-factor"):
            assert client.post(f"{USERS}{user.pk}/{action}/").status_code == 403
        assert not Email.objects.exists()
        with pytest.raises(people.MayNotManage):
            people.send_link(user, by=by, at=START)

    @pytest.mark.parametrize("who", ["administrator", "superuser"])
    def test_nobody_changes_their_own_rights(self, who: str) -> None:
        by = administrator(Role.FINANCE) if who == "administrator" else make_user(is_superuser=True)
        before = list(by.roles)

        assert change(by, by, roles=["auditor", "administrator"], is_active=None, name="Myself") == 302

        by.refresh_from_db()
        assert (by.roles, by.is_active, by.name) == (before, True, "Myself")
        with pytest.raises(people.MayNotManage):
            people.change_user(by, {"roles": ["auditor"]}, by=by, at=START)

    def test_a_change_needs_a_recent_sign_in(self) -> None:
        by, user = administrator(Role.WAREHOUSE), make_user(Role.WAREHOUSE)
        client = client_of(by)
        just_signed_in(client, minutes_ago=5)
        form = form_of(user, roles=[])

        assert "Confirm that it is you" in client.post(f"{USERS}{user.pk}/change/", form).content.decode()
        user.refresh_from_db()
        assert user.roles == ["warehouse"]
        client.post(f"{USERS}{user.pk}/change/", form | {"confirm_password": PASSWORD})
        user.refresh_from_db()
        assert user.roles == []


class TestTemporaryStaff:
    def test_sign_in_session_and_keys_stop_at_the_end_of_the_day_where_the_charity_is(self, clock: Any) -> None:
        make_charity(time_zone="Asia/Hong_Kong")
        by = administrator(Role.WAREHOUSE)
        assert invite(by, Role.WAREHOUSE, ends_at="2026-11-28").status_code == 302
        user = User.objects.get(email="new@example.org")
        set_password(link_to(user.email))
        key = key_client(people.make_key(user, name="scanner", valid=YEAR, by=None, at=START))
        session, form = Client(), {"username": user.email, "password": NEW}
        assert session.post("/admin/login/", form).status_code == 302

        def works() -> list[int]:
            fresh = Client().post("/admin/login/", form).status_code
            return [fresh, session.get("/admin/").status_code, key.get("/api/v1/me/").status_code]

        assert user.ends_at == datetime.fromisoformat("2026-11-29T00:00:00+08:00")
        assert change(by, user, name="Renamed", ends_at="2026-11-28") == 302
        clock.move_to(user.ends_at - timedelta(seconds=1))
        session.post("/admin/login/", form)  # sessions last 12 hours
        assert works() == [302, 200, 200]
        clock.move_to(user.ends_at)
        assert works() == [200, 302, 401]
