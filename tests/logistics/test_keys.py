"""API keys of partners."""

import pytest

from logistics.idempotency.models import IdempotencyRecord
from logistics.people.models import ApiKey
from logistics.roles import Role
from tests.clients import client_of, key_client, once
from tests.makers.partners import make_key, make_partner
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db


class TestKeys:
    def issue(self, client, partner, headers=None, **body):
        return client.post(
            f"/api/v1/partners/{partner.pk}/keys/", {"name": "phone"} | body, format="json", headers=headers or once()
        )

    def test_are_shown_once_and_work(self, coordinator):
        partner = make_partner()
        made = self.issue(coordinator, partner)

        assert made.status_code == 201
        client = client_of(Authorization=f"Bearer {made.json()['key']}")
        assert client.get("/api/v1/me/").json()["partner"] == str(partner.pk)
        listed = coordinator.get(f"/api/v1/partners/{partner.pk}/keys/")
        assert made.json()["key"] not in listed.content.decode()
        assert listed.json()["results"][0]["last_used_at"]

    def test_can_be_filtered_by_validity_and_sorted(self, coordinator):
        partner = make_partner()
        at = f"/api/v1/partners/{partner.pk}/keys/"
        dead = self.issue(coordinator, partner, name="b, lost").json()
        coordinator.post(f"{at}{dead['id']}/revoke/", headers=once())
        self.issue(coordinator, partner, name="a, in use")

        def names(**query):
            return [row["name"][:1] for row in coordinator.get(at, query).json()["results"]]

        assert (names(is_live="true"), names(is_live="false")) == (["a"], ["b"])
        assert (names(ordering="name"), names(ordering="-name")) == (["a", "b"], ["b", "a"])

    def test_a_repeated_request_creates_no_second_key_and_shows_no_secret(self, coordinator):
        partner, headers = make_partner(), once()
        first = self.issue(coordinator, partner, headers)

        second = self.issue(coordinator, partner, headers)

        assert (second.status_code, second.json()["key"], second.json()["id"]) == (201, None, first.json()["id"])
        assert ApiKey.objects.count() == 1
        assert first.json()["key"].partition(".")[2] not in str(IdempotencyRecord.objects.values())

    def test_stop_working_when_revoked(self, coordinator):
        partner = make_partner()
        key = make_key(partner)
        client = key_client(key)
        assert client.get("/api/v1/me/").status_code == 200

        answer = coordinator.post(f"/api/v1/partners/{partner.pk}/keys/{key.row.pk}/revoke/", headers=once())

        assert (answer.status_code, bool(answer.json()["revoked_at"])) == (200, True)
        assert client.get("/api/v1/me/").status_code == 401

    def test_a_third_live_key_is_refused(self, coordinator):
        partner = make_partner()
        make_key(partner)
        make_key(partner)

        answer = self.issue(coordinator, partner)

        assert (answer.status_code, answer.json()["code"]) == (409, "too_many_keys")

    def test_of_another_partner_are_not_found(self, coordinator):
        key = make_key(make_partner())

        assert coordinator.get(f"/api/v1/partners/{make_partner().pk}/keys/{key.row.pk}/").status_code == 404

    def test_are_visible_only_to_coordinators(self):
        assert (
            client_of(make_user(Role.WAREHOUSE)).get(f"/api/v1/partners/{make_partner().pk}/keys/").status_code == 403
        )
