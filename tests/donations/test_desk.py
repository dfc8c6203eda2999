"""What waits for finance, on the admin's first page and by mail."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config.celery import app as celery_app
from donations.alarms import desk
from donations.disputes.models import Dispute
from donations.payments.models import PaymentAttempt
from logistics.mail.models import Email
from logistics.roles import Role
from tests.clients import signed_in
from tests.makers.charity import make_charity
from tests.makers.donations import make_gift
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def make_attempt() -> PaymentAttempt:
    now = timezone.now()
    return make_gift(created_at=now).attempts.create(
        number=1, amount_minor=50050, currency="HKD", description="A gift", created_at=now, expires_at=now
    )


def make_dispute(*, due_in: timedelta, state: str = "needs_response") -> Dispute:
    attempt = make_attempt()
    return Dispute.objects.create(
        attempt=attempt, stripe_id=f"du_{attempt.pk}", state=state, amount_minor=50050, currency="HKD",
        reason="fraudulent", evidence_due_at=timezone.now() + due_in, created_at=timezone.now(),
    )  # fmt: skip


def lack_a_name() -> None:
    gift = make_gift(created_at=timezone.now())
    gift.receipt_blocked_by = ["donor_name_missing"]
    gift.save(update_fields=["receipt_blocked_by"])


def first_page(client: Client) -> str:
    return client.get("/admin/").content.decode()


def test_the_first_page_shows_what_waits_and_leads_there():
    make_charity()
    make_gift()
    lack_a_name()
    make_dispute(due_in=2 * DAY)
    finance = signed_in(Role.FINANCE)

    page = first_page(finance)
    gifts = finance.get("/admin/donations/donation/?receipt=missing").content.decode()

    assert "Receipts that lack something" in page
    assert "/admin/donations/donation/?receipt=missing" in page
    assert "Disputes to answer" in page
    assert "A deadline is within three days." in page
    assert gifts.count('name="_selected_action"') == 1


def test_what_does_not_wait_is_not_shown():
    make_charity()
    make_gift()
    make_dispute(due_in=2 * DAY, state="won")

    page = first_page(signed_in(Role.FINANCE))

    assert "Receipts that lack something" not in page
    assert "Disputes to answer" not in page


def test_who_sees_no_gifts_sees_nothing_of_it():
    make_charity()
    lack_a_name()

    assert "Receipts that lack something" not in first_page(signed_in(Role.WAREHOUSE))
    assert "Receipts that lack something" in first_page(signed_in(Role.AUDITOR))


def test_finance_is_mailed_of_new_work_once_in_its_language():
    make_charity()
    finance = make_user(Role.FINANCE, language="fr")
    make_user(Role.AUDITOR)
    lack_a_name()
    make_dispute(due_in=10 * DAY)
    now = timezone.now() + timedelta(seconds=1)

    told = [desk.tell_finance(at=now), desk.tell_finance(at=now + HOUR)]

    assert told == [1, 0]
    [mail] = Email.objects.filter(kind="desk")
    assert mail.to == finance.email
    assert "nouveaux litiges à traiter\N{NO-BREAK SPACE}: 1" in mail.body
    assert "nouveaux dons dont le reçu est incomplet\N{NO-BREAK SPACE}: 1" in mail.body
    assert "/admin/donations/donation/?receipt=missing" in mail.body


def test_a_deadline_is_reminded_of_three_days_before():
    make_charity()
    make_user(Role.FINANCE)
    make_dispute(due_in=5 * DAY)
    now = timezone.now() + timedelta(seconds=1)
    desk.tell_finance(at=now)

    told = [desk.tell_finance(at=now + hours * HOUR) for hours in (24, 47, 48, 49, 60)]

    assert told == [0, 0, 1, 0, 0]
    assert "disputes whose evidence is due within three days" in Email.objects.filter(kind="desk").latest("id").body


def test_before_there_is_anybody_in_finance_the_charity_is_told():
    make_charity(email="office@relief.example")
    lack_a_name()

    celery_app.tasks["donations.tell_finance"]()

    assert Email.objects.get(kind="desk").to == "office@relief.example"


def test_the_desk_costs_as_many_queries_however_much_waits(django_assert_num_queries):
    make_charity()
    for many in (1, 5):
        for _ in range(many):
            lack_a_name()
            make_dispute(due_in=DAY)
        with django_assert_num_queries(6):
            found = desk.waiting(at=timezone.now())

    assert [one.count for one in found] == [6, 6]
