"""`make lint`: the static checks, each with its duration; all of them run even if one fails."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.local import disk, processes
from config.local.postgres import SUPERUSER, Postgres
from config.local.programs import BIN, MANAGE, ROOT

# Required by the settings; nothing here is kept or sent.
SETTINGS = {
    "DEBUG": "true",
    "SECRET_KEY": "lint-only-secret-key-of-more-than-fifty-characters-0123456789",
    "FIELD_KEYS": "bGludC1vbmx5LWtleS1vZi0zMi1ieXRlcy0wMDAwMDA=",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "STRIPE_WEBHOOK_SECRETS": "whsec_lint_only",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}
AT_ONCE = 2


@dataclass(frozen=True)
class Check:
    """One line of the report: commands that must all succeed, in this order."""

    name: str
    commands: list[list[str]]

    def run(self, env: dict[str, str]) -> tuple[bool, float, str]:
        """Return whether it passed, how many seconds it took, and what it printed."""
        began, output = time.monotonic(), ""
        for command in self.commands:
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
            output += done.stdout + done.stderr
            if done.returncode:
                return False, time.monotonic() - began, output
        return True, time.monotonic() - began, output


def checks(folder: Path) -> list[Check]:
    description = str(folder / "openapi.yaml")
    spectacular = [*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", description]
    return [
        Check("mypy", [[str(BIN / "mypy"), "config", "logistics", "shipments", "donations", "tests"]]),
        Check("ruff check", [[str(BIN / "ruff"), "check", "--quiet", "."]]),
        Check("ruff format", [[str(BIN / "ruff"), "format", "--check", "--quiet", "."]]),
        Check("imports", [[str(BIN / "lint-imports")]]),
        Check("migrations", [[*MANAGE, "makemigrations", "--check", "--dry-run"]]),
        Check("Django's checks", [[*MANAGE, "check", "--fail-level", "WARNING"]]),
        Check("bandit", [[sys.executable, "-m", "config.local.findings", "bandit"]]),
        Check("secrets", [[sys.executable, "-m", "config.local.findings", "secrets"]]),
        Check("OpenAPI", [spectacular, [sys.executable, "-m", "openapi_spec_validator", description]]),
    ]


def main() -> int:
    """Run all checks; the exit code is 1 if one of them fails, or if PostgreSQL does not start."""
    try:
        return on_a_database()
    except (RuntimeError, OSError) as error:
        print(f"{error}\n{disk.shortage(Path(tempfile.gettempdir()))}".strip())
        return 1


def on_a_database() -> int:
    with tempfile.TemporaryDirectory(prefix="relief-lint-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "postgres", durable=False)
        postgres.prepare()
        with (folder / "postgres.log").open("wb") as log:
            server = postgres.start(output=log)
        try:
            # makemigrations checks that the migration history in the database is consistent.
            env = {
                **os.environ,
                **SETTINGS,
                "DATABASE_URL": postgres.url("postgres", role=SUPERUSER),
                "VAR_DIR": str(folder),
            }
            return report(checks(folder), env)
        finally:
            processes.stop(server, by=signal.SIGQUIT)


def report(wanted: list[Check], env: dict[str, str]) -> int:
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = [(check, pool.submit(check.run, env)) for check in wanted]
        for check, future in running:
            holds, seconds, output = future.result()
            print(f"{'ok    ' if holds else 'FAILED'}  {check.name}  ({seconds:.1f} s)", flush=True)
            if not holds:
                failed.append(check.name)
                print(output.strip(), flush=True)
    if failed:
        print(f"\n{len(failed)} of {len(wanted)} checks failed: {', '.join(failed)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
