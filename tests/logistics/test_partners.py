"""The API for partners, contacts and sites."""

import pytest
from django.db import IntegrityError, transaction

from logistics.audit.models import AuditEntry
from logistics.partners.models import Contact, Partner, Site
from logistics.roles import Role
from tests.clients import client_of, fields_of, once
from tests.makers.partners import make_contact, make_partner, make_partner_user, make_site
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db

PARTNER = {"code": "AMAR-ML", "name": "Association malienne", "languages": ["fr", "en"], "country": "ML"}


class TestPartners:
    def test_a_coordinator_creates_a_partner(self, coordinator):
        answer = coordinator.post("/api/v1/partners/", PARTNER, format="json", headers=once())

        assert (answer.status_code, answer["ETag"]) == (201, '"1"')
        assert answer.json() | PARTNER == answer.json()
        assert AuditEntry.objects.get().verb == "partner created"

    def test_codes_are_unique(self, coordinator):
        make_partner(code="AMAR-ML")

        answer = coordinator.post("/api/v1/partners/", PARTNER, format="json", headers=once())

        assert (answer.status_code, answer.json()["code"]) == (409, "not_unique")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("country", "XX"),
            ("languages", ["tlh"]),
            ("languages", []),
            ("code", "über"),
            ("name", ""),
            ("name", "Foyer 🏠"),
        ],
    )
    def test_invalid_fields_are_named(self, coordinator, field, value):
        answer = coordinator.post("/api/v1/partners/", PARTNER | {field: value}, format="json", headers=once())

        assert answer.status_code == 400
        assert [name.partition("[")[0] for name in fields_of(answer.json())] == [field]
        assert not Partner.objects.exists()

    def test_an_edit_needs_the_version_that_was_read(self, coordinator):
        url = f"/api/v1/partners/{make_partner().pk}/"
        missing = coordinator.patch(url, {"name": "A"}, format="json")
        first = coordinator.patch(url, {"name": "A"}, format="json", headers={"If-Match": '"1"'})
        second = coordinator.patch(url, {"name": "B", "version": 1}, format="json")

        assert (missing.status_code, missing.json()["code"]) == (428, "version_missing")
        assert (first.status_code, first["ETag"]) == (200, '"2"')
        assert (second.status_code, second.json()["code"]) == (412, "stale")
        assert Partner.objects.get().name == "A"

    @pytest.mark.parametrize("version", ["x", "-1", "³", "9" * 40])
    def test_a_version_that_is_not_a_number_is_refused(self, coordinator, version):
        url = f"/api/v1/partners/{make_partner().pk}/"

        answer = coordinator.patch(url, {"name": "A", "version": version}, format="json")

        assert (answer.status_code, fields_of(answer.json())) == (400, ["version"])

    def test_a_partner_can_only_read_itself(self):
        own, other = make_partner(), make_partner()
        client = client_of(make_partner_user(own))

        assert [row["id"] for row in client.get("/api/v1/partners/").json()["results"]] == [str(own.pk)]
        assert client.get(f"/api/v1/partners/{other.pk}/").status_code == 404
        assert client.patch(f"/api/v1/partners/{own.pk}/", {"name": "A"}, format="json").status_code == 403

    def test_the_warehouse_can_read_but_not_write(self):
        client = client_of(make_user(Role.WAREHOUSE))

        assert client.get("/api/v1/partners/").status_code == 200
        assert client.post("/api/v1/partners/", PARTNER, format="json", headers=once()).status_code == 403

    def test_a_list_is_searched_filtered_and_ordered(self, coordinator):
        make_partner(name="Beta", code="B", status="suspended")
        make_partner(name="Alpha", code="A")

        def codes(query):
            return [row["code"] for row in coordinator.get(f"/api/v1/partners/?{query}").json()["results"]]

        assert codes("ordering=name") == ["A", "B"]
        assert codes("ordering=-name") == ["B", "A"]
        assert codes("status=suspended") == ["B"]
        assert codes("search=alph") == ["A"]


class TestLists:
    def test_pages_can_be_followed_to_the_end(self, coordinator):
        wanted = {make_partner(name="Same").code for _ in range(7)}
        url, seen = "/api/v1/partners/?page_size=3&ordering=name", []
        while url:
            page = coordinator.get(url).json()
            seen += [row["code"] for row in page["results"]]
            url = page["next"]

        assert (len(seen), set(seen)) == (7, wanted)

    @pytest.mark.parametrize("query", ["page_size=0", "page_size=201", "page_size=x", "ordering=address", "status=new"])
    def test_invalid_query_parameters_are_named(self, coordinator, query):
        answer = coordinator.get(f"/api/v1/partners/?{query}")

        assert (answer.status_code, fields_of(answer.json())) == (400, [query.partition("=")[0]])

    @pytest.mark.parametrize("cursor", ["x", "cD1ub3QtYW4taWQ=", "bz0xJnA9MQ=="])
    def test_a_made_up_cursor_is_not_found(self, coordinator, cursor):
        assert coordinator.get(f"/api/v1/partners/?cursor={cursor}").status_code == 404


class TestContacts:
    def test_are_added_changed_and_deleted(self, coordinator):
        partner = make_partner()
        body = {"partner": str(partner.pk), "name": "Awa", "email": "awa@example.org"}
        added = coordinator.post("/api/v1/contacts/", body, format="json", headers=once())
        url = f"/api/v1/contacts/{added.json()['id']}/"

        changed = coordinator.patch(url, {"phone": "+223 65 01 23 45", "version": 1}, format="json")
        gone = coordinator.delete(url)

        assert (added.status_code, changed.json()["phone"], gone.status_code) == (201, "+223 65 01 23 45", 204)
        assert not Contact.objects.exists()
        assert "Awa" not in str(AuditEntry.objects.values())

    def test_belong_to_their_partner_only(self):
        own, other = make_partner(), make_partner()
        mine, theirs = make_contact(own), make_contact(other)
        client = client_of(make_partner_user(own))

        assert [row["id"] for row in client.get("/api/v1/contacts/").json()["results"]] == [str(mine.pk)]
        assert client.get(f"/api/v1/contacts/{theirs.pk}/").status_code == 404

    def test_are_not_for_finance(self):
        assert client_of(make_user(Role.FINANCE)).get("/api/v1/contacts/").status_code == 403


class TestSites:
    @pytest.mark.parametrize(("region", "status"), [("ML04", 201), ("", 201), ("ML0401", 400), ("ML99", 400)])
    def test_say_their_region_by_an_admin_1_code_and_nothing_finer(self, coordinator, region, status):
        body = {"partner": str(make_partner().pk), "region": region, "hand_over_point": "Depot"}

        answer = coordinator.post("/api/v1/sites/", body, format="json", headers=once())

        assert answer.status_code == status
        assert status == 201 or fields_of(answer.json()) == ["region"]

    def test_get_a_random_code_and_are_confidential_by_default(self, coordinator):
        body = {"partner": str(make_partner().pk), "region": "ML04", "hand_over_point": "The partner's warehouse"}

        answer = coordinator.post("/api/v1/sites/", body, format="json", headers=once())

        assert answer.status_code == 201
        assert len(answer.json()["code"]) == 5
        assert (answer.json()["kind"], answer.json()["has_address"]) == ("confidential", False)

    def test_a_confidential_site_has_no_public_name(self, coordinator):
        site = make_site(kind="open", public_name="Training centre")

        answer = coordinator.patch(f"/api/v1/sites/{site.pk}/", {"kind": "confidential", "version": 1}, format="json")

        assert (answer.status_code, fields_of(answer.json())) == (400, ["public_name"])
        with pytest.raises(IntegrityError, match="a_confidential_site_has_no_public_name"), transaction.atomic():
            Site.objects.update(kind="confidential")

    def test_belong_to_their_partner_only(self):
        own = make_partner()
        mine, theirs = make_site(own), make_site()
        client = client_of(make_partner_user(own))

        assert [row["id"] for row in client.get("/api/v1/sites/").json()["results"]] == [str(mine.pk)]
        assert client.get(f"/api/v1/sites/{theirs.pk}/").status_code == 404
