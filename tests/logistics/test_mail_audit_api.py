"""The staff API for documents, mails and the audit trail."""

import re
from pathlib import Path

import pytest
from django.apps import apps as django_apps

from logistics.audit import services as audit
from logistics.documents import services as documents
from logistics.jobs.services import job_models
from logistics.mail import readers
from logistics.notices import services as notices
from logistics.roles import Role
from tests.clients import client_of, once
from tests.makers.catalogue import make_item
from tests.makers.documents import make_document
from tests.makers.mail import make_email
from tests.makers.moments import NOON
from tests.makers.partners import make_partner_user
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db
OURS = {"logistics", "shipments", "donations"}


def kill(row) -> None:
    type(row).objects.filter(pk=row.pk).update(
        state="dead", ended_at=NOON, attempts=5, last_error_code="template_broken"
    )


class TestDocuments:
    def test_show_their_progress_but_not_their_contents(self):
        make_document()

        answer = client_of(make_user(Role.WAREHOUSE)).get("/api/v1/documents/?state=pending")

        assert [(row["state"], row["progress"]) for row in answer.json()["results"]] == [("pending", 0)]
        assert "Chan Tai Man" not in answer.content.decode()

    def test_are_not_for_partners(self):
        assert client_of(make_partner_user()).get("/api/v1/documents/").status_code == 403

    def test_dead_jobs_can_be_retried(self):
        document = make_document()
        kill(document)
        client = client_of(make_user(Role.WAREHOUSE))

        answer = client.post(f"/api/v1/documents/{document.pk}/retry/", headers=once())

        assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (200, "pending", 0)
        assert audit.trail(document).get().verb == "printing retried"

    def test_only_dead_documents_can_be_retried(self):
        document = make_document()
        client = client_of(make_user(Role.WAREHOUSE))

        answer = client.post(f"/api/v1/documents/{document.pk}/retry/", headers=once())

        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")

    def test_an_auditor_can_only_read(self):
        document = make_document()
        client = client_of(make_user(Role.AUDITOR))

        assert client.get(f"/api/v1/documents/{document.pk}/").status_code == 200
        assert client.post(f"/api/v1/documents/{document.pk}/retry/", headers=once()).status_code == 403


class TestEmails:
    def test_show_their_recipient_but_not_their_contents(self):
        make_email(kind="receipt", body="A secret.")

        answer = client_of(make_user(Role.FINANCE)).get("/api/v1/emails/")

        assert answer.json()["results"][0]["to"] == "somebody@example.org"
        assert "A secret." not in answer.content.decode()

    def test_are_not_for_the_warehouse(self):
        assert client_of(make_user(Role.WAREHOUSE)).get("/api/v1/emails/").status_code == 403

    @pytest.mark.parametrize(
        ("role", "kinds"),
        [
            (Role.FINANCE, {"receipt", "sign-in-link"}),
            (Role.COORDINATOR, {"shipment-dispatched"}),
            (Role.AUDITOR, {"receipt", "sign-in-link", "shipment-dispatched", "of tomorrow"}),
        ],
    )
    def test_are_visible_to_the_roles_registered_for_their_kind(self, role, kinds):
        for kind in ("receipt", "sign-in-link", "shipment-dispatched", "of tomorrow"):
            make_email(kind=kind)

        answer = client_of(make_user(role)).get("/api/v1/emails/")

        assert {row["kind"] for row in answer.json()["results"]} == kinds

    def test_a_mail_of_another_role_is_not_found(self):
        email = make_email(kind="sign-in-link")
        kill(email)
        coordinator = client_of(make_user(Role.COORDINATOR))

        assert coordinator.get(f"/api/v1/emails/{email.pk}/").status_code == 404
        assert coordinator.post(f"/api/v1/emails/{email.pk}/retry/", headers=once()).status_code == 404

    def test_every_kind_of_mail_has_readers(self):
        apps = [config.path for config in django_apps.get_app_configs() if config.name in OURS]
        sources = [path.read_text("utf-8") for app in apps for path in Path(app).rglob("*.py")]
        found = re.findall(
            r'(?:mail\.request|mail\.notify|notify_officers)\(\s*"([^"]+)"|_queue\(\w+, "([^"]+)"', "\n".join(sources)
        )

        of_failed_jobs = {notices.kind_of(model) for model in job_models()} & readers.kinds()
        assert (
            of_failed_jobs and {kind for kinds in found for kind in kinds if kind} | of_failed_jobs == readers.kinds()
        )

    def test_dead_jobs_can_be_retried(self):
        email = make_email(kind="receipt")
        kill(email)

        answer = client_of(make_user(Role.FINANCE)).post(f"/api/v1/emails/{email.pk}/retry/", headers=once())

        assert (answer.status_code, answer.json()["state"]) == (200, "pending")


class TestTrail:
    def test_is_for_auditors(self):
        item, somebody = make_item(), make_user(Role.WAREHOUSE)
        audit.record("item created", item, by=somebody, at=NOON)

        answer = client_of(make_user(Role.AUDITOR)).get(f"/api/v1/audit-entries/?subject_id={item.pk}")

        (row,) = answer.json()["results"]
        assert (row["verb"], row["by_name"]) == ("item created", somebody.name)
        assert client_of(somebody).get("/api/v1/audit-entries/").status_code == 403


class TestVerify:
    def answer(self, token, **headers):
        return client_of(**headers).get(f"/verify/{token}/")

    def test_an_issued_paper_is_genuine(self):
        document = make_document()

        page = self.answer(document.token, Accept="text/html").content.decode()

        assert "Genuine and valid" in page
        assert "NOTE-1" in page
        assert document.content_sha256 in page
        assert "Chan Tai Man" not in page

    def test_the_page_is_in_french_on_request(self):
        page = self.answer(make_document().token, Accept="text/html", Accept_Language="fr").content.decode()

        assert "Authentique et valable" in page
        assert "2 mars 2026" in page

    def test_api_clients_get_json(self):
        found = self.answer(make_document().token, Accept="application/json").json()

        assert (found["genuine"], found["valid"], found["kind"], found["issued_on"]) == (
            True,
            True,
            "note",
            "2026-03-02",
        )

    def test_a_superseded_paper_names_the_valid_version(self):
        old = make_document()
        make_document(version=2)
        documents.supersede(old, on=NOON.date(), at=NOON)

        found = self.answer(old.token, Accept="application/json").json()
        page = self.answer(old.token, Accept="text/html").content.decode()

        assert (found["valid"], found["valid_version"], found["no_longer_valid_since"]) == (False, 2, "2026-03-02")
        assert "Version 2 replaces it." in page

    def test_a_cancelled_paper_says_so(self):
        old = make_document()
        documents.supersede(old, on=NOON.date(), at=NOON)

        assert "It was cancelled." in self.answer(old.token, Accept="text/html").content.decode()

    @pytest.mark.parametrize("token", ["x", "A" * 22, "'; DROP TABLE"])
    def test_an_unknown_code_is_not_found(self, token):
        answer = self.answer(token, Accept="text/html")

        assert (answer.status_code, "Not issued by us" in answer.content.decode()) == (404, True)

    def test_the_page_is_not_indexed(self):
        assert "noindex" in self.answer(make_document().token)["X-Robots-Tag"]

    def test_frequent_requests_are_throttled(self, settings, monkeypatch):
        from config.throttling import CallerThrottle

        monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"anonymous": "2/min", "caller": "2/min"})
        codes = [self.answer("x", Accept="text/html").status_code for _ in range(3)]

        assert codes == [404, 404, 429]
