"""Errors: API clients always get problem+json, people get a page."""

import re

import psycopg
import pytest
import redis
from django.db import OperationalError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path
from psycopg_pool import PoolTimeout

from config import errors
from config.postgresql.away import is_away
from config.throttling import COUNT
from logistics.roles import Role
from tests.clients import client_of, is_a_problem, once
from tests.makers.partners import make_partner
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator():
    return client_of(make_user(Role.COORDINATOR))


class TestPrograms:
    def test_an_anonymous_request_is_401(self):
        answer = client_of().get("/api/v1/partners/")

        assert is_a_problem(answer, 401, "not_authenticated")
        assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_an_unknown_key_is_401(self):
        assert is_a_problem(client_of(Authorization="Bearer x.y").get("/api/v1/partners/"), 401, "bad_key")

    def test_a_role_without_permission_is_403(self):
        assert is_a_problem(client_of(make_user(Role.FINANCE)).get("/api/v1/contacts/"), 403, "permission_denied")

    @pytest.mark.parametrize("path", ["/api/v1/partners/x/", "/api/v1/nothing/", "/api/v1/nothing"])
    def test_an_unknown_row_is_404(self, coordinator, path):
        assert is_a_problem(coordinator.get(path), 404, "not_found")

    @pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/v1/partners", "/api/v1/", "/api/", "/api/v2/partners/"])
    @pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
    @pytest.mark.parametrize("is_known", [True, False])
    def test_an_unknown_url_is_404(self, path, method, is_known):
        client = client_of(make_user(Role.COORDINATOR)) if is_known else client_of()
        client.handler.enforce_csrf_checks = True

        answer = getattr(client, method)(path, headers=once())

        assert is_a_problem(answer, 404, "not_found")

    def test_an_unsupported_method_is_405(self, coordinator):
        assert is_a_problem(coordinator.delete("/api/v1/partners/"), 405, "method_not_allowed")

    def test_an_unsupported_accept_header_is_406(self, coordinator):
        assert is_a_problem(
            coordinator.get("/api/v1/partners/", headers={"Accept": "image/png"}), 406, "not_acceptable"
        )

    def test_an_unsupported_content_type_is_415(self, coordinator):
        answer = coordinator.post("/api/v1/partners/", "a=1", content_type="text/plain", headers=once())

        assert is_a_problem(answer, 415, "unsupported_media_type")

    def test_broken_json_is_400(self, coordinator):
        answer = coordinator.post("/api/v1/partners/", "{", content_type="application/json", headers=once())

        assert is_a_problem(answer, 400, "parse_error")

    @pytest.mark.parametrize("body", ["[]", "null", '"x"', "1"])
    def test_json_that_is_not_an_object_is_400(self, coordinator, body):
        answer = coordinator.post("/api/v1/partners/", body, content_type="application/json", headers=once())

        assert is_a_problem(answer, 400, "invalid_input")

    def test_a_body_that_is_too_large_is_413(self, coordinator):
        answer = coordinator.post("/api/v1/partners/", "x" * 1_000_001, content_type="application/json", headers=once())

        assert is_a_problem(answer, 413, "too_large")

    def test_an_invalid_character_is_400(self, coordinator):
        assert is_a_problem(coordinator.get("/api/v1/partners/?search=%00"), 400, "bad_request")

    def test_a_browser_write_without_csrf_token_is_403(self):
        client = client_of(make_user(Role.COORDINATOR))
        client.handler.enforce_csrf_checks = True

        answer = client.post("/api/v1/partners/", {}, format="json", headers=once())

        assert is_a_problem(answer, 403, "permission_denied")
        assert "CSRF" in answer.json()["detail"]

    def test_a_throttled_request_gets_a_retry_after_header(self, monkeypatch):
        from config.throttling import CallerThrottle

        monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"anonymous": "1/min", "caller": "1/min"})
        client = client_of(make_user(Role.COORDINATOR))
        client.get("/api/v1/me/")

        answer = client.get("/api/v1/me/")

        assert is_a_problem(answer, 429, "throttled")
        assert 0 < answer.json()["retry_after_s"] <= 60
        assert answer["Retry-After"]

    def test_a_bug_is_a_500_with_the_request_id(self, coordinator, monkeypatch):
        monkeypatch.setattr("logistics.partners.services.visible_to", lambda user: 1 / 0)
        coordinator.raise_request_exception = False

        answer = coordinator.get("/api/v1/partners/")

        assert is_a_problem(answer, 500, "bug")
        assert answer.json()["request_id"] == answer["X-Request-ID"]

    def test_rate_limits_pass_requests_while_the_cache_is_down(self, coordinator, monkeypatch):
        dead = redis.Redis.from_url("redis://127.0.0.1:9/0", socket_connect_timeout=1)
        monkeypatch.setattr("config.throttling._script", lambda: dead.register_script(COUNT))

        assert coordinator.get("/api/v1/me/").status_code == 200


class TestPeople:
    @pytest.mark.parametrize(("language", "heading"), [("en", "There is nothing here"), ("fr", "Page introuvable")])
    def test_get_a_page_in_their_language(self, language, heading):
        answer = Client().get("/nothing-here/", headers={"Accept": "text/html", "Accept-Language": language})

        assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert heading in answer.content.decode()

    def test_a_form_without_csrf_token_says_what_to_do(self):
        client = Client(enforce_csrf_checks=True)

        answer = client.post("/admin/login/", {"username": "a"}, headers={"Accept": "text/html"})

        assert (answer.status_code, "This form has expired" in answer.content.decode()) == (403, True)

    def test_an_api_client_that_posts_a_form_without_csrf_token_gets_problem_json(self):
        client = Client(enforce_csrf_checks=True)

        assert is_a_problem(
            client.post("/admin/login/", {}, headers={"Accept": "application/json"}), 403, "csrf_failed"
        )


def test_private_responses_are_not_cached(coordinator):
    answer = coordinator.get("/api/v1/partners/")

    assert {"no-store", "private"} <= {part.strip() for part in answer["Cache-Control"].split(",")}
    assert {"Cookie", "Authorization"} <= {part.strip() for part in answer["Vary"].split(",")}


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/docs/", "/verify/x/", "/api/v1/me/", "/health/"])
def test_pages_load_nothing_from_other_origins(path):
    policy = Client(headers={"Accept": "*/*"}).get(path)["Content-Security-Policy"]

    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert (rules["default-src"], rules["object-src"], rules["frame-ancestors"]) == ("'self'", "'none'", "'none'")
    assert "http" not in rules["script-src"] + rules["style-src"] + rules["img-src"]


def test_every_error_class_has_advice():
    assert all(told.heading and told.advice for told in [*errors.ERRORS.values(), errors.CSRF])


def test_a_unique_value_taken_in_a_race_is_refused(coordinator):
    """The serializer does not check first: only the database decides whether a code is free."""
    make_partner(code="TAKEN")
    body = {"code": "TAKEN", "name": "A", "languages": ["fr"], "country": "ML"}

    answer = coordinator.post("/api/v1/partners/", body, format="json", headers=once())

    assert is_a_problem(answer, 409, "not_unique")


def public_pages() -> list[str]:
    """Return the path of each page outside the API and the admin, with parameters that match nothing."""
    routes = [
        f"{outer.pattern}{inner.pattern}"
        for outer in get_resolver().url_patterns
        for inner in (outer.url_patterns if isinstance(outer, URLResolver) else [path("", outer.callback)])
        if isinstance(inner, URLPattern) and not str(outer.pattern).startswith(("api/", "admin/"))
    ]
    return ["/" + re.sub(r"<\w+:\w+>", "none", route) for route in routes]


@pytest.mark.parametrize("accept", ["text/html", "application/json", "image/png"])
@pytest.mark.parametrize("method", ["options", "head", "put", "patch", "delete", "trace"])
def test_no_page_fails_for_a_method_that_it_does_not_have(method, accept):
    client = Client(raise_request_exception=False)

    statuses = {page: getattr(client, method)(page, headers={"accept": accept}).status_code for page in public_pages()}

    assert {"/verify/none/", "/p/none/", "/give/"} <= statuses.keys()
    assert {page: status for page, status in statuses.items() if status >= 500} == {}


class TestAwayDatabase:
    """As long as PostgreSQL does not answer, everybody hears when to try again."""

    @pytest.fixture
    def away(self, monkeypatch):
        """No connection can be had, as while PostgreSQL is restarted."""

        def none(*_: object, **__: object) -> None:
            raise OperationalError from PoolTimeout("couldn't get a connection after 10.00 sec")

        monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", none)

    def test_a_program_is_told_when_to_repeat(self, away):
        answer = Client(raise_request_exception=False).get("/api/v1/appeals/")

        assert is_a_problem(answer, 503, "database_unavailable")
        assert answer["Retry-After"] == "5"

    def test_a_person_gets_a_page(self, away):
        answer = Client(raise_request_exception=False, headers={"Accept": "text/html"}).get("/give/")

        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert "We will be back in a moment" in answer.content.decode()


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (PoolTimeout(), True),
        (psycopg.OperationalError("the connection is lost"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CannotConnectNow(), True),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.LockNotAvailable(), False),
        (psycopg.errors.DeadlockDetected(), False),
    ],
)
def test_a_statement_that_failed_is_not_an_away_database(cause, expected):
    error = OperationalError()
    error.__cause__ = cause

    assert is_away(error) is expected
    assert not is_away(ValueError())
