"""The PostgreSQL server of the large databases. It stays in var/bench, because filling one takes minutes."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from config.local import processes
from config.local.postgres import SUPERUSER, Postgres
from config.local.valkey import Valkey
from tests import services
from tests.benchmarks.measuring import FOLDER

KEPT = FOLDER / "postgres"


@dataclass(frozen=True)
class Kept:
    """A running server, with the throw-away one for limits and queues beside it."""

    postgres: Postgres
    valkey: Valkey
    folder: Path

    def finished(self, gifts: int) -> None:
        """Remember that a database was filled to the end."""
        self._run("COMMENT ON DATABASE {} IS 'filled'", _name(gifts))

    def is_filled(self, gifts: int) -> bool:
        with psycopg.connect(self.postgres.conninfo("postgres")) as connection:
            found = connection.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [_name(gifts)]
            ).fetchone()
        return found is not None and found[0] == "filled"

    def _run(self, statement: str, name: str) -> None:
        self.postgres.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _name(gifts: int) -> str:
    return f"gifts_{gifts}"


@contextmanager
def kept_server() -> Iterator[Kept]:
    """Start the server; it is made anew, empty, when the migrations have changed."""
    folder = KEPT.with_name(f"{KEPT.name}-{services.migrations_key()}")
    for old in KEPT.parent.glob(f"{KEPT.name}-*"):
        if old != folder:
            shutil.rmtree(old)
    work = Path(tempfile.mkdtemp(prefix=f"{services.PREFIX}{os.getpid()}-"))
    (work / "var" / "static").mkdir(parents=True)
    if not folder.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        services.copy_folder(services.migrated_server(work), folder)
    postgres, valkey = Postgres(folder, durable=False), Valkey(work / "valkey", durable=False)
    valkey.prepare()
    with (work / "services.log").open("wb") as log:
        running = [(postgres.start(output=log), signal.SIGINT), (valkey.start(output=log), signal.SIGTERM)]
        try:
            yield Kept(postgres, valkey, work)
        finally:
            for process, number in running:
                processes.stop(process, by=number)
            shutil.rmtree(work, ignore_errors=True)


def database_of(server: Kept, gifts: int, *, again: bool = False) -> str:
    """Return the name of the database with so many gifts; a new, empty one if it is missing or `again` is set."""
    name = _name(gifts)
    if again or not server.is_filled(gifts):
        server.postgres.drop(name)
        server.postgres.copy(services.TEMPLATE, name)
    return name


def use(server: Kept, database: str) -> None:
    """Connect Django to a database, as the superuser, who may see what each statement reads."""
    import django  # after the environment is set
    from django.apps import apps

    environment = services.Services(server.folder, server.postgres, server.valkey).environment(database=database)
    os.environ.update(environment | {"DATABASE_URL": server.postgres.url(database, role=SUPERUSER)})
    os.environ["DATABASE_STATEMENT_TIMEOUT_MS"] = "600000"  # to fill the database, and to look for rows in the middle
    os.environ.update(dict.fromkeys(("RATE_ANONYMOUS", "RATE_CALLER", "RATE_GIVE"), "1000000/min"))
    if not apps.ready:
        django.setup()
    from django.db import connections

    for connection in connections.all():
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
        connection.settings_dict["NAME"] = database
