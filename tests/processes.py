"""Run the product as real processes, for tests over HTTP and tests that kill processes.

    with Instance.started(tmp_path, "web", "worker", "relay") as product:
        product.get("/health/")
        product["worker"].kill()

Each instance has its own database (a copy of the migrated one), its own Redis-protocol server, its own files and
ports. Wait with `eventually`; never sleep.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from itertools import count
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg

from config.local import processes, programs
from config.local.valkey import Valkey
from tests.services import Services, services

_numbers = count(1)


def eventually(condition: Callable[[], Any], *, within: float = 60.0, what: str = "") -> Any:
    """Poll a condition and return its first true value. Raises NotInTime.

    Choose a generous `within`: it costs time only on failure, and machines may be busy.
    """
    found: list[Any] = []

    def holds() -> bool:
        found[:] = [condition()]
        return bool(found[0])

    processes.wait_until(holds, within=within, what=what or getattr(condition, "__doc__", None) or repr(condition))
    return found[0]


def alive(process: psutil.Process) -> bool:
    """Return whether a process is still running; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command_of(process: psutil.Process) -> list[str]:
    """Return a process's command line; empty if it has just ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # ZombieProcess is one
        return []


def port_answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@dataclass
class Answer:
    """An HTTP response of any status."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """One program of an instance, with methods to stop, kill and freeze it."""

    program: programs.Program
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start or restart it; its output is appended to its log."""
        with self.log.open("ab") as output:
            self.process = processes.start(
                self.program.command, env={**self.env, **self.program.env}, output=output, cwd=programs.ROOT
            )
        return self

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, *, within: float = 15.0) -> int:
        """Stop it as a deployment would (SIGTERM), and return its exit code."""
        return processes.stop(self.mine(), within=within)

    def kill(self) -> None:
        """Kill it and its children, as when a machine is lost (SIGKILL)."""
        processes.signal_group(self.mine(), signal.SIGKILL)
        self.mine().wait()

    def freeze(self) -> None:
        """Freeze it: alive but doing nothing (SIGSTOP)."""
        processes.signal_group(self.mine(), signal.SIGSTOP)

    def thaw(self) -> None:
        processes.signal_group(self.mine(), signal.SIGCONT)

    def text(self) -> str:
        """Return all of its output."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def mine(self) -> subprocess.Popen[bytes]:
        """Return its main process. Raises RuntimeError if it was never started."""
        if self.process is None:
            raise RuntimeError(f"{self.program.name} was not started.")
        return self.process


@dataclass
class Broker:
    """The instance's own Redis-protocol server; it comes back at the same port, empty unless `durable`."""

    valkey: Valkey
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self.log.open("ab") as output:
            self.process = self.valkey.start(output=output)
        return self

    def stop(self) -> None:
        if self.process is not None:
            processes.stop(self.process)

    def kill(self) -> None:
        if self.process is not None:
            processes.stop(self.process, by=signal.SIGKILL)

    def freeze(self) -> None:
        """Keep its connections open but respond to nothing: a half-open network."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


@dataclass
class Instance:
    """The whole product as real processes."""

    folder: Path
    database: str
    held: processes.HeldPort
    held_for_stripe: processes.HeldPort
    broker: Broker
    env: dict[str, str]
    running: dict[str, Running] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Running:
        return self.running[name]

    @property
    def port(self) -> int:
        return self.held.number

    @property
    def stripe_port(self) -> int:
        return self.held_for_stripe.number

    @classmethod
    @contextmanager
    def started(
        cls, folder: Path, *names: str, settings: Mapping[str, str] | None = None, durable_broker: bool = False
    ) -> Iterator["Instance"]:
        """Start the named programs ("web", "worker", "beat", "relay", "stripe") with their own data, and stop them.

        "worker" takes all lanes of jobs; "worker-now" is reserved for the first one.
        `settings` are environment variables that differ from those of the test run.
        """
        instance = cls._made(services(), folder, dict(settings or {}), durable_broker)
        instance.broker.start()
        try:
            for name in names:
                instance.start(name)
            for name in names:
                instance.wait_for(name)
            yield instance
        finally:
            instance.end()

    @classmethod
    def _made(cls, servers: Services, folder: Path, settings: dict[str, str], durable_broker: bool) -> "Instance":
        database = f"instance_{os.getpid()}_{next(_numbers)}"
        servers.recreate(database)
        held, held_for_stripe = processes.HeldPort(), processes.HeldPort()
        temporary = folder / "tmp"  # leftovers of killed processes are removed with the test's folder
        temporary.mkdir(exist_ok=True)
        valkey = Valkey(folder / "valkey", durable=durable_broker)
        valkey.prepare()
        env = servers.environment(database=database) | {
            "REDIS_URL": valkey.url,
            "VAR_DIR": str(folder / "var"),
            "TMPDIR": str(temporary),
            "PUBLIC_URL": f"http://127.0.0.1:{held.number}",
            "STRIPE_API_BASE": f"http://127.0.0.1:{held_for_stripe.number}",
            "LOG_LEVEL": "INFO",
            **settings,
        }
        return cls(folder, database, held, held_for_stripe, Broker(valkey, folder / "valkey.log"), env)

    def start(self, name: str) -> Running:
        """Start one program; it may not be ready yet (see `wait_for`)."""
        running = Running(self._program(name), self.env, self.folder / f"{name}.log")
        self.running[name] = running
        return running.start()

    def wait_for(self, name: str, *, within: float = 120.0) -> None:
        """Wait until a program is ready. Raises RuntimeError with its log if it has exited."""
        running = self[name]

        def ready_or_ended() -> bool:
            """a program to be ready"""
            return not running.running or self._ready(name)

        eventually(ready_or_ended, within=within, what=f"{name} to be ready; its log: {running.log}")
        if not running.running:
            raise RuntimeError(f"{name} ended at once:\n{running.text()[-4000:]}")

    def end(self) -> None:
        """Kill everything at once and drop the database; unfinished work does not matter."""
        alive = [running for running in self.running.values() if running.running]
        for running in alive:
            running.kill()
        self.broker.kill()
        services().postgres.drop(self.database)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """Send a request to the web server; a body that is not bytes is sent as JSON. Raises OSError if it is down."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {} if isinstance(body, bytes | None) else {"Content-Type": "application/json"}
        url = path if path.startswith("http") else f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=data, method=method, headers={**kind, **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.request("POST", path, body=body, **options)

    def manage(self, *arguments: str, timeout: float = 120.0) -> str:
        """Run a management command on this instance and return what it printed. Raises CalledProcessError."""
        done = subprocess.run(
            [*programs.MANAGE, *arguments],
            env=self.env,
            cwd=programs.ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=timeout,
        )
        return done.stdout

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Query this instance's database without Django."""
        with psycopg.connect(services().postgres.conninfo(self.database)) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def execute(self, statement: str) -> None:
        """Run a statement in this instance's database without Django."""
        with psycopg.connect(services().postgres.conninfo(self.database)) as connection:
            connection.execute(statement.encode())

    def _program(self, name: str) -> programs.Program:
        match name:
            case "web":
                return programs.web(self.port, workers=1)
            case "worker":  # takes all lanes
                return programs.worker()
            case "worker-now":  # reserved for the first one
                return programs.worker(name, processes=1)
            case "beat":
                return programs.beat(self.folder / "beat-schedule")
            case "relay":
                return programs.relay(every_seconds=0.5)
            case "stripe":
                return programs.stand_in(
                    self.stripe_port,
                    webhook_url=f"http://127.0.0.1:{self.port}/api/v1/stripe/events/",
                    webhook_secrets=self.env["STRIPE_WEBHOOK_SECRETS"].split(","),
                    api_key=self.env["STRIPE_SECRET_KEY"],
                )
        raise ValueError(f"No program is called {name}.")

    def _ready(self, name: str) -> bool:
        if name == "web":
            return processes.web_answers(self.port)
        if name == "stripe":
            return port_answers(self.stripe_port)
        return " ready." in self[name].text() if name.startswith("worker") else True
