"""A pytest plugin: every run has its own PostgreSQL and Redis-protocol servers, removed when it ends.

It is loaded by `-p tests.services` (pyproject.toml), before Django reads its settings, so that plain `pytest` works.
Migrations run once for each state of the migration files; later runs copy the migrated server (var/cache), and a
test that must commit gets its database back as a copy of the migrated one.
"""

import atexit
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from config.local import disk, messages, processes
from config.local.postgres import OWNER, ROLES, SEALED, VERSION, Postgres
from config.local.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "var" / "cache"
CACHED_MAX = 3
PREFIX = "relief-test-"
TEMPLATE = "migrated"  # nothing connects to it: PostgreSQL copies only a database without connections
DATABASE = "tests"

# Used only by tests.
SETTINGS = {
    "DEBUG": "true",
    "SECRET_KEY": "tests-only-secret-key-of-more-than-fifty-characters-0123456789",
    "FIELD_KEYS": "dGVzdHMtb25seS1rZXktb2YtMzItYnl0ZXMtMDAwMDA=",
    "STRIPE_SECRET_KEY": "sk_test_tests_only",
    "STRIPE_WEBHOOK_SECRETS": "whsec_tests_only",
    "STRIPE_API_BASE": "http://127.0.0.1:9",  # nothing listens here; tests that pay start the stand-in
    "PUBLIC_URL": "http://localhost:8000",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1],testserver",
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "LOG_LEVEL": "WARNING",
    "GIVE_CHALLENGE_ROUNDS": "1",  # proofs of work take a moment
}


@dataclass(frozen=True)
class Services:
    """The servers of this run, and the folder for their and the tests' files."""

    folder: Path
    postgres: Postgres
    valkey: Valkey

    def environment(self, *, database: str = DATABASE) -> dict[str, str]:
        """Return environment variables for a process of the product that uses one database of this run."""
        return {
            **{name: value for name, value in os.environ.items() if name not in INHERITED_NEVER},
            **SETTINGS,
            "DATABASE_URL": self.postgres.url(database),
            "SEALED_DATABASE_URL": self.postgres.url(database, role=SEALED),
            "REDIS_URL": self.valkey.url,
            "VAR_DIR": str(self.folder / "var"),
        }

    def recreate(self, database: str = DATABASE) -> None:
        """Reset a database to its migrated state, whatever its rows, triggers and connections."""
        self.postgres.drop(database)
        self.postgres.copy(TEMPLATE, database)


# A developer's own settings must not reach a test, least of all a real database or a real account.
INHERITED_NEVER = {
    *("EMAIL_URL", "S3_BUCKET", "S3_ENDPOINT_URL", "TRUSTED_PROXIES", "STATIC_ROOT", "LOG_LEVEL", "OWNER_DATABASE_URL"),
    "PROMETHEUS_MULTIPROC_DIR",
}

_services: Services | None = None


def services() -> Services:
    """The servers of this run."""
    if _services is None:
        raise RuntimeError("tests.services is loaded by pytest: run the tests with `make test` or .venv/bin/pytest.")
    return _services


def migrations_key() -> str:
    """Return a name for the state of the migrations, which changes with their files and the server's version.

    And with the account, because PostgreSQL accepts only data owned by its own account.
    """
    digest = hashlib.sha256(f"{VERSION} {os.geteuid()}".encode())
    rights = [ROLES, ROOT / "logistics" / "grants.py"]
    for path in sorted([*ROOT.glob("*/migrations/*.py"), ROOT / "requirements.txt", *rights]):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def copy_folder(source: Path, target: Path) -> None:
    """Copy with owners and modes, which PostgreSQL requires and shutil does not keep. Raises RuntimeError."""
    done = subprocess.run(["cp", "-a", str(source), str(target)], capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(target, ignore_errors=True)
        raise RuntimeError(f"{source} could not be copied to {target}:\n{done.stderr[-1000:]}")


def migrated_server(work: Path) -> Path:
    """Return the folder of a stopped server whose TEMPLATE database is migrated, creating it if missing."""
    kept = CACHE / f"migrated-{migrations_key()}"
    if kept.exists():
        kept.touch()
        return kept
    postgres = Postgres(work / "migrate", durable=False)
    postgres.prepare()
    with (work / "migrate.log").open("wb") as log:
        process = postgres.start(output=log)
        try:
            postgres.create(TEMPLATE)
            postgres.make_roles(TEMPLATE)
            migrate(postgres)
        finally:
            processes.stop(process, by=signal.SIGINT)
    CACHE.mkdir(parents=True, exist_ok=True)
    forget_old_caches()
    # In two steps, because the second is atomic: several runs may be creating the same one.
    unfinished = CACHE / f"unfinished-{os.getpid()}"
    copy_folder(postgres.folder, unfinished)
    if kept.exists():
        shutil.rmtree(unfinished)
    else:
        unfinished.rename(kept)
    shutil.rmtree(postgres.folder)
    return kept


def migrate(postgres: Postgres) -> None:
    environment = {
        **os.environ,
        **SETTINGS,
        "DATABASE_URL": postgres.url(TEMPLATE),
        "OWNER_DATABASE_URL": postgres.url(TEMPLATE, role=OWNER),
        "SEALED_DATABASE_URL": postgres.url(TEMPLATE, role=SEALED),
        "DATABASE_STATEMENT_TIMEOUT_MS": "120000",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input", "--skip-checks", "-v", "0"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise pytest.UsageError(f"The migrations do not run, so no test can:\n{done.stdout}{done.stderr}")


def forget_old_caches() -> None:
    kept = sorted(CACHE.glob("migrated-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[CACHED_MAX:]:
        shutil.rmtree(path, ignore_errors=True)


def forget_killed_runs() -> None:
    """Remove the leftovers of test runs that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = path.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def start() -> Services:
    """Start both servers; they stop with this process, however it ends."""
    forget_killed_runs()
    messages.compile_all()
    work = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    (work / "var" / "static").mkdir(
        parents=True
    )  # where a deployment collects static files; without it there is a warning
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    copy_folder(migrated_server(work), work / "postgres")
    postgres = Postgres(work / "postgres", durable=False)
    valkey = Valkey(work / "valkey", durable=False)
    valkey.prepare()
    with (work / "services.log").open("wb") as log:
        for server, number in ((postgres, signal.SIGQUIT), (valkey, signal.SIGTERM)):
            process = server.start(output=log)
            atexit.register(processes.stop, process, by=number)
    result = Services(work, postgres, valkey)
    result.recreate()
    return result


def why_not(error: Exception) -> str:
    """Return why the servers did not start, with advice if the disk is full."""
    return f"{error}\n{disk.shortage(Path(tempfile.gettempdir()))}".strip()


def start_for_program() -> Services:
    """Start the servers for a program that is not a test run (`make demo`)."""
    global _services  # noqa: PLW0603
    try:
        _services = start()
    except (RuntimeError, OSError) as error:
        sys.exit(why_not(error))
    return _services


def ensure_started() -> Services:
    """Return the servers of this run, and start them for a program that is not a test run."""
    return _services or start_for_program()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """Start the servers before pytest-django reads the settings (a wrapper runs before any plugin's own hook)."""
    global _services  # noqa: PLW0603  the one place that sets it
    try:
        _services = start()
    except (RuntimeError, OSError) as error:
        raise pytest.UsageError(why_not(error)) from error
    os.environ.update(_services.environment())
    for name in INHERITED_NEVER - set(SETTINGS):
        os.environ.pop(name, None)
    return (yield)
