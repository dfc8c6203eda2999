import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.utils import translation
from rest_framework.test import APIClient

from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries
from logistics.jobs import services as jobs
from logistics.roles import Role
from tests.makers.mail import make_email
from tests.makers.moments import NOON
from tests.makers.people import make_user
from tests.rights import as_superuser
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _paper(papers_of_tests, files):
    """A paper defined here, to be independent of other apps."""


CONTEXT = {"said": "Hello", "number": "NOTE-1", "issued_on": "2026-03-02"}


def ask(**options) -> Document:
    given: dict[str, Any] = {"number": "NOTE-1", "template": "papers/note.html", "context": CONTEXT, "at": NOON}
    return documents.request("note", **given | options)


def printed(**options) -> Document:
    document = ask(**options)
    assert documents.render(str(document.pk))
    document.refresh_from_db()
    return document


class TestRender:
    def test_stores_a_pdf_named_by_its_hash(self):
        document = printed()

        pdf = documents.read(document)

        assert pdf.startswith(b"%PDF-")
        assert document.sha256 == hashlib.sha256(pdf).hexdigest()
        assert (document.size, document.pages, document.state) == (len(pdf), 1, "done")
        assert document.sha256 in document.storage_name

    def test_a_second_time_does_nothing(self):
        assert not documents.render(str(printed().pk))

    @pytest.mark.django_db(transaction=True)
    def test_only_one_of_eight_workers_prints(self):
        document = ask()

        assert sum(in_threads(lambda _: documents.render(str(document.pk)))) == 1

        document.refresh_from_db()
        assert (document.state, document.attempts) == ("done", 1)

    def test_an_unprintable_paper_is_retried_and_then_dead(self):
        document = ask(template="papers/missing.html")
        Document.objects.filter(pk=document.pk).update(attempts=4)

        assert not documents.render(str(document.pk))

        document.refresh_from_db()
        assert (document.state, document.last_error_code) == ("dead", "template_broken")
        with pytest.raises(documents.DocumentNotReady, match="template is broken"):
            documents.read(document)

    def test_a_paper_over_its_limits_is_dead_at_once_with_reason_and_advice(self):
        document = ask(template="papers/deep.html", context=CONTEXT | {"many": list(range(1000))})

        assert not documents.render(str(document.pk))

        document.refresh_from_db()
        assert (document.state, document.attempts, document.last_error_code) == ("dead", 1, "paper_too_deep")
        with pytest.raises(documents.DocumentNotReady, match=r"nested too deeply.*template"):
            documents.read(document)
        with translation.override("fr"), pytest.raises(documents.DocumentNotReady, match="imbriqués trop profondément"):
            documents.read(document)

    @pytest.mark.django_db(transaction=True)
    def test_progress_can_be_read_over_the_api_while_printing(self, monkeypatch):
        """Query the API at each progress report of the printer."""
        document, shown = ask(), []
        client = APIClient()
        client.force_authenticate(make_user(Role.WAREHOUSE))
        told = jobs.report_progress

        def report(row, percent):
            told(row, percent)
            shown.append(client.get(f"/api/v1/documents/{document.pk}/").json()["progress"])

        monkeypatch.setattr(jobs, "report_progress", report)
        monkeypatch.setattr(documents, "PROGRESS_EVERY_S", 0)
        documents.render(str(document.pk))

        assert shown == sorted(set(shown))
        assert len(shown) > 3
        assert shown[-1] == 99  # printed but not stored yet
        assert client.get(f"/api/v1/documents/{document.pk}/").json()["progress"] == 100


class TestRead:
    def test_an_unprinted_document_answers_with_retry_after(self):
        with pytest.raises(documents.DocumentNotReady) as refusal:
            documents.read(ask())

        assert refusal.value.headers == {"Retry-After": "2"}

    def test_a_modified_file_is_never_served(self):
        document = printed()
        Path(default_storage.path(document.storage_name)).write_bytes(b"%PDF-1.7 something else")

        with pytest.raises(documents.Damaged):
            documents.read(document)

        assert list(documents.damaged()) == [str(document.pk)]

    def test_a_missing_file_is_detected(self):
        document = printed()
        default_storage.delete(document.storage_name)

        assert list(documents.damaged()) == [str(document.pk)]


@pytest.mark.parametrize(
    ("printed_first", "change", "refused_by"),
    [
        (False, {"context": {"said": "Something else"}}, "what_a_document_says_is_frozen"),
        (False, {"number": "NOTE-2"}, "what_a_document_says_is_frozen"),
        (True, {"sha256": "0" * 64}, "issued_documents_never_change"),
        (False, {"issued_on": date(2026, 3, 1)}, "what_a_document_says_is_frozen"),
        (True, {"storage_name": "elsewhere"}, "issued_documents_never_change"),
    ],
)
def test_the_database_refuses_to_change_what_was_issued(printed_first, change, refused_by):
    document = printed() if printed_first else ask()

    with pytest.raises(DatabaseError, match="pgtrigger: Cannot update rows"), as_superuser():
        Document.objects.filter(pk=document.pk).update(**change)


def test_the_database_refuses_to_delete_one():
    with pytest.raises(DatabaseError, match="pgtrigger: Cannot delete rows"), as_superuser():
        ask().delete()


def test_the_database_refuses_a_done_document_without_a_file():
    document = ask()

    with pytest.raises(IntegrityError, match="document_has_a_file_exactly_when_done"), transaction.atomic():
        Document.objects.filter(pk=document.pk).update(state="done", ended_at=NOON)


def test_a_superseded_document_stays_readable():
    document = printed()

    documents.supersede(document, on=date(2026, 3, 2), at=NOON)

    document.refresh_from_db()
    assert (document.superseded_at, document.superseded_on) == (NOON, date(2026, 3, 2))
    assert documents.read(document)


class TestNumbers:
    def test_start_at_one_for_each_year_and_series(self):
        with transaction.atomic():
            taken = [documents.next_number(*of) for of in (("A", 2026), ("A", 2026), ("A", 2027), ("B", 2026))]

        assert taken == [1, 2, 1, 1]

    @pytest.mark.django_db(transaction=True)
    def test_cannot_be_taken_outside_a_transaction(self):
        with pytest.raises(RuntimeError):
            documents.next_number("A", 2026)

    @pytest.mark.django_db(transaction=True)
    def test_eight_writers_with_rollbacks_leave_no_gap(self):
        """Every third of 80 takers rolls back after taking a number; the others commit."""

        def take(writer: int) -> None:
            for step in range(10):
                try:
                    with transaction.atomic():
                        number = documents.next_number("A", 2026)
                        make_email(subject=str(number))
                        if (writer + step) % 3 == 0:
                            raise InterruptedError
                except InterruptedError:
                    continue

        in_threads(take)

        with connection.cursor() as cursor:
            cursor.execute("SELECT subject::int FROM logistics_email ORDER BY 1")
            kept = [row[0] for row in cursor.fetchall()]
        assert kept == list(range(1, len(kept) + 1))
        assert NumberSeries.objects.get().last == len(kept)
