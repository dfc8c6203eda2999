"""Addresses of confidential sites: sealed, read by safety officers with a reason, stored nowhere else."""

import json
from datetime import timedelta

import pytest
from django.db import ProgrammingError, connection, connections
from django.utils import timezone

from logistics import wording
from logistics.audit.models import AuditEntry
from logistics.charity.services import day_of
from logistics.errors import Forbidden
from logistics.idempotency.models import IdempotencyRecord
from logistics.mail.models import Email
from logistics.partners import addresses
from logistics.partners.models import RefusedText, Site, SiteAddress
from logistics.people import services as people
from logistics.people.recent import SignInAgain
from logistics.roles import Role
from tests.clients import client_of, just_signed_in, key_client, signed_in
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_partner, make_partner_user, make_site
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db

ADDRESS = {"name": "Foyer Ɲɛta", "address": "Rue 12, porte 34", "town": "Bamako", "phone": "+223 20 21 23 45"}

REASON = "The driver stands before a closed door."


@pytest.fixture
def officer():
    return client_of(make_user(Role.SAFETY, name="Safiatou Keïta"))


def seal(client, site):
    return client.put(f"/api/v1/sites/{site.pk}/address/", ADDRESS, format="json", headers={"If-Match": '"1"'})


def reveal(client, site, reason=REASON):
    return client.post(f"/api/v1/sites/{site.pk}/address/reveal/", {"reason": reason}, format="json")


class TestAddresses:
    def test_are_stored_encrypted_only(self, coordinator):
        assert seal(coordinator, make_site()).status_code == 204

        with connections["sealed"].cursor() as cursor:
            cursor.execute("SELECT id, content FROM sealed.ciphertext")
            [(sealed_id, content)] = cursor.fetchall()
        assert sealed_id == SiteAddress.objects.get().sealed_id
        assert not [value for value in ADDRESS.values() if value.encode() in bytes(content)]

    def test_are_out_of_reach_of_the_application_s_connection(self, coordinator):
        seal(coordinator, make_site())

        with (
            pytest.raises(ProgrammingError, match="permission denied for schema sealed"),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT content FROM sealed.ciphertext")

    def test_can_be_entered_only_with_the_current_version_of_the_site(self, coordinator, officer):
        site = make_site()
        url = f"/api/v1/sites/{site.pk}/address/"

        unsaid = coordinator.put(url, ADDRESS, format="json")
        first = coordinator.put(url, ADDRESS | {"version": 1}, format="json")
        late = coordinator.put(url, ADDRESS | {"version": 1, "town": "Elsewhere"}, format="json")

        assert (unsaid.status_code, unsaid.json()["code"]) == (428, "version_missing")
        assert (first.status_code, first["ETag"]) == (204, '"2"')
        assert (late.status_code, late.json()["version"]) == (412, 2)
        assert reveal(officer, site).json() == ADDRESS
        assert coordinator.get(f"/api/v1/sites/{site.pk}/").json()["version"] == 2

    def test_a_safety_officer_can_read_one_with_a_recorded_reason(self, coordinator, officer):
        site = make_site()
        seal(coordinator, site)

        answer = reveal(officer, site)

        assert (answer.status_code, answer.json()) == (200, ADDRESS)
        assert "no-store" in answer["Cache-Control"]
        entry = AuditEntry.objects.get(verb="address read")
        assert (entry.subject_id, entry.reason, str(entry.by)) == (site.pk, REASON, "Safiatou Keïta")

    def test_are_mailed_about_to_the_partner_s_administrators_else_to_all_contacts(self, coordinator, officer):
        told, untold = make_site(), make_site()
        make_contact(told.partner, email="head@example.org", is_administrator=True, is_notified=False)
        make_contact(told.partner, email="driver@example.org")
        make_contact(untold.partner, email="awa@example.org", is_notified=False)
        for site in (told, untold):
            seal(coordinator, site)
            reveal(officer, site)

        mails = Email.objects.filter(kind="address-read").order_by("id")
        assert [mail.to for mail in mails] == ["head@example.org", "awa@example.org"]
        assert told.code in mails[0].subject
        assert "Un responsable de la sécurité" in mails[0].body and "Safiatou" not in mails[0].body
        assert REASON in mails[0].body
        assert not [value for value in ADDRESS.values() if value in mails[0].body]
        assert f" le {wording.day(day_of(timezone.now()).isoformat(), ['fr'])}" in mails[0].body

    @pytest.mark.parametrize("minutes", [None, -1, 6])
    def test_need_a_proof_given_within_five_minutes(self, coordinator, minutes):
        site = make_site()
        seal(coordinator, site)
        proved_at = None if minutes is None else NOON - timedelta(minutes=minutes)

        with pytest.raises(SignInAgain):
            addresses.reveal(site, reason=REASON, proved_at=proved_at, by=make_user(Role.SAFETY), at=NOON)
        assert not AuditEntry.objects.filter(verb="address read").exists()

    def test_need_a_recent_sign_in_and_no_key_will_do(self, coordinator):
        site, officer = make_site(), make_user(Role.SAFETY)
        seal(coordinator, site)
        late = client_of(officer)
        just_signed_in(late, minutes_ago=6)
        valid = timedelta(days=1)
        key = key_client(people.make_key(officer, name="program", valid=valid, by=None, at=timezone.now()))

        refused = [reveal(client, site) for client in (late, key)]

        assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "sign_in_again")] * 2
        assert not AuditEntry.objects.filter(verb="address read").exists()

    def test_are_read_in_the_admin_with_a_reason_after_a_recent_sign_in(self, coordinator):
        site = make_site()
        seal(coordinator, site)
        browser, late = signed_in(Role.SAFETY), signed_in(Role.SAFETY)
        just_signed_in(late, minutes_ago=6)
        at, body = f"/admin/logistics/site/{site.pk}/reveal/", {"reason": REASON}

        empty, asked = browser.get(at), late.post(at, body)
        right = browser.post(at, body)

        assert signed_in(Role.COORDINATOR).post(at, body).status_code == 403
        assert [ADDRESS["name"] in page.content.decode() for page in (empty, asked, right)] == [False, False, True]
        assert "confirm_password" in asked.content.decode()
        assert "no-store" in right["Cache-Control"]
        assert AuditEntry.objects.get(verb="address read").reason == REASON

    def test_are_entered_in_the_admin_and_never_shown_there(self, officer):
        site, browser = make_site(), signed_in(Role.COORDINATOR)
        page, at = f"/admin/logistics/site/{site.pk}/change/", f"/admin/logistics/site/{site.pk}/enter-address/"

        before = browser.get(page).content.decode()
        entered = browser.post(at, ADDRESS | {"seen_version": 1})
        stale = browser.post(at, ADDRESS | {"seen_version": 1, "name": "Another"}).content.decode()
        after = [browser.get(url).content.decode() for url in (page, at, "/admin/logistics/site/")]

        assert (entered.status_code, entered["Location"]) == (302, page)
        assert "No address yet" in before and "No address yet" not in after[0] and "entered" in after[2]
        assert "changed since you read it" in stale and ADDRESS["name"] not in stale
        # Not the town: it is also the name of a region.
        assert not [ADDRESS[name] for name in ("name", "address", "phone") for text in after if ADDRESS[name] in text]
        assert reveal(officer, site).json() == ADDRESS

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.WAREHOUSE])
    def test_are_not_entered_in_the_admin_by_other_roles(self, role):
        at = f"/admin/logistics/site/{make_site().pk}/enter-address/"

        assert signed_in(role).post(at, ADDRESS | {"seen_version": 1}).status_code == 403
        assert not SiteAddress.objects.exists()

    def test_are_refused_in_the_admin_if_the_hand_over_point_names_them(self):
        site = make_site(hand_over_point="RUE 12 - Porte 34")
        at = f"/admin/logistics/site/{site.pk}/enter-address/"

        answer = signed_in(Role.COORDINATOR).post(at, ADDRESS | {"seen_version": 1})

        assert answer.status_code == 200
        assert answer.context["form"].non_field_errors()[0] in answer.content.decode().replace("&#x27;", "'")
        assert not SiteAddress.objects.exists()

    def test_a_revealed_address_is_stored_nowhere_else(self, coordinator, officer):
        site = make_site()
        seal(coordinator, site)
        reveal(officer, site)

        kept = json.dumps(
            [str(list(model.objects.values())) for model in (AuditEntry, IdempotencyRecord, Site)], ensure_ascii=False
        )

        assert not [value for value in ADDRESS.values() if value in kept]
        assert not [value for value in ADDRESS.values() if value in coordinator.get("/api/v1/sites/").content.decode()]

    @pytest.mark.parametrize("reason", ["why not", "The foyer Neta is closed today."])
    def test_cannot_be_read_without_a_reason_or_with_one_that_names_the_place(self, coordinator, officer, reason):
        site = make_site()
        seal(coordinator, site)

        assert reveal(officer, site, reason=reason).status_code == 400
        assert not AuditEntry.objects.filter(verb="address read").exists()

    @pytest.mark.parametrize("role", [Role.COORDINATOR, Role.WAREHOUSE, Role.FINANCE, Role.AUDITOR, Role.PARTNER])
    def test_are_hidden_from_all_other_roles(self, role, coordinator):
        partner = make_partner()
        site = make_site(partner)
        seal(coordinator, site)
        client = client_of(make_partner_user(partner) if role == Role.PARTNER else make_user(role))

        assert reveal(client, site).status_code == 403
        assert role == Role.COORDINATOR or seal(client, site).status_code == 403

    def test_are_hidden_from_superusers(self, coordinator):
        site = make_site()
        seal(coordinator, site)

        with pytest.raises(Forbidden):
            addresses.reveal(site, reason=REASON, proved_at=NOON, by=make_user(is_superuser=True), at=NOON)

    @pytest.mark.django_db(transaction=True)  # one connection stores the text, another reads it
    def test_are_not_sealed_for_a_site_whose_hand_over_point_names_them(self, coordinator):
        site = make_site(hand_over_point="RUE 12 - Porte 34")

        answer = seal(coordinator, site)

        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "names_the_place")
        assert not SiteAddress.objects.exists()
        with connections["sealed"].cursor() as cursor:
            cursor.execute("SELECT id FROM sealed.ciphertext")
            assert cursor.fetchall() == [(RefusedText.objects.get().sealed_id,)]
        assert AuditEntry.objects.get(verb="text refused").subject_id == site.partner_id

    def test_of_an_open_site_are_not_checked_against_the_hand_over_point(self, coordinator):
        assert seal(coordinator, make_site(kind="open", public_name=ADDRESS["name"])).status_code == 204

    def test_that_were_never_entered_are_reported_as_missing(self, officer):
        answer = reveal(officer, make_site())

        assert (answer.status_code, answer.json()["code"]) == (404, "no_address")
