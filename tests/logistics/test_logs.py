"""Logs are one JSON object per line, contain no values, and carry the request id into tasks."""

import json
import logging
import sys
from importlib import import_module

import pytest
import structlog
from django.db import IntegrityError
from django.test import Client
from django.urls import resolve

from logistics.errors import WrongState
from logistics.logs import logging_config
from tests.makers.partners import make_partner
from tests.makers.people import make_user
from tests.processes import Instance, eventually


def line_of(**options) -> dict:
    formatter = logging_config(level="INFO")["formatters"]["json"]
    record = logging.LogRecord("a.logger", logging.WARNING, __file__, 1, options.pop("message", "m"), None, None)
    for name, value in options.items():
        setattr(record, name, value)
    made = structlog.stdlib.ProcessorFormatter(
        processor=formatter["processor"], foreign_pre_chain=formatter["foreign_pre_chain"]
    ).format(record)
    assert "\n" not in made
    return json.loads(made)


def error_info(error: Exception):
    try:
        raise error
    except Exception:
        return sys.exc_info()


def test_line_breaks_and_escapes_stay_on_one_line():
    assert line_of(message="a\nb\x1b[31m\u2028c")["event"] == "a\nb\x1b[31m\u2028c"


def test_fields_are_kept():
    found = line_of(row="019a", task="logistics.send_email")

    assert (found["row"], found["task"], found["level"]) == ("019a", "logistics.send_email", "warning")


@pytest.mark.django_db
def test_an_error_logs_location_and_type_but_no_values():
    make_user(email="awa@example.org")
    with pytest.raises(IntegrityError, match="an_email_belongs_to_one_user") as caught:
        make_user(email="awa@example.org")

    found = line_of(exc_info=(caught.type, caught.value, caught.tb))

    assert found["error"] == "IntegrityError"
    assert "test_logs.py" in found["exception"]
    assert "awa@example.org" not in json.dumps(found)


def test_a_refusal_logs_its_code():
    assert line_of(exc_info=error_info(WrongState("No.")))["error_code"] == "wrong_state"


@pytest.mark.django_db
def test_a_request_is_one_line_with_its_route_and_no_ids(caplog, client):
    partner = make_partner()
    with caplog.at_level(logging.INFO):
        client.get(f"/api/v1/partners/{partner.pk}/")

    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]

    assert [line["request"] for line in lines] == ["GET api/v1/partners/(?P<pk>[^/.]+)/$"]
    assert str(partner.pk) not in str(lines)


@pytest.mark.long
@pytest.mark.processes
def test_the_request_id_is_passed_to_the_worker(tmp_path):
    """A dead mail is retried over the API; the worker's log lines have the request id."""
    with Instance.started(tmp_path, "web", "worker") as product:
        made = product.manage("shell", "-c", SET_UP).strip().splitlines()[-1]
        email, session = made.split()
        token = "a" * 32
        answer = product.post(
            f"/api/v1/emails/{email}/retry/",
            {},
            headers={
                "Cookie": f"sessionid={session}; csrftoken={token}",
                "X-CSRFToken": token,
                "Idempotency-Key": "tell-me-again-0001",
            },
        )
        assert answer.status == 200, answer.body
        request_id = answer.headers["X-Request-ID"]

        def told() -> list[dict]:
            lines = [json.loads(line) for line in product["worker"].text().splitlines() if line.startswith("{")]
            return [line for line in lines if line.get("request_id") == request_id]

        eventually(told, what="the worker to name the request")
        assert "task_succeeded" in {line["event"] for line in told()}


SET_UP = """
from importlib import import_module
from django.conf import settings
from django.utils import timezone
from logistics.mail.models import Email
from logistics.people.models import User
NOW = timezone.now()
email = Email.objects.create(kind="receipt", to="a@example.org", subject="S", body="B", state="dead", ended_at=NOW)
user = User.objects.create_user("finance@example.org", "a long password", name="F", roles=["finance"])
session = import_module(settings.SESSION_ENGINE).SessionStore()
session["_auth_user_id"] = str(user.pk)
session["_auth_user_backend"] = "logistics.people.backends.RoleBackend"
session["_auth_user_hash"] = user.get_session_auth_hash()
session.create()
print(email.pk, session.session_key)
"""


TOKEN = "AZxfQ1sAcXmf4nQ3c9v2Qw~kq0Zc9d7pX3mJ1rT5yU8"


@pytest.mark.parametrize(
    "message",
    [
        f"Forbidden (CSRF token missing.): /gifts/{TOKEN}/pay/",
        f"Error handling request /gifts/{TOKEN}/receipt/",
        f"Invalid HTTP request line: 'GET /my-gifts/in/{TOKEN}/ HTTP/9.9'",
        f"Not Found: /give/mali/?confirm={TOKEN}",
    ],
)
def test_a_path_in_a_message_has_no_token(message: str):
    written = line_of(message=message)["event"]

    assert TOKEN not in written
    assert "/…" in written or "?…" in written


def test_a_request_that_a_logger_adds_becomes_its_route(rf):
    request = rf.post(f"/gifts/{TOKEN}/pay/")
    request.resolver_match = resolve(request.path)

    found = line_of(request=request, status_code=403)

    assert found["request"] == "POST gifts/<str:token>/pay/"


@pytest.mark.django_db
def test_a_refused_form_does_not_log_the_link_of_a_gift(caplog):
    client = Client(enforce_csrf_checks=True)

    answer = client.post(f"/gifts/{TOKEN}/pay/")

    assert answer.status_code == 403
    record = next(record for record in caplog.records if record.name == "django.security.csrf")
    written = line_of(message=record.getMessage(), request=record.request)
    assert TOKEN not in json.dumps(written)


def test_what_is_no_token_is_kept():
    written = "task logistics.render_document of /tests/logistics/test_mail_audit_api.py, 3/4 done"

    assert line_of(message=written)["event"] == written


def test_the_web_servers_own_lines_pass_through_the_same_filter(monkeypatch, tmp_path):
    """gunicorn logs the request line of a malformed request."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))  # else the module sets it for this whole process
    web_server = import_module("config.web_server")
    logger = web_server.logconfig_dict["loggers"]["gunicorn.error"]

    assert (logger["handlers"], logger["propagate"]) == (["stderr"], False)
    assert "%(U)s" not in web_server.access_log_format and "%(r)s" not in web_server.access_log_format
