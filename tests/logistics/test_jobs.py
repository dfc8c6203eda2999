"""Jobs, tested with mails."""

import uuid
from datetime import timedelta

import pytest
from celery import current_app
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import translation

from config import error_tables
from logistics.errors import DomainError, WrongState
from logistics.jobs import messages, reasons, relay
from logistics.jobs import services as jobs
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from logistics.jobs.relay import sweep
from logistics.mail.models import Email
from logistics.roles import Role
from tests.clients import signed_in
from tests.logistics.queues import queued_for, queued_in, row_of
from tests.makers.mail import make_email
from tests.makers.moments import NOON
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def lapse(email: Email) -> None:
    """Expire the lease of a row, as if its worker was killed."""
    Email.objects.filter(pk=email.pk).update(lease_until=Now() - timedelta(seconds=1))


def do(email: Email, act=lambda row: None, **options) -> bool:
    return jobs.run(Email, email.pk, act, **options)


@pytest.mark.django_db(transaction=True)
def test_only_one_of_eight_concurrent_claims_succeeds():
    email = make_email()

    tokens = in_threads(lambda _: Email.objects.claim(email.pk))

    assert len([token for token in tokens if token]) == 1
    email.refresh_from_db()
    assert (email.state, email.attempts) == ("leased", 1)


@pytest.mark.django_db(transaction=True)
def test_only_one_of_eight_workers_runs_a_job():
    email, done = make_email(), []

    results = in_threads(lambda number: do(email, lambda row: done.append(number)))

    assert (sum(results), len(done)) == (1, 1)


class TestCarryOut:
    def test_marks_the_row_done_with_what_record_returns(self):
        email = make_email()

        assert do(email, lambda row: "fr", record=lambda row, result: {"language": result})

        email.refresh_from_db()
        assert (email.state, email.language, email.progress, email.lease_token) == ("done", "fr", 100, None)
        assert email.ended_at

    def test_a_second_time_does_nothing(self):
        calls: list[Email] = []
        email = make_email()
        do(email, calls.append)

        assert not do(email, calls.append)

        assert len(calls) == 1

    def test_a_failure_is_scheduled_for_retry(self):
        email = make_email()

        assert not do(email, lambda row: 1 / 0)

        email.refresh_from_db()
        assert (email.state, email.attempts, email.last_error_code) == ("pending", 1, "ZeroDivisionError")
        assert not Email.objects.due().exists()  # it waits first

    def test_the_last_failure_marks_the_job_dead(self):
        email = make_email(attempts=Email.ATTEMPTS_MAX - 1)

        do(email, lambda row: 1 / 0)

        email.refresh_from_db()
        assert (email.state, email.last_error_code) == ("dead", "ZeroDivisionError")

    def test_a_refusal_stores_its_code(self):
        class Full(DomainError):
            code = "box_full"

        def act(row):
            raise Full("No.")

        email = make_email()

        do(email, act)

        email.refresh_from_db()
        assert email.last_error_code == "box_full"

    def test_not_yet_waits_without_counting_an_attempt(self):
        def act(row):
            raise jobs.NotYet(timedelta(minutes=1))

        email = make_email()

        assert not do(email, act)

        email.refresh_from_db()
        assert (email.state, email.attempts, email.last_error_code) == ("pending", 0, "")
        assert not Email.objects.due().exists()

    def test_give_up_marks_the_job_dead_at_once(self):
        def act(row):
            raise jobs.GiveUp("no_such_address")

        email = make_email()

        assert not do(email, act)

        email.refresh_from_db()
        assert (email.state, email.attempts, email.last_error_code) == ("dead", 1, "no_such_address")

    def test_a_worker_that_lost_its_lease_records_nothing(self):
        def slow(row):
            lapse(row)
            assert Email.objects.claim(row.pk)  # another worker takes over meanwhile

        email, recorded = make_email(), []

        assert not do(email, slow, record=lambda row, result: recorded.append(row))

        email.refresh_from_db()
        assert (email.state, email.attempts, recorded) == ("leased", 2, [])

    def test_a_failing_record_is_rolled_back(self):
        def record(row, result):
            make_email(subject="half done")
            raise RuntimeError

        do(make_email(), record=record)

        assert not Email.objects.filter(subject="half done").exists()

    def test_progress_is_visible_while_the_job_runs(self):
        seen = []

        def act(row):
            jobs.report_progress(row, 40)
            jobs.report_progress(row, 100)
            seen.append(Email.objects.get().progress)

        do(make_email(), act)

        assert seen == [99]


class TestLease:
    def test_a_leased_row_is_not_due_until_its_lease_ends(self):
        email = make_email()
        Email.objects.claim(email.pk)

        assert not Email.objects.claim(email.pk)
        lapse(email)
        assert Email.objects.claim(email.pk)

    def test_a_job_that_kills_its_worker_each_time_is_marked_dead(self):
        email = make_email()
        for _ in range(Email.ATTEMPTS_MAX):
            assert Email.objects.claim(email.pk)
            lapse(email)

        assert not Email.objects.claim(email.pk)
        assert jobs.mark_dead(Email) == 1

        email.refresh_from_db()
        assert (email.state, email.last_error_code, email.attempts) == ("dead", "worker_died", 5)

    def test_a_retried_dead_job_starts_at_the_first_attempt(self):
        email = make_email(attempts=4)
        do(email, lambda row: 1 / 0)

        jobs.retry(Email.objects.get(pk=email.pk))

        assert do(email)

    def test_only_dead_jobs_can_be_retried(self):
        email = make_email()
        do(email)

        with pytest.raises(WrongState):
            jobs.retry(email)


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("logistics_email_is_leased_exactly_with_a_token", {"state": "leased"}),
        ("logistics_email_is_leased_exactly_with_a_token", {"lease_token": uuid.uuid4()}),
        ("logistics_email_ended_exactly_when_done_or_dead", {"state": "done"}),
        ("logistics_email_ended_exactly_when_done_or_dead", {"ended_at": Now()}),
    ],
)
def test_the_database_refuses_inconsistent_states(constraint, change):
    email = make_email()

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Email.objects.filter(pk=email.pk).update(**change)


def notified(email: Email, *, seconds_ago: int, lost: bool = False) -> Email:
    """Have a worker notified some time ago; the message still waits in the queue, or is lost."""
    messages.mark_notified(email, at=messages.database_now() - timedelta(seconds=seconds_ago))
    assert lost or messages.send(email)
    return email


class TestSweep:
    def test_notifies_a_worker_of_a_job_at_once_and_only_once(self):
        email = make_email()

        assert sweep().notified == 1
        assert sweep().notified == 0

        assert queued_for("2-soon") == 1
        email.refresh_from_db()
        assert (email.state, email.notified_at is not None) == ("pending", True)

    def test_a_message_that_waits_its_turn_is_never_repeated(self):
        for seconds_ago in (3600, 1800, 60, 1):
            notified(make_email(), seconds_ago=seconds_ago)

        assert [sweep().notified for _ in range(3)] == [0, 0, 0]

        assert queued_for("2-soon") == 4

    def test_a_message_is_lost_when_later_ones_were_taken(self):
        lost = notified(make_email(), seconds_ago=3600, lost=True)
        waiting = notified(make_email(), seconds_ago=1800)

        assert [sweep().notified for _ in range(2)] == [1, 0]

        assert [row_of(message) for message in queued_in("2-soon")] == [str(waiting.pk), str(lost.pk)]

    def test_messages_without_a_job_say_nothing_about_others(self):
        current_app.send_task("logistics.verify_invariants", queue="2-soon")
        notified(make_email(), seconds_ago=60)

        assert sweep().notified == 0

    def test_after_the_broker_lost_everything_each_job_is_notified_again_once(self):
        for _ in range(3):
            notified(make_email(), seconds_ago=60, lost=True)
        notified(make_email(), seconds_ago=1)

        assert [sweep().notified for _ in range(3)] == [3, 0, 0]

    def test_one_lane_does_not_wait_for_another(self):
        notified(make_email(lane=Lane.BULK), seconds_ago=3600)
        notified(make_email(lane=Lane.NOW), seconds_ago=60, lost=True)

        assert sweep().notified == 1

        assert (queued_for("1-now"), queued_for("3-bulk")) == (1, 1)

    def test_runs_first_what_somebody_waits_for_while_the_broker_is_down(
        self, dead_broker, files, mailoutbox, monkeypatch
    ):
        current_app.loader.import_default_modules()
        monkeypatch.setattr(relay, "RUNNING_HERE_S", 0)
        for lane in (Lane.BULK, Lane.BULK, Lane.SOON, Lane.NOW):
            make_email(lane=lane, subject=lane)

        swept = sweep()

        assert (swept.run_here, swept.is_unfinished) == (2, True)
        assert [mail.subject for mail in mailoutbox] == ["now", "soon"]

    def test_runs_jobs_itself_while_the_broker_is_down(self, dead_broker, files, mailoutbox):
        current_app.loader.import_default_modules()
        email = make_email()

        result = sweep()

        assert (result.notified, result.run_here) == (0, 1)
        email.refresh_from_db()
        assert (email.state, len(mailoutbox)) == (Job.State.DONE, 1)

    def test_marks_dead_jobs_first(self):
        email = make_email()
        Email.objects.filter(pk=email.pk).update(attempts=4)
        Email.objects.claim(email.pk)
        lapse(email)

        assert sweep().marked_dead == 1


def test_every_kind_of_job_names_a_task_that_exists():
    current_app.loader.import_default_modules()

    assert Email in jobs.job_models()
    assert {model.TASK for model in jobs.job_models()} <= set(current_app.tasks)


def test_every_code_of_a_failed_job_has_words_in_both_languages():
    for code in (*error_tables.JOBS, *error_tables.PAPERS, "TimeoutError"):
        words = {}
        for language in ("en", "fr"):
            with translation.override(language):
                words[language] = reasons.shown(code)
        assert words["en"] != words["fr"], code
        assert all(text.endswith(f" ({code})") and "unexpected" not in text for text in words.values()), words


def test_an_error_without_words_is_unexpected_and_no_error_is_nothing():
    assert (reasons.shown("ZeroDivisionError"), reasons.shown("")) == ("unexpected error (ZeroDivisionError)", "")


def test_the_admin_says_in_french_why_a_job_failed():
    email = make_email(kind="receipt", state="dead", ended_at=NOON, attempts=5, last_error_code="SMTPRecipientsRefused")
    client = signed_in(Role.FINANCE)
    client.post(reverse("set_language"), {"language": "fr"})

    for url in ("/admin/logistics/email/", f"/admin/logistics/email/{email.pk}/change/"):
        assert "a refusé le destinataire (SMTPRecipientsRefused)" in client.get(url).content.decode()
