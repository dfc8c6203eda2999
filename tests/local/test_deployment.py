"""Static checks of docker-compose.yml; a container engine to run it is not always available."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

from config.local import programs
from config.local.postgres import APPLICATION, OWNER, ROLES, SEALED
from logistics.jobs.lanes import QUEUES, UPKEEP, WORKERS, Lane, heartbeats_of
from tests.sources import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"web", *WORKERS, "beat", "relay", "migrate", "bucket"}
RUNS_TASKS = [*WORKERS, "relay"]
ONE_OFF = {"migrate", "bucket"}


def test_every_part_of_the_product_is_a_service():
    assert set(SERVICES) == OURS | {"postgres", "redis", "files"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_gets_no_more_than_it_needs(name: str):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert "privileged" not in service
    assert name not in OURS or service["user"] == "10001:10001"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_OFF - {"beat", "relay"}))
def test_every_server_has_a_health_check(name: str):
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", WORKERS)
def test_a_health_check_asks_for_the_worker_of_its_container_and_can_end_it(name: str):
    service = SERVICES[name]
    hostname, pidfile = service["healthcheck"]["test"][-2:]

    assert hostname == f"worker@{service['hostname']}"
    assert f"--pidfile={pidfile}" in service["command"]
    assert pidfile.startswith("/tmp/")  # where a read-only container can write
    assert service["init"] is True  # the first process of a container cannot be killed from inside
    assert service["restart"] == "unless-stopped"


def test_images_are_pinned_to_a_version_and_a_digest():
    images = [service["image"] for service in SERVICES.values() if service["image"] != "relief:local"]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert [image for image in images if not re.search(r":\d+\.\d+[^@]*@sha256:[0-9a-f]{64}$", image)] == []


def test_only_web_publishes_a_port_and_only_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert set(published) == {"web"}
    assert published["web"][0].startswith("127.0.0.1:")
    assert COMPOSE["networks"]["stores"]["internal"] is True
    assert [name for name in ("postgres", "redis", "files") if SERVICES[name]["networks"] != ["stores"]] == []


def test_each_container_connects_only_as_the_roles_that_it_needs_and_none_of_ours_as_the_administrator():
    roles = {
        name: {
            variable: match[1]
            for variable, value in SERVICES[name]["environment"].items()
            if (match := re.match(r"postgres://(\w+):", value))
        }
        for name in OURS
    }

    application = {"DATABASE_URL": APPLICATION}
    sealed = application | {"SEALED_DATABASE_URL": SEALED}
    assert roles == {
        **dict.fromkeys(OURS, application),
        **dict.fromkeys(("web", "worker-upkeep"), sealed),
        "migrate": sealed | {"OWNER_DATABASE_URL": OWNER},
    }
    assert [name for name in OURS if "${POSTGRES_PASSWORD" in str(SERVICES[name])] == []


def test_the_database_gets_its_roles_and_their_passwords_when_it_is_made():
    postgres = SERVICES["postgres"]
    [mounted] = postgres["configs"]
    read = set(re.findall(r"\\getenv \w+ (\w+)", ROLES.read_text()))

    assert (ROOT / COMPOSE["configs"][mounted["source"]]["file"]).resolve() == ROLES
    assert mounted["target"].startswith("/docker-entrypoint-initdb.d/")
    assert read
    assert read - set(postgres["environment"]) == set()


@pytest.mark.parametrize("name", RUNS_TASKS)
def test_a_deployment_lets_running_tasks_finish(name: str):
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > settings.CELERY_TASK_TIME_LIMIT


@pytest.mark.parametrize("name", WORKERS)
def test_each_worker_takes_its_lanes_in_compose_and_in_make_run_alike(name: str):
    [taken] = [word for word in SERVICES[name]["command"] if word.startswith("--queues=")]
    ran = {queue for queues in programs.TAKEN.values() for queue in queues}

    assert taken == f"--queues={','.join(WORKERS[name])}"
    assert set(WORKERS[name]) - ran == set()
    assert sorted(WORKERS[name]) == [*WORKERS[name]]  # the order in which a worker takes them


def test_a_worker_is_reserved_for_what_somebody_waits_for_and_each_queue_has_a_worker():
    heartbeats = {heartbeats_of(worker) for worker in WORKERS}

    assert {*QUEUES.values(), UPKEEP, *heartbeats} == {queue for queues in WORKERS.values() for queue in queues}
    assert Lane.SOON.queue == settings.CELERY_TASK_DEFAULT_QUEUE
    assert [queue for queue in WORKERS["worker-now"] if queue in QUEUES.values()] == [Lane.NOW.queue]
    assert WORKERS["worker-now"] == programs.TAKEN["worker-now"]
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["queue_order_strategy"] == "sorted"


def test_limits_and_the_token_of_metrics_can_be_set_and_have_the_defaults_of_the_product():
    """A limit that Compose does not pass on stays at its default, whatever .env says."""
    settings_read = (ROOT / "config" / "settings.py").read_text()
    named = re.findall(
        r'env\.\w+\("((?:RATE|GIVE|METRICS|SECOND_FACTOR_GRACE|RECENT)_\w+)", default="?([^")]*)"?\)', settings_read
    )

    passed = SERVICES["web"]["environment"]

    assert len(named) >= 7
    assert {name: passed.get(name) for name, _ in named} == {name: f"${{{name}:-{value}}}" for name, value in named}


def test_every_secret_comes_from_the_environment_and_a_missing_one_is_reported():
    secret = re.compile(r"^\s*(\w*(?:SECRET|PASSWORD|FIELD_KEYS|ACCESS_KEY|AUTH)\w*):\s*(.+)$", re.MULTILINE)

    # Earlier keys exist only during rotation.
    optional = {"SECRET_KEY_FALLBACKS": "${SECRET_KEY_FALLBACKS:-}"}
    others = [(name, value) for name, value in secret.findall(TEXT) if optional.get(name) != value]
    assert [name for name, value in others if not re.match(r"\$\{\w+:\?", value)] == []


def test_the_example_has_every_variable_that_compose_passes():
    wanted = set(re.findall(r"\$\{(\w+)", TEXT))
    offered = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert wanted - offered == set()


def test_every_variable_of_a_container_is_read_by_the_settings():
    told = {name for service in OURS for name in SERVICES[service]["environment"]}
    read = set(re.findall(r"""["']([A-Z][A-Z0-9_]+)["']""", (ROOT / "config" / "settings.py").read_text()))

    assert told - read == set()
