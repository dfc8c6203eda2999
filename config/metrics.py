"""Prometheus metrics at /metrics."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from secrets import compare_digest

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from donations.alarms import services as alarms
from logistics.health import services as health
from logistics.jobs.lanes import Lane
from logistics.jobs.services import job_models
from logistics.permissions import public_page

REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("http_request_seconds", "Time to answer", ["method", "route"])
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetricsMiddleware:
    """Count and time requests by route pattern, never by path, which holds ids and tokens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        route = request.resolver_match.route if request.resolver_match else "unknown"
        # Clients can invent methods; each would be a time series of its own for ever.
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        SECONDS.labels(method, route).observe(time.perf_counter() - started)
        return response


class JobCollector(Collector):
    """Jobs, their delays and heartbeats, read from the database at each scrape, with one index each."""

    def collect(self) -> Iterator[Metric]:
        rows = GaugeMetricFamily("jobs", "Jobs that are not done", labels=["kind", "state"])
        overdue = GaugeMetricFamily("jobs_overdue_seconds", "How late the oldest due job is", labels=["kind"])
        depth = GaugeMetricFamily("lane_jobs", "Due jobs that no worker has begun", labels=["lane"])
        waited = GaugeMetricFamily("lane_oldest_seconds", "How late the oldest due job is", labels=["lane"])
        groups_of = {model._meta.label_lower: _jobs(model._meta.db_table) for model in job_models()}
        for kind, groups in groups_of.items():
            for state in ("pending", "leased", "dead"):
                rows.add_metric([kind, state], sum(group.count for group in groups if group.state == state))
            overdue.add_metric([kind], max((group.late_s for group in groups), default=0.0))
        in_lanes = [group for groups in groups_of.values() for group in groups]
        for lane in Lane:
            depth.add_metric([lane], sum(group.due for group in in_lanes if group.lane == lane))
            waited.add_metric([lane], max((group.late_s for group in in_lanes if group.lane == lane), default=0.0))
        yield from (rows, overdue, depth, waited)

        ages = GaugeMetricFamily("heartbeat_age_seconds", "Seconds since the last heartbeat", labels=["name"])
        for name, age_s in health.ages_s().items():
            ages.add_metric([name], age_s)
        yield ages

        broken = GaugeMetricFamily("invariant_broken_rows", "Rows that break an invariant", labels=["statement"])
        for statement, count in (health.last_findings() or {}).items():
            broken.add_metric([statement], count)
        yield broken

        hour = GaugeMetricFamily("giving_last_hour", "What happened in online giving within an hour", labels=["what"])
        edge = GaugeMetricFamily("giving_usual_range", "The ends of its usual range", labels=["what", "end"])
        alarm = GaugeMetricFamily("giving_alarm", "1 while it is outside its usual range", labels=["what"])
        for what, count in alarms.last_hour(at=timezone.now()).items():
            hour.add_metric([what], count)
        for what, found in alarms.last_look().items():
            edge.add_metric([what, "low"], found["low"])
            edge.add_metric([what, "high"], found["high"])
            alarm.add_metric([what], found["outside"])
        yield from (hour, edge, alarm)


@dataclass(frozen=True, slots=True)
class _Group:
    """The jobs of one kind that are in one state and lane."""

    state: str
    lane: str
    count: int
    due: int  # those that wait for a worker
    late_s: float  # of the oldest one that is not dead


def _jobs(table: str) -> list[_Group]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, lane, count(*), count(*) FILTER (WHERE state = 'pending' AND run_after <= now()),"  # noqa: S608
            " greatest(0, extract(epoch FROM now() - min(run_after) FILTER (WHERE state <> 'dead')))::float"
            f" FROM \"{table}\" WHERE state IN ('pending', 'leased', 'dead') GROUP BY state, lane"
        )
        return [_Group(*row) for row in cursor.fetchall()]


def _registry() -> CollectorRegistry:
    """Return a registry for this scrape: all gunicorn processes together, if there are several, and the database."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
    registry.register(JobCollector())
    return registry


@public_page
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in Prometheus' text format: to the bearer of METRICS_TOKEN or, if there is none, to this machine."""
    token = settings.METRICS_TOKEN
    sent = request.headers.get("Authorization", "").encode()
    may_read = compare_digest(sent, f"Bearer {token}".encode()) if token else _is_from_this_machine(request)
    if not may_read:
        text = _("Send the METRICS_TOKEN as a bearer token.")
        return HttpResponse(f"{text}\n", status=401, content_type="text/plain")
    body = generate_latest(_registry())
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        body = generate_latest(REGISTRY) + body
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def _is_from_this_machine(request: HttpRequest) -> bool:
    """Return whether a program on this machine asks, and not a proxy on it for somebody else."""
    if any(request.headers.get(name) for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded")):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
