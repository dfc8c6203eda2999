"""A worker does the job that follows from its job itself, without a message."""

from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.db.models.functions import Now

from donations.stripe_events.models import StripeEvent
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.jobs import following, relay
from logistics.jobs import services as jobs
from logistics.jobs.models import LOST_AFTER, Job
from logistics.mail.models import Email
from tests.donations.fixtures import committed_giving, stand_in  # noqa: F401  fixtures
from tests.donations.giving import Giving, events_of, paid
from tests.logistics.queues import queued_in, row_of
from tests.makers.mail import make_email

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = "2-soon"  # of mails


def as_worker(row: Job) -> None:
    """Do a job as a worker does that takes the job's message."""
    current_app.tasks[row.TASK].apply(args=(str(row.pk),), throw=True)


def rows_in(queue: str) -> set[str]:
    return {row_of(message) for message in queued_in(queue)}


def lead_to_three(_: Email) -> None:
    for _number in range(3):
        jobs.enqueue(Email(kind="note", to="somebody@example.org", subject="A note", body="Hello.\n"))


@pytest.fixture
def event(committed_giving: Giving) -> StripeEvent:  # noqa: F811
    """The event of a payment, which is not applied yet."""
    paid(committed_giving)
    committed_giving.deliver(*events_of(committed_giving, "payment_intent.succeeded"))
    return StripeEvent.objects.get()


def test_a_gift_is_one_message_from_its_event_to_its_mail(event: StripeEvent) -> None:
    as_worker(event)

    assert (Document.objects.get().state, Email.objects.get().state) == (Job.State.DONE, Job.State.DONE)
    assert len(mail.outbox) == 1
    assert [row_of(message) for message in queued_in("1-now")] == [str(event.pk)]


def test_what_follows_is_stored_before_it_is_begun_and_the_relay_finds_it(
    event: StripeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the worker was killed when it has booked the event, before it claims the paper."""
    with monkeypatch.context() as patch:
        patch.setattr(documents, "render", lambda _: None)
        as_worker(event)
    event.refresh_from_db()
    paper = Document.objects.get()
    assert (event.state, paper.state, paper.attempts) == (Job.State.DONE, Job.State.PENDING, 0)
    assert rows_in("1-now") == {str(event.pk)}
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        channel.client.delete("1-now")

    relay.sweep()
    assert rows_in("1-now") == set()  # its worker may be about to begin

    Document.objects.update(notified_at=Now() - 2 * LOST_AFTER)
    relay.sweep()
    assert rows_in("1-now") == {str(paper.pk)}


def test_a_task_that_is_stopped_leaves_what_follows_to_another_worker(
    event: StripeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise Stopped

    monkeypatch.setattr("logistics.jobs.worker.close_old_connections", stop)

    with pytest.raises(Stopped):
        as_worker(event)

    assert rows_in("1-now") == {str(event.pk), str(Document.objects.get().pk)}


def test_of_several_jobs_that_follow_the_first_is_for_this_worker() -> None:
    email = make_email()

    with following.following() as kept:
        jobs.run(Email, email.pk, lead_to_three)

    assert kept.row is not None
    others = Email.objects.exclude(pk__in=[email.pk, kept.row.pk])
    assert rows_in(QUEUE) == {str(other.pk) for other in others}
    assert len(others) == 2


def test_after_a_long_job_other_workers_are_notified(monkeypatch: pytest.MonkeyPatch) -> None:
    """All jobs of a task must end within its time limit."""
    monkeypatch.setattr(following, "FOLLOWS_WITHIN_S", -1.0)

    with following.following() as kept:
        jobs.run(Email, make_email().pk, lead_to_three)

    assert (kept.row, len(rows_in(QUEUE))) == (None, 3)
