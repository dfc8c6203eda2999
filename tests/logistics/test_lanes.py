"""Lanes: who is notified of a job when, and in which order workers take jobs."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from django.db import transaction

from config.local import programs
from logistics.documents.models import Document
from logistics.jobs import messages
from logistics.jobs import services as jobs
from logistics.jobs.lanes import Lane, in_lane
from logistics.mail.models import Email
from tests.logistics.queues import queued_for, queued_in
from tests.makers.documents import make_document
from tests.makers.mail import make_email
from tests.processes import Instance, Running, eventually

NOTE = {"kind": "note", "to": "somebody@example.org", "subject": "A note", "body": "Hello.\n"}


def times_in(queue: str) -> list[datetime]:
    return [datetime.fromisoformat(message["headers"]["notified_at"]) for message in queued_in(queue)]


@pytest.mark.django_db(transaction=True)
class TestNotifying:
    def test_a_worker_is_notified_after_the_commit_and_the_row_says_when(self):
        with transaction.atomic():
            email = jobs.enqueue(Email(**NOTE))
            assert queued_for("2-soon") == 0

        email.refresh_from_db()
        assert times_in("2-soon") == [email.notified_at]

    def test_a_rolled_back_change_notifies_nobody(self):
        with pytest.raises(RuntimeError), transaction.atomic():
            jobs.enqueue(Email(**NOTE))
            raise RuntimeError

        assert queued_for("2-soon") == 0

    def test_a_broker_outage_is_not_an_error_for_the_caller_and_the_row_says_that_nobody_was_notified(
        self, dead_broker
    ):
        jobs.enqueue(Email(**NOTE))

        email = Email.objects.due().get()  # for the relay
        assert email.notified_at is None

    def test_after_a_long_transaction_the_row_has_the_time_of_its_message(self, monkeypatch):
        monkeypatch.setattr(messages, "PUNCTUAL_S", -1)

        email = jobs.enqueue(Email(**NOTE))

        email.refresh_from_db()
        [sent] = times_in("2-soon")
        assert sent == email.notified_at
        assert sent > email.created_at

    def test_a_retried_job_is_notified_in_its_lane(self):
        email = make_email(state="dead", ended_at=messages.database_now(), lane=Lane.NOW)

        jobs.retry(email)

        email.refresh_from_db()
        assert times_in("1-now") == [email.notified_at]


@pytest.mark.django_db
class TestLanes:
    def test_what_a_job_leads_to_goes_into_its_lane(self):
        def request_mail(row: Email, _: None) -> None:
            jobs.enqueue(Email(**NOTE), lane=Lane.SOON)

        bulk = make_email(lane=Lane.BULK)
        jobs.run(Email, bulk.pk, lambda row: None, request_mail)

        assert Email.objects.exclude(pk=bulk.pk).get().lane == Lane.BULK

    def test_work_for_many_rows_goes_into_the_bulk_lane_whatever_its_own_is(self):
        with in_lane(Lane.BULK):
            many = jobs.enqueue(Email(**NOTE), lane=Lane.NOW)
        one = jobs.enqueue(Email(**NOTE), lane=Lane.NOW)

        assert (many.lane, one.lane, make_document().lane) == (Lane.BULK, Lane.NOW, Lane.SOON)

    def test_a_job_that_waits_for_another_runs_when_that_is_done_or_dead(self, django_capture_on_commit_callbacks):
        email = jobs.enqueue_waiting(Email(**NOTE), at_most=timedelta(hours=1), lane=Lane.NOW)
        assert not Email.objects.due().exists()

        with django_capture_on_commit_callbacks(execute=True):
            jobs.wake(Email.objects.filter(pk=email.pk))

        assert Email.objects.due().get().notified_at == times_in("1-now")[0]

    @pytest.mark.parametrize("error", [None, jobs.GiveUp("no_such_font")])
    def test_followers_of_a_job_are_told_when_it_ends(self, error, monkeypatch):
        ended: list[object] = []
        monkeypatch.setitem(jobs._followers, Document, [lambda row: ended.append(row.pk)])
        document = make_document()

        def act(row: Document) -> dict[str, object]:
            if error:
                raise error
            return {"storage_name": "a", "sha256": "b", "size": 1, "pages": 1}

        jobs.run(Document, document.pk, act, lambda row, file: file)

        assert ended == [document.pk]


def send_mail(product: Instance, lane: Lane) -> None:
    """Store a mail, and the message that tells a worker of it."""
    [(pk,)] = product.rows(
        """INSERT INTO logistics_email (id, kind, "to", language, subject, body, attachments, state, lane,
               notified_at, attempts, last_error_code, progress)
           VALUES (gen_random_uuid(), 'note', 'a@example.org', 'en', '', '', '[]', 'pending', %s,
               now(), 0, '', 0) RETURNING id""",
        lane.value,
    )
    sender = Celery("sender", broker=product.broker.valkey.url, set_as_current=False)
    sender.send_task(Email.TASK, args=[str(pk)], queue=lane.queue)


def attempts(product: Instance) -> list[int]:
    return [count for (count,) in product.rows("SELECT attempts FROM logistics_email WHERE state = 'done'")]


@pytest.mark.processes
def test_a_worker_keeps_its_database_session_and_replaces_a_lost_one(tmp_path: Path):
    of_this = "datname = current_database() AND usename = 'relief_app'"
    sessions = f"SELECT pid FROM pg_stat_activity WHERE {of_this} ORDER BY pid"
    with Instance.started(tmp_path) as product:
        program = programs.worker(processes=1)
        product.running["worker"] = Running(program, product.env, tmp_path / "worker.log").start()
        send_mail(product, Lane.NOW)
        eventually(lambda: len(attempts(product)) == 1, what="the first mail to be sent")
        first = product.rows(sessions)
        for _ in range(5):
            send_mail(product, Lane.NOW)
        eventually(lambda: len(attempts(product)) == 6, what="six mails to be sent")
        kept = product.rows(sessions)

        product.rows(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {of_this}")
        for _ in range(3):
            send_mail(product, Lane.NOW)
        eventually(lambda: len(attempts(product)) == 9, what="mails to be sent after the session was lost")

        assert first
        assert kept == first
        assert not set(first) & set(product.rows(sessions))
        assert attempts(product) == [1] * 9


@pytest.mark.processes
def test_a_worker_takes_what_somebody_waits_for_first(tmp_path: Path):
    """One real worker, and messages that were sent in the opposite order before it started."""
    program = programs.worker(processes=1)
    with Instance.started(tmp_path) as product:
        for lane in (Lane.BULK, Lane.SOON, Lane.NOW) * 3:
            send_mail(product, lane)
        product.running["worker"] = Running(program, product.env, tmp_path / "worker.log").start()

        def taken() -> list[str]:
            done = "SELECT lane FROM logistics_email WHERE state = 'done' ORDER BY ended_at"
            return [lane for (lane,) in product.rows(done)]

        eventually(lambda: len(taken()) == 9, what="all mails to be sent")

        assert taken() == ["now"] * 3 + ["soon"] * 3 + ["bulk"] * 3
