"""Fixtures for all tests. Row factories are in tests/makers, real processes in tests/processes.py."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import coverage
import pytest
import redis
import structlog
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadFileScheduling

from config.local.postgres import APPLICATION, SUPERUSER
from logistics.confined import once
from tests.services import services

PATIENCE_S = 120
BROWSER = "tests/browser"
PAPERS = re.compile(r"/test_(paper|papers_conform|long_words|replay|slots|editions|printable)\w*\.py$")
# No deadline: the time taken depends on how busy the machine is.
hypothesis_settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmarks", action="store_true", help="run tests/benchmarks, which measure and take minutes")
    parser.addoption("--long", action="store_true", help="run the long forms as well (make test-all)")


@pytest.hookimpl(trylast=True)  # after the order was made random
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long variants unless requested, and start with the slowest files: browser tests first.

    A file that starts processes takes up to two minutes. Started last, it would keep one worker busy while the
    other has nothing left to do.
    """
    named = any("::" in argument for argument in config.args)
    if not (config.getoption("--long") or named):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in set(long)]
    items.sort(
        key=lambda item: (
            not item.nodeid.startswith(BROWSER),
            item.get_closest_marker("processes") is None,
            PAPERS.search(item.location[0]) is None,
        )
    )


class FilesTogether(LoadFileScheduling):
    """Give each worker whole files, because their tests share state; all browser files share one product.

    Files about papers share a process as well, because the first paper of a kind in a process takes seconds to lay out.
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        if file.startswith(f"{BROWSER}/"):
            return BROWSER
        return "papers" if PAPERS.search(file) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> FilesTogether:
    return FilesTogether(config, log)


def pytest_collection_finish() -> None:
    """Freeze imported and collected objects, which live to the end, so that the garbage collector skips them."""
    from logistics.documents import rendering

    rendering.freeze()


def recreate_database(_: TransactionTestCase) -> None:
    """Reset the database of a test that committed to its migrated state.

    Django would TRUNCATE, which our append-only tables refuse and which takes the rows of migrations with it.
    """
    for connection in connections.all():
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    services().recreate()


TransactionTestCase._fixture_teardown = recreate_database  # type: ignore[attr-defined]
# A test that may use the database may use both connections; what it writes on either is taken back.
TransactionTestCase.databases = {"default", "sealed"}


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Replaces pytest-django's fixture: the database of this run already exists and is migrated.

    Tests have the rights of the product's role, which they can leave only by `tests.rights.as_superuser`.
    The product waits only seconds for a connection. A test's eight threads may wait longer on a busy machine.
    """
    limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    for connection in connections.all():
        settings: dict[str, Any] = dict.fromkeys(limits, PATIENCE_S * 1000)
        if connection.alias == "default":
            connection.settings_dict["USER"] = SUPERUSER
            settings["role"] = APPLICATION
        options = connection.settings_dict["OPTIONS"]
        options["options"] = " ".join(f"-c {name}={value}" for name, value in settings.items())
        options["pool"] = {**options["pool"], "max_size": 16, "timeout": PATIENCE_S}


@cache
def broker() -> redis.Redis:
    """The run's own Redis-protocol server, over one connection for all tests of a process."""
    return redis.Redis.from_url(services().valkey.url)


@pytest.fixture(autouse=True)
def _nothing_lingers() -> Iterator[None]:
    """Isolate tests from each other's queued tasks, request counts, language and logging context."""
    yield
    translation.deactivate()  # middleware sets these two for a request, and leaves them to the next one
    structlog.contextvars.clear_contextvars()
    broker().flushall()


@pytest.fixture(scope="session", autouse=True)
def _fast() -> Iterator[None]:
    """Use a fast password hasher; the real one is slow on purpose and has its own test.

    Find static files on request: otherwise each test client would list all thousand of them.
    """
    with pytest.MonkeyPatch.context() as patch:
        from django.conf import settings

        patch.setattr(settings, "WHITENOISE_AUTOREFRESH", True, raising=False)
        patch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
        yield


@pytest.fixture(scope="session", autouse=True)
def _confined_children_are_measured() -> Iterator[None]:
    """Under make coverage, measure confined children too, and let each end by itself, which writes its figures.

    Not the printer, which is killed at the end (it has its own name for `inherited`), nor other processes: they run
    code that tests run in their own process too.
    """
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
        return
    inherited = once.inherited

    def with_coverage() -> dict[str, str]:
        return inherited() | {"COVERAGE_PROCESS_CONFIG": measuring.config.serialize()}

    def end(child: subprocess.Popen[bytes]) -> None:
        try:
            child.wait(PATIENCE_S)
        finally:
            child.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(once, "inherited", with_coverage)
        patch.setattr(once, "_end", end)
        yield


@pytest.fixture
def files(settings: Any, tmp_path: Any) -> Any:
    """Use the test's own folder for stored papers and uploads."""
    settings.VAR_DIR = tmp_path
    default = settings.STORAGES["default"]
    stored = default | {"OPTIONS": default["OPTIONS"] | {"location": str(tmp_path / "files")}}
    settings.STORAGES = settings.STORAGES | {"default": stored}
    return tmp_path
