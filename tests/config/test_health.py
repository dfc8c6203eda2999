"""Health checks and metrics."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from config import health
from logistics.health import services as heartbeats
from logistics.health.models import HealthCheck
from logistics.jobs.lanes import Lane
from logistics.mail.models import Email
from tests.makers.mail import make_email
from tests.makers.moments import NOON
from tests.processes import Instance, eventually

# Health checks run in their own threads, which see only committed data.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _all_alive(monkeypatch):
    """All heartbeats are recent, and the timeouts allow for a busy test machine."""
    monkeypatch.setattr(health, "TIMEOUT_S", 60)
    for name in health.WATCHED:
        heartbeats.beat(name)


def ask():
    answer = Client().get("/health/")
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("_all_alive")
class TestHealth:
    def test_everything_up_is_200(self):
        status, body = ask()

        assert (status, body["status"]) == (200, "ok")
        assert set(body["checks"]) == {"database", "broker", "storage", "heartbeats"}

    def test_a_broker_outage_keeps_the_server_in_rotation(self, settings):
        settings.REDIS_URL = "redis://127.0.0.1:9/0"

        status, body = ask()

        assert (status, body["status"], body["checks"]["broker"]["error"]) == (200, "degraded", "ConnectionError")

    def test_a_worker_without_heartbeat_is_reported(self):
        HealthCheck.objects.filter(name="worker-now").update(at=Now() - timedelta(seconds=90))

        status, body = ask()

        assert (status, body["status"], body["checks"]["heartbeats"]["who"]) == (200, "degraded", "worker-now")

    def test_without_the_database_the_server_leaves_the_rotation(self, monkeypatch):
        monkeypatch.setitem(health.CHECKS, "database", lambda: 1 / 0)

        assert ask()[0] == 503
        assert ask()[1]["status"] == "failed"

    def test_a_hanging_part_does_not_delay_the_response(self, monkeypatch):
        released = threading.Event()
        checks: dict[str, Any] = {"storage": lambda: released.wait() and {}, "database": lambda: {}}
        monkeypatch.setattr(health, "CHECKS", checks)
        monkeypatch.setattr(health, "TIMEOUT_S", 0.5)
        try:
            status, body = ask()  # responds although the part is still stuck
        finally:
            released.set()

        assert (status, body["status"], body["checks"]["storage"]["error"]) == (200, "degraded", "timeout")
        assert body["checks"]["database"]["ok"]

    def test_error_messages_are_not_shown(self, monkeypatch):
        def broken():
            raise OSError("cannot reach https://key:secret@store.internal")

        monkeypatch.setitem(health.CHECKS, "storage", broken)

        assert "secret" not in str(ask())


@pytest.mark.long
@pytest.mark.processes
def test_a_running_product_is_healthy_and_sums_metrics_over_processes(tmp_path):
    """Beat sends a heartbeat through each queue; the metrics of gunicorn's processes are summed."""
    with Instance.started(tmp_path, "web", "worker", "worker-now", "beat", "relay") as product:
        eventually(lambda: product.get("/health/").json()["status"] == "ok", within=180, what="all to be well")

        assert 'http_requests_total{method="GET",route="health/",status="200"}' in product.get("/metrics").body.decode()


def test_the_product_waits_two_seconds_for_its_parts():
    assert health.TIMEOUT_S == 2


def figures(**headers):
    answer = Client(headers=headers or None).get("/metrics")
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return answer.status_code, dict(line.rsplit(" ", 1) for line in lines if " " in line)


class TestMetrics:
    def test_requests_are_counted_by_route_and_not_by_path(self):
        Client().get("/verify/a-token-that-nobody-has/")

        _, found = figures()

        assert float(found['http_requests_total{method="GET",route="verify/<str:token>/",status="404"}']) >= 1
        assert not [name for name in found if "a-token" in name]

    def test_jobs_are_counted_by_kind_and_state(self):
        late, dead = make_email(), make_email()
        type(late).objects.filter(pk=late.pk).update(run_after=Now() - timedelta(seconds=120))
        type(dead).objects.filter(pk=dead.pk).update(state="dead", ended_at=NOON)

        _, found = figures()

        assert found['jobs{kind="logistics.email",state="pending"}'] == "1.0"
        assert found['jobs{kind="logistics.email",state="dead"}'] == "1.0"
        assert 119 < float(found['jobs_overdue_seconds{kind="logistics.email"}']) < 180

    def test_the_length_and_delay_of_each_lane_are_exported(self):
        bulk = [make_email(lane=Lane.BULK) for _ in range(3)]
        Email.objects.filter(pk=bulk[0].pk).update(run_after=Now() - timedelta(seconds=120))
        Email.objects.filter(pk=bulk[1].pk).update(run_after=Now() + timedelta(hours=1))  # waits for something else

        _, found = figures()

        assert [found[f'lane_jobs{{lane="{lane}"}}'] for lane in ("now", "soon", "bulk")] == ["0.0", "0.0", "2.0"]
        assert 119 < float(found['lane_oldest_seconds{lane="bulk"}']) < 180
        assert found['lane_oldest_seconds{lane="now"}'] == "0.0"

    def test_heartbeats_and_broken_invariants_are_exported(self):
        heartbeats.beat("relay")
        HealthCheck.objects.create(name="invariants", at=NOON, findings={"Two and two are four.": 3})

        _, found = figures()

        assert float(found['heartbeat_age_seconds{name="relay"}']) < 60
        assert found['invariant_broken_rows{statement="Two and two are four."}'] == "3.0"

    def test_metrics_can_require_a_token(self, settings):
        settings.METRICS_TOKEN = "a-token"

        assert figures()[0] == 401
        assert figures(Authorization="Bearer something-else")[0] == 401
        assert figures(Authorization="Bearer a-token")[0] == 200

    @pytest.mark.parametrize(
        ("sender", "status"),
        [
            ({"REMOTE_ADDR": "127.0.0.1"}, 200),
            ({"REMOTE_ADDR": "::1"}, 200),
            ({"REMOTE_ADDR": "172.18.0.1"}, 401),
            ({"REMOTE_ADDR": ""}, 401),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.5"}, 401),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "203.0.113.5"}, 401),
            ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.5"}, 401),
        ],
    )
    def test_without_a_token_only_this_machine_reads_metrics(self, settings, sender, status):
        settings.METRICS_TOKEN = ""

        assert Client().get("/metrics", **sender).status_code == status

    def test_an_unknown_method_creates_no_new_series(self):
        Client().generic("BREW", "/health/")

        assert not [name for name in figures()[1] if "BREW" in name]

    def test_metrics_take_at_most_twenty_queries(self, django_assert_max_num_queries):
        with django_assert_max_num_queries(20):
            figures()


class TestInvariants:
    def test_a_row_that_breaks_an_invariant_is_reported_and_counted(self):
        email = make_email()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE logistics_email SET state = 'leased', lease_token = gen_random_uuid(),"
                " lease_until = now() - interval '2 hours'"
            )

        broken = [finding for finding in heartbeats.check_all() if finding.broken]

        assert [(finding.broken, finding.samples) for finding in broken] == [(1, [str(email.pk)])]
        assert list(HealthCheck.objects.get(name="invariants").findings.values()) == [1]

    def test_every_invariant_has_a_unique_sentence(self):
        statements = [statement for statement, _ in heartbeats.invariants()]

        assert len(set(statements)) == len(statements) >= 8
        assert all(statement.endswith(".") for statement in statements)
