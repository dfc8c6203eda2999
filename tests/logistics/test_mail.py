import email as parser
import hashlib
from email import policy
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from logistics.mail import services as mail
from tests.makers.mail import make_email

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mail_folder(settings, tmp_path, files):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")


def sent(tmp_path: Path) -> list[parser.message.EmailMessage]:
    files = sorted((tmp_path / "mail").glob("*.log"))
    return [parser.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


def attached() -> mail.Attachment:
    name = default_storage.save("documents/ab/paper.pdf", ContentFile(b"%PDF-1.7 a paper"))
    sha256 = hashlib.sha256(b"%PDF-1.7 a paper").hexdigest()
    return mail.Attachment(name="receipt-1.pdf", storage_name=name, sha256=sha256, type="application/pdf")


def test_a_mail_is_sent_with_its_attachment(tmp_path):
    email = make_email(attachments=[attached()])

    assert mail.deliver(str(email.pk))

    (message,) = sent(tmp_path)
    assert (message["To"], message["Subject"]) == ("somebody@example.org", "A note")
    assert str(email.pk) in message["Message-ID"]
    (attachment,) = message.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("receipt-1.pdf", b"%PDF-1.7 a paper")
    email.refresh_from_db()
    assert email.state == "done"


def test_the_contents_of_a_sent_mail_are_wiped(tmp_path):
    email = make_email(body="Open this within 20 minutes: http://localhost:8000/my-gifts/in/secret\n")

    mail.deliver(str(email.pk))

    (message,) = sent(tmp_path)
    assert "/my-gifts/in/secret" in message.as_string()
    email.refresh_from_db()
    assert (email.state, email.body, email.subject) == ("done", "", "A note")


def test_a_mail_that_could_not_be_sent_is_kept_for_a_retry():
    email = make_email(attachments=[attached() | {"sha256": "0" * 64}])

    mail.deliver(str(email.pk))

    email.refresh_from_db()
    assert email.body == "Hello.\n"


def test_a_mail_is_sent_once(tmp_path):
    email = make_email()
    mail.deliver(str(email.pk))

    assert not mail.deliver(str(email.pk))

    assert len(sent(tmp_path)) == 1


def test_an_attachment_with_a_wrong_hash_stops_the_mail(tmp_path):
    email = make_email(attachments=[attached() | {"sha256": "0" * 64}])

    assert not mail.deliver(str(email.pk))

    email.refresh_from_db()
    assert (email.state, email.last_error_code) == ("pending", "AttachmentChanged")
    assert not sent(tmp_path)


def test_a_subject_cannot_inject_a_header(tmp_path):
    email = make_email(subject="Hello\nBcc: everybody@example.org")

    mail.deliver(str(email.pk))

    email.refresh_from_db()
    assert (email.state, email.last_error_code) == ("pending", "BadHeaderError")
    assert not [message for message in sent(tmp_path) if message["To"]]
