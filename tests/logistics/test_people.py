from datetime import timedelta
from threading import Lock

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from logistics.audit import services as audit
from logistics.errors import WrongState
from logistics.partners import services as partners
from logistics.people import services as people
from logistics.people.hashers import PasswordHasher
from logistics.people.models import ApiKey, User
from logistics.roles import Role
from tests.clients import client_of, key_client
from tests.makers.moments import NOON, YEAR
from tests.makers.partners import make_key, make_partner
from tests.makers.people import PASSWORD, make_user
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


class TestTheFirstUser:
    def test_is_made_by_a_command_with_roles_and_the_password_of_the_environment(self, monkeypatch):
        monkeypatch.setenv("PASSWORD", PASSWORD)

        call_command("create_user", "ada@example.org", "--name=Ada", "--role=finance", "--role=administrator")

        user = User.objects.get()
        assert (user.email, user.name, user.roles) == ("ada@example.org", "Ada", ["finance", "administrator"])
        assert user.check_password(PASSWORD)

    @pytest.mark.parametrize(
        ("email", "password"), [("ada@example.org", "123456789012"), ("TAKEN@example.org", PASSWORD)]
    )
    def test_is_not_made_with_a_known_password_or_an_address_in_use(self, monkeypatch, email, password):
        make_user(email="taken@example.org")
        monkeypatch.setenv("PASSWORD", password)

        with pytest.raises(CommandError):
            call_command("create_user", email, "--name=Ada", "--role=finance")

        assert User.objects.count() == 1


class TestPasswords:
    @pytest.fixture(autouse=True)
    def _as_in_production(self, settings):
        settings.PASSWORD_HASHERS = ["logistics.people.hashers.PasswordHasher"]

    def test_hashing_uses_19_mib(self):
        user = make_user()

        assert user.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
        assert user.check_password(PASSWORD)

    def test_a_hash_with_other_parameters_is_upgraded_when_it_is_checked(self):
        user = make_user()
        user.password = Argon2PasswordHasher().encode("Passw0rd-of-100-MiB", "salt-of-this-test")
        user.save()

        assert user.check_password("Passw0rd-of-100-MiB")
        assert "m=19456," in User.objects.get().password

    def test_two_are_hashed_at_once_in_a_process_however_many_sign_in(self, monkeypatch):
        running, most, lock = 0, 0, Lock()
        verify = Argon2PasswordHasher.verify

        def counted(self, password, encoded):
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                return verify(self, password, encoded)
            finally:
                with lock:
                    running -= 1

        monkeypatch.setattr(Argon2PasswordHasher, "verify", counted)
        hasher = PasswordHasher()
        encoded = hasher.encode("Passw0rd-of-19-MiB", "salt-of-this-test")

        answers = in_threads(lambda number: hasher.verify(f"wrong {number}", encoded), times=24)

        assert not any(answers)
        assert most == 2

    def test_a_new_password_of_ones_own_ends_ones_keys(self):
        user = make_user(Role.WAREHOUSE)
        key = people.make_key(user, name="scanner", valid=YEAR, by=None, at=timezone.now())
        new = "another-Passw0rd-of-mine"

        answer = client_of(user).post(
            "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        )

        assert answer.status_code == 302
        assert people.user_of_key(key.text, at=timezone.now()) is None

    def test_signing_in_ends_no_keys_even_if_the_hash_is_renewed(self, settings):
        user = make_user(Role.WAREHOUSE)
        key = people.make_key(user, name="scanner", valid=YEAR, by=None, at=timezone.now())
        settings.PASSWORD_HASHERS = [
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
            "logistics.people.hashers.PasswordHasher",
        ]

        assert user.check_password(PASSWORD)

        assert user.password.startswith("pbkdf2")
        assert people.user_of_key(key.text, at=timezone.now()) == user

    def test_the_page_says_what_a_new_password_ends(self):
        page = client_of(make_user(Role.WAREHOUSE)).get("/admin/password_change/").content.decode()

        assert "Your API keys stop working when your password changes." in page
        assert "<li></li>" not in page

    @pytest.mark.parametrize(
        ("weak", "why"),
        [
            ("short-one!x", "too short"),
            ("123456789012", "too easy to guess"),  # known from breaches
            ("Password1234!", "too easy to guess"),  # on no list, but a part of it is
            ("trustno1trustno1", "too easy to guess"),  # twice
            ("qwertyuiop[]", "too easy to guess"),  # a row of keys
            ("maimouna-2026", "too easy to guess"),  # the person's name
        ],
    )
    def test_weak_ones_are_refused(self, weak, why):
        user = User(email="mt@example.org", name="Maimouna Traore")

        with pytest.raises(ValidationError) as refusal:
            validate_password(weak, user)

        assert why in " ".join(refusal.value.messages)

    @pytest.mark.parametrize(
        "strong", [PASSWORD, "another-Passw0rd-of-theirs", "marteau nuage vélo citron", "wG7rQ-marteau-" * 500]
    )
    def test_others_are_accepted_however_long(self, strong):
        validate_password(strong)


class TestKeys:
    def test_only_a_hash_of_the_secret_is_stored(self):
        key = make_key(make_partner())
        secret = key.text.partition(".")[2]

        stored = str(ApiKey.objects.values())

        assert len(secret) >= 32
        assert secret not in stored

    def test_a_key_authenticates_its_user(self):
        key = make_key(make_partner(), at=NOON)

        assert people.user_of_key(key.text, at=NOON) == key.row.user

    @pytest.mark.parametrize("text", ["", "x", "abc.def", "\0.\0", "é" * 12 + ".x", "0" * 12 + "."])
    def test_nonsense_authenticates_nobody(self, text):
        assert people.user_of_key(text, at=NOON) is None

    def test_a_wrong_secret_authenticates_nobody(self):
        key = make_key(make_partner(), at=NOON)

        assert people.user_of_key(key.text[:-1] + "!", at=NOON) is None

    def test_a_key_expires_after_a_year(self):
        key = make_key(make_partner(), at=NOON)

        assert people.user_of_key(key.text, at=NOON + YEAR) is None

    def test_a_key_can_be_replaced_any_number_of_times(self, capsys):
        user = make_user(Role.WAREHOUSE, email="warehouse@example.org")
        other = people.make_key(user, name="scanner", valid=YEAR, by=None, at=timezone.now())

        for _ in range(3):
            call_command("make_key", user.email, "--name=curl", "--replace")

        *older, newest = capsys.readouterr().out.split()
        assert [people.user_of_key(key, at=timezone.now()) for key in older] == [None, None]
        assert people.user_of_key(newest, at=timezone.now()) == user
        assert people.user_of_key(other.text, at=timezone.now()) == user

    def test_a_revoked_key_stops_working_at_once(self):
        key = make_key(make_partner())
        client = key_client(key)
        assert client.get("/api/v1/me/").status_code == 200

        people.revoke_key(key.row, by=None, at=NOON)

        answer = client.get("/api/v1/me/")
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")

    @pytest.mark.django_db(transaction=True)
    def test_revoking_two_keys_records_two_audit_entries(self):
        partner = make_partner()
        keys = [make_key(partner, name="phone", at=NOON).row for _ in range(2)]

        in_threads(lambda number: people.revoke_key(keys[number], by=None, at=NOON), times=2)

        verbs = [entry.verb for entry in audit.trail(keys[0].user)]
        assert verbs.count("key revoked") == 2

    def test_last_use_is_recorded_once_a_minute(self):
        key = make_key(make_partner(), at=NOON)
        for seconds in (0, 30, 90):
            people.user_of_key(key.text, at=NOON + timedelta(seconds=seconds))

        key.row.refresh_from_db()
        assert key.row.last_used_at == NOON + timedelta(seconds=90)

    def test_a_program_may_have_two_live_keys_but_not_three(self):
        partner = make_partner()
        first, second = make_key(partner, at=NOON), make_key(partner, at=NOON)
        assert first.row.user == second.row.user

        with pytest.raises(people.TooManyKeys):
            make_key(partner, at=NOON)

        people.revoke_key(first.row, by=None, at=NOON)
        assert make_key(partner, at=NOON)

    def test_another_program_has_its_own_keys(self):
        partner = make_partner()

        assert make_key(partner, name="phone").row.user != make_key(partner, name="office").row.user

    def test_a_suspended_partner_gets_no_key(self):
        with pytest.raises(WrongState):
            make_key(make_partner(status="suspended"))

    def test_keys_of_a_suspended_partner_stop_at_once_and_work_again_once_it_is_approved(self):
        partner = make_partner()
        key = make_key(partner)
        client = key_client(key)

        partners.update(partner, {"status": "suspended"}, version=1, by=None, at=NOON)
        assert client.get("/api/v1/me/").status_code == 401
        partners.update(partner, {"status": "approved"}, version=2, by=None, at=NOON)
        assert client.get("/api/v1/me/").status_code == 200

    @pytest.mark.parametrize(
        ("changes", "ends"),
        [
            ({"is_active": False}, True),
            ({"roles": ["warehouse"]}, True),  # finance is lost
            ({"roles": ["warehouse", "finance", "auditor"]}, False),
            ({"name": "Wai Ho"}, False),
            ({"is_superuser": False}, False),  # was none
        ],
    )
    def test_keys_end_when_their_user_is_deactivated_or_loses_a_role(self, changes, ends):
        user = make_user(Role.WAREHOUSE, Role.FINANCE)
        key = people.make_key(user, name="scanner", valid=YEAR, by=None, at=NOON)

        people.change_user(user, changes, by=None, at=NOON)
        people.change_user(user, {"is_active": True}, by=None, at=NOON)

        assert (people.user_of_key(key.text, at=NOON) is None) == ends

    def test_keys_of_an_ended_partner_stop_working(self):
        partner = make_partner()
        key = make_key(partner, at=NOON)

        partners.update(partner, {"status": "ended"}, version=1, by=None, at=NOON)

        assert people.user_of_key(key.text, at=NOON) is None

    def test_the_database_refuses_a_key_that_expires_before_it_is_created(self):
        key = make_key(make_partner(), at=NOON)

        with pytest.raises(IntegrityError, match="an_api_key_expires_after_it_was_made"), transaction.atomic():
            ApiKey.objects.filter(pk=key.row.pk).update(expires_at=NOON)


class TestUsers:
    def test_email_addresses_are_unique_ignoring_case(self):
        make_user(email="a@example.org")

        with pytest.raises(IntegrityError, match="an_email_belongs_to_one_user"):
            make_user(email="A@Example.org")

    def test_an_unknown_role_is_refused(self):
        with pytest.raises(IntegrityError, match="the_roles_of_a_user_are_known"):
            make_user(roles=["emperor"])

    def test_sign_in_ignores_the_case_of_the_address(self):
        user = make_user(email="finance@example.org")

        assert User.objects.get_by_natural_key("Finance@Example.ORG") == user


@pytest.mark.parametrize(
    ("role", "permission", "expected"),
    [
        (Role.WAREHOUSE, "shipments.change_shipment", True),
        (Role.WAREHOUSE, "donations.view_donor", False),
        (Role.WAREHOUSE, "logistics.add_partner", False),
        (Role.FINANCE, "donations.change_appeal", True),
        (Role.FINANCE, "shipments.change_shipment", False),
        (Role.FINANCE, "shipments.view_shipment", True),
        (Role.COORDINATOR, "logistics.change_site", True),
        (Role.COORDINATOR, "logistics.view_siteaddress", False),
        (Role.AUDITOR, "logistics.view_auditentry", True),
        (Role.AUDITOR, "donations.change_appeal", False),
        (Role.PARTNER, "shipments.view_shipment", False),
    ],
)
def test_roles_determine_admin_permissions(role, permission, expected):
    assert make_user(role).has_perm(permission) is expected


def test_an_inactive_user_has_no_permissions():
    assert not make_user(Role.FINANCE, is_active=False, is_superuser=True).has_perm("donations.view_donor")
