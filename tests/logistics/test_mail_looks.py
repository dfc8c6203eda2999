"""How mails look and what their headers say; who no longer wants them; what staff are told."""

import email as parser
import re
import threading
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from logistics.jobs import services as jobs
from logistics.mail import readers, unsubscribing
from logistics.mail import services as mail
from logistics.mail.models import Email, Unsubscription
from logistics.notices import services as notices
from logistics.roles import Role
from tests.makers.charity import make_charity
from tests.makers.mail import make_email
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db
OPTIONAL = "shipment-dispatched"


@pytest.fixture(autouse=True)
def _mail_folder(settings, tmp_path, files):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")


def sent(tmp_path: Path, row: Email) -> EmailMessage:
    assert mail.deliver(str(row.pk))
    (file,) = (tmp_path / "mail").glob("*.log")
    message = parser.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body
    return str(body.get_content())


def test_a_mail_comes_from_the_charity_and_answers_go_to_it(tmp_path, settings):
    settings.DEFAULT_FROM_EMAIL = "giving@relief.example"
    charity = make_charity(name="Crossroads, Ltd. 國際十字路會", email="office@relief.example")

    message = sent(tmp_path, make_email(body="Hello.\n"))

    assert parseaddr(message["From"]) == (charity.name, "giving@relief.example")
    assert message["Reply-To"] == "office@relief.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@relief.example>")


def test_a_mail_is_sent_before_the_charity_is_set_up(tmp_path, settings):
    settings.DEFAULT_FROM_EMAIL = "Giving <giving@relief.example>"

    message = sent(tmp_path, make_email())

    assert (message["From"], message["Reply-To"]) == ("giving@relief.example", None)


def test_the_html_says_what_the_text_says_and_its_links_can_be_pressed(tmp_path):
    make_charity(name="Crossroads")
    row = make_email(
        subject="Your gift", body="Dear A & B <script>,\n\nFollow it here:\nhttps://x.example/gift/a?b=1&c=2\n"
    )

    message = sent(tmp_path, row)

    text, html = part(message, "plain"), part(message, "html")
    assert "Dear A & B <script>" in text
    assert "Dear A &amp; B &lt;script&gt;," in html
    assert "<script" not in html
    assert re.findall(r'href="(https[^"]*)"', html) == ["https://x.example/gift/a?b=1&amp;c=2"]
    assert html.index("Crossroads") < html.index("Your gift</h1>") < html.index("Follow it here")


def test_a_mail_in_a_language_from_right_to_left_is_laid_out_so(tmp_path):
    message = sent(tmp_path, make_email(language="ar", body="مرحبا\n"))

    assert '<html lang="ar" dir="rtl">' in part(message, "html")


def test_a_receipt_has_no_unsubscribe_link(tmp_path):
    message = sent(tmp_path, make_email(kind="receipt"))

    assert message["List-Unsubscribe"] is None
    assert "/unsubscribe/" not in part(message, "plain") + part(message, "html")


def test_a_mail_program_unsubscribes_with_one_click(tmp_path, settings):
    row = make_email(kind=OPTIONAL, to="Kadi@Example.org")

    message = sent(tmp_path, row)
    link = message["List-Unsubscribe"].strip(" <>")
    path = link.removeprefix(settings.PUBLIC_URL)
    strict = Client(enforce_csrf_checks=True)
    answers = [strict.post(path, {"List-Unsubscribe": "One-Click"}).status_code for _ in range(2)]

    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in part(message, "plain")
    assert "kadi" not in link.lower()
    assert answers == [200, 200]
    assert Unsubscription.objects.values_list("kind", "to").get() == (OPTIONAL, "kadi@example.org")


def test_opening_the_link_changes_nothing_and_the_button_can_be_taken_back(client):
    row = make_email(kind=OPTIONAL, language="fr")
    path = unsubscribing.url_of(row).partition("://")[2].partition("/")[2]

    opened = client.get(f"/{path}").content.decode()
    wanted = unsubscribing.is_wanted(OPTIONAL, row.to)
    stopped = client.post(f"/{path}").content.decode()
    unwanted = not unsubscribing.is_wanted(OPTIONAL, row.to)
    client.post(f"/{path}", {"again": "1"})

    assert "Ne plus recevoir ces e-mails" in opened
    assert "Vous ne recevrez plus ces e-mails" in stopped
    assert (wanted, unwanted, unsubscribing.is_wanted(OPTIONAL, row.to)) == (True, True, True)


@pytest.mark.parametrize("change", [lambda token: token[:-1], lambda token: "x" + token, lambda _: "0"])
def test_a_link_that_we_did_not_make_is_not_found(client, change):
    token = unsubscribing.url_of(make_email(kind=OPTIONAL)).rstrip("/").rpartition("/")[2]

    assert client.post(f"/unsubscribe/{change(token)}/").status_code == 404
    assert not Unsubscription.objects.exists()


def test_the_link_of_a_receipt_unsubscribes_nobody(client):
    token = unsubscribing.url_of(make_email(kind="receipt")).rstrip("/").rpartition("/")[2]

    assert client.post(f"/unsubscribe/{token}/").status_code == 404


def test_who_has_unsubscribed_gets_no_more_of_that_kind_but_others():
    unsubscribing.unsubscribe(make_email(kind=OPTIONAL), at=connection_time())
    given: Any = {"to": "Somebody@example.org", "template": "notices/mail/failed.txt", "context": {"count": 1}}

    assert mail.notify(OPTIONAL, **given) is None
    assert mail.notify("failed-document", **given) is not None
    assert mail.request("receipt", **given).state == "pending"


def test_an_optional_kind_is_not_requested_past_its_unsubscribers():
    with pytest.raises(AssertionError, match="unsubscribed"):
        mail.request(OPTIONAL, to="a@example.org", template="notices/mail/failed.txt", context={"count": 1})


def connection_time():
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def told(kind: str = "failed-email") -> list[str]:
    return sorted(Email.objects.filter(kind=kind).values_list("to", flat=True))


def die(**fields: object) -> Email:
    row = make_email(
        attempts=4, attachments=[{"name": "x", "storage_name": "nowhere", "sha256": "", "type": ""}], **fields
    )
    mail.deliver(str(row.pk))
    row.refresh_from_db()
    assert row.state == "dead"
    return row


def test_staff_who_can_retry_a_dead_job_are_told_once_an_hour():
    finance, coordinator = make_user(roles=[Role.FINANCE]), make_user(roles=[Role.COORDINATOR])

    die(kind="receipt")
    die(kind="receipt")
    first = told()
    Email.objects.filter(kind="failed-email").update(created_at=connection_time() - notices.INTERVAL)
    die(kind="receipt")

    assert first == [finance.email]
    assert told() == [finance.email] * 2
    assert coordinator.email not in told()
    texts = Email.objects.filter(kind="failed-email").order_by("id").values_list("body", flat=True)
    assert ["One job has failed" in texts[0], "3 jobs have failed" in texts[1]] == [True, True]
    assert all("/admin/logistics/email/?state__exact=dead" in text for text in texts)


def test_who_no_longer_works_here_is_not_told():
    make_user(roles=[Role.FINANCE], is_active=False)

    die(kind="receipt")

    assert told() == []


def test_a_failed_mail_about_failed_mails_causes_no_other():
    make_user(roles=[Role.FINANCE])

    die(kind="failed-email")

    assert told() == [Email.objects.get(kind="failed-email").to]


def test_a_job_that_is_done_is_nobodys_business(tmp_path):
    make_user(roles=[Role.FINANCE])

    sent(tmp_path, make_email(kind="receipt"))

    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_of_jobs_that_die_at_once_one_is_told_of():
    finance = make_user(roles=[Role.FINANCE])
    rows = [
        make_email(
            kind="receipt", attempts=4, attachments=[{"name": "x", "storage_name": "no", "sha256": "", "type": ""}]
        )
        for _ in range(4)
    ]

    def run(pk: str) -> None:
        mail.deliver(pk)
        connection.close()

    threads = [threading.Thread(target=run, args=[str(row.pk)]) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Email.objects.filter(state="dead").count() == 4
    assert told() == [finance.email]


def test_every_kind_of_job_that_staff_may_retry_is_watched():
    assert {"failed-document", "failed-email", "failed-upload", "failed-receiptdelivery", "failed-stripeevent"} <= (
        readers.kinds()
    )
    assert jobs.job_models()
