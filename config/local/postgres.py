"""PostgreSQL from a wheel: no root, no service, reached through a socket that only its owner may open."""

import atexit
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from config.local import account, processes
from config.local.programs import ROOT

VERSION = account.WHEEL.version
SUPERUSER, OWNER, APPLICATION, SEALED = "postgres", "relief_owner", "relief_app", "relief_sealed"
ROLES = ROOT / "config" / "roles.sql"  # creates the last three
SOCKET_PATH_MAX = 85  # bytes; the system's limit is 104 (macOS) or 108 (Linux) with the name of the socket's lock

ALWAYS = {
    "listen_addresses": "",  # no TCP at all
    "unix_socket_directories": ".",  # in the data folder, however long its path
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # A failed statement must not put people's names and addresses into the log.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For throw-away data: three times as fast, but a power failure loses them.
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "512MB"}


class WrongVersion(RuntimeError):
    """The data were written by another major version of PostgreSQL."""


@dataclass(frozen=True)
class Postgres:
    """A server that keeps its data in `folder`; `durable` says whether they must survive a loss of power."""

    folder: Path
    durable: bool

    @property
    def sockets(self) -> Path:
        """The folder of the socket: the data folder, or a short symbolic link to it if clients cannot use its path.

        A socket's path is limited to about 100 bytes, and libpq takes a comma for the end of a host.
        """
        if len(os.fsencode(self.folder)) <= SOCKET_PATH_MAX and "," not in str(self.folder):
            return self.folder
        name = f"relief-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}"
        short = Path(tempfile.gettempdir()) / name
        return short if len(os.fsencode(short)) <= SOCKET_PATH_MAX else Path("/tmp") / name

    @property
    def own_folder(self) -> Path:
        """The server's own name for its folder, because its account may not be allowed to use the real path."""
        return account.SELF if account.NAME and account.SELF.exists() else self.folder

    def prepare(self) -> None:
        """Initialise an empty server if there is none.

        Raises WrongVersion for data that this version cannot read, and RuntimeError for those of another account.
        """
        marker = self.folder / "PG_VERSION"
        if marker.exists():
            account.must_own(self.folder)
            found, wanted = marker.read_text().strip(), VERSION.split(".", maxsplit=1)[0]
            if found != wanted:
                raise WrongVersion(
                    f"{self.folder} holds data of PostgreSQL {found}; this is {wanted}. `make reset` drops them; "
                    f"to keep them, dump them with version {found} and load the dump here."
                )
        else:
            # Renamed at the end, so that a half-finished folder of a killed run is not taken for a server.
            unfinished = self.folder.with_name(self.folder.name + ".new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True)
            account.own(unfinished)
            Postgres(unfinished, durable=self.durable).initialise()
            if self.folder.exists():
                self.folder.rmdir()
            unfinished.rename(self.folder)

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground, in its folder; SIGINT is its fast shutdown."""
        self._shorten()
        settings = ALWAYS if self.durable else ALWAYS | THROW_AWAY
        return [
            str(account.programs() / "postgres"),
            "-D",
            str(self.own_folder),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def start(self, *, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start the server and return when it answers. Raises NotInTime."""
        process = processes.start(
            self.command(),
            env=os.environ,
            output=output,
            user=account.NAME,
            death_signal=signal.SIGINT,
            cwd=self.folder,
        )
        processes.wait_until(
            lambda: self.answers() or process.poll() is not None, within=60, what="PostgreSQL to answer"
        )
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start (exit code {process.returncode}); see its log.")
        return process

    def answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def conninfo(self, database: str, *, role: str = SUPERUSER) -> str:
        return make_conninfo(host=str(self.sockets), user=role, dbname=database)

    def url(self, database: str, *, role: str = APPLICATION) -> str:
        """Return the DATABASE_URL of one database of this server."""
        return f"postgres://{role}@/{quote(str(self.sockets))}/{database}"

    def create(self, database: str) -> None:
        """Create an empty database; `make_roles` gives it to its owner."""
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(database)))

    def copy(self, template: str, database: str) -> None:
        """Create a database as a copy of another one, to which nobody is connected."""
        names = {"database": sql.Identifier(database), "template": sql.Identifier(template)}
        self.execute(
            sql.SQL("CREATE DATABASE {database} TEMPLATE {template} OWNER {owner}").format(
                **names, owner=sql.Identifier(OWNER)
            )
        )
        # Rights on the database itself are not copied.
        self.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC").format(**names))

    def make_roles(self, database: str, *, by: str = SUPERUSER) -> None:
        """Create the product's roles if they are missing, and give a database to its owner.

        Raises RuntimeError with psql's errors.
        """
        psql = [str(account.PACKAGES / account.BIN / "psql"), "--no-psqlrc", "--quiet", "--file", str(ROLES)]
        done = subprocess.run(
            [*psql, "--dbname", self.conninfo(database, role=by)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"The roles of the database were not made:\n{done.stderr}")

    def drop(self, database: str) -> None:
        """Drop a database if it exists, and close all connections to it."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def has(self, database: str) -> bool:
        with psycopg.connect(self.conninfo("postgres")) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        return found is not None

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _shorten(self) -> None:
        """Create the short link to the folder if one is needed. Raises RuntimeError if somebody else owns its name."""
        short = self.sockets
        if short == self.folder:
            return
        if short.is_symlink() and short.lstat().st_uid == os.geteuid():
            short.unlink()  # left by a run that was killed
        try:
            short.symlink_to(self.folder)
        except FileExistsError:
            raise RuntimeError(
                f"{short} belongs to somebody else. Remove it, or set TMPDIR to another folder."
            ) from None
        atexit.register(short.unlink, missing_ok=True)

    def initialise(self) -> None:
        """Run initdb in an empty folder. Raises RuntimeError with its output."""
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same everywhere
        sync = [] if self.durable else ["--no-sync"]
        command = [str(account.programs() / "initdb"), "-D", str(self.own_folder), "-U", SUPERUSER, "--auth=trust"]
        done = subprocess.run(
            processes.bound_to_us([*command, "--encoding=UTF8", *locale, *sync], user=account.NAME),
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")
