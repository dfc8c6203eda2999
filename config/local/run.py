"""`make run`: the whole product on this machine, with a demonstration world, until Ctrl-C."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from config import description
from config.local import account, disk, left_over, processes, programs
from config.local.environment import DATABASE, Local, compose, port_of, var_folder, write_env
from config.local.postgres import OWNER, SEALED, WrongVersion
from config.local.programs import MANAGE, ROOT, Program
from config.local.supervisor import Part, Supervisor
from config.local.watchdog import ANSWER_SECONDS, Watchdog
from config.worker_alive import answers, client

WEBHOOK_PATH = "/api/v1/stripe/events/"
YES = {"true", "1", "on", "yes"}
LOUD = {"error", "critical", "exception"}


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # a closed terminal must not keep us from cleaning up
        print(text, flush=True)


def echo(name: str, line: bytes) -> None:
    """Show errors on the terminal; with VERBOSE=1, everything."""
    text = line.decode(errors="replace")
    if os.environ.get("VERBOSE"):
        say(f"{name:>8} | {text}")
        return
    with contextlib.suppress(ValueError, AttributeError, IndexError):
        entry = json.loads(text)
        if entry.get("level") in LOUD:
            say(f"{name:>8} | {str(entry.get('event', '')).splitlines()[0]}")


class Product:
    """Starts the parts of one local product in the order of their dependencies."""

    def __init__(self, local: Local) -> None:
        self.local = local
        # Only migrations get the owner's address.
        names = ("OWNER_DATABASE_URL", "OWNER_DATABASE_URL_FILE")
        self.owner = {name: local.env.pop(name) for name in names if name in local.env}
        self.supervisor = Supervisor(local.var, tell=say, on_line=echo)

    def start(self) -> None:
        """Start everything. Raises RuntimeError, with the end of the log, if a part does not start."""
        began = time.monotonic()
        self._start_stores()
        ours = {name: value for name, value in self.local.env.items() if os.environ.get(name) != value}
        write_env(self.local.env_file, ours | self.owner)  # so that `make manage ARGS=migrate` works
        self._step(
            "migrate",
            [*MANAGE, "migrate", "--no-input", "-v", "1"],
            {"DATABASE_STATEMENT_TIMEOUT_MS": "0", **self.owner},
        )
        if not description.is_made():
            self._step("API description", [sys.executable, "-m", "config.description"])
        if self.local.env["DEBUG"].lower() not in YES:
            self._step("static files", [*MANAGE, "collectstatic", "--no-input", "-v", "0"])
        self._start_stripe()
        world = self._demonstrate()
        self._start_programs()
        if not self.supervisor.stopping:
            self._tell_where(world, time.monotonic() - began)

    def watch(self) -> None:
        """Keep it running until it is told to stop."""
        if self.supervisor.stopping:  # before everything was started
            return
        watched = [
            (part, Watchdog(self.local.env["REDIS_URL"], hostname_of(part.name)))
            for part in self.supervisor.parts
            if part.name in programs.TAKEN
        ]

        def each_second() -> None:
            for part, watchdog in watched:
                if part.running and watchdog.finds_it_silent(running_for=part.ran_for()):
                    self.supervisor.restart(part, "does not answer")

        self.supervisor.watch(each_second)

    def stop(self) -> None:
        """End everything; the data stay."""
        began = time.monotonic()
        self.supervisor.stop()
        for listener in (*self.local.web, *self.local.stripe):
            listener.close()
        self.local.env_file.unlink(missing_ok=True)
        say(f"Stopped in {time.monotonic() - began:.1f} s. `make run` continues from here.")

    def _start_stores(self) -> None:
        postgres, valkey = self.local.postgres, self.local.valkey
        if postgres:
            postgres.prepare()
            program = Program("postgres", postgres.command())
            part = Part(program, os.environ, ready=postgres.answers, is_store=True, stop_by=signal.SIGINT)
            part.user, part.cwd = account.NAME, postgres.folder
            self.supervisor.start(part)
            if not self.supervisor.stopping:
                if not postgres.has(DATABASE):
                    postgres.create(DATABASE)
                postgres.make_roles(DATABASE)
            self.local.env["DATABASE_URL"] = postgres.url(DATABASE)
            self.local.env["SEALED_DATABASE_URL"] = postgres.url(DATABASE, role=SEALED)
            self.owner = {"OWNER_DATABASE_URL": postgres.url(DATABASE, role=OWNER)}
        if valkey:
            valkey.prepare()
            program = Program("valkey", valkey.command())
            self.supervisor.start(Part(program, os.environ, ready=valkey.answers, is_store=True))

    def _start_stripe(self) -> None:
        if not self.local.stripe or self.supervisor.stopping:
            return
        listener = self.local.stripe[0]
        port = port_of(self.local.stripe)
        program = programs.stand_in(
            port,
            webhook_url=f"http://127.0.0.1:{self.local.port}{WEBHOOK_PATH}",
            webhook_secrets=self.local.env["STRIPE_WEBHOOK_SECRETS"].split(","),
            api_key=self.local.env["STRIPE_SECRET_KEY"],
            state=self.local.var / "stripe.json",
            listener=listener.fileno(),
        )
        # No other program has this socket, so the answer comes from the part that we started.
        self.supervisor.start(self._part(program, lambda: processes.web_answers(port, "/"), self.local.stripe))

    def _start_programs(self) -> None:
        """Start all others in parallel, as each loads for seconds, and return when they are ready."""
        if self.supervisor.stopping:
            return
        asking = client(self.local.env["REDIS_URL"], within=ANSWER_SECONDS)
        numbers = [listener.fileno() for listener in self.local.web]
        parts = [
            *(
                self._part(
                    programs.worker(name, processes=processes, hostname=hostname_of(name)),
                    partial(lambda host: bool(answers(asking, host, within=0.5)), hostname_of(name)),
                )
                for name, processes in (("worker", 2), ("worker-now", 1))
            ),
            self._part(programs.beat(self.local.var / "run" / "beat-schedule")),
            self._part(programs.relay()),
            self._part(
                programs.web(self.local.port, listeners=numbers),
                lambda: processes.web_answers(self.local.port),
                self.local.web,
            ),
        ]
        for part in parts:
            self.supervisor.launch(part)
        for part in reversed(parts):
            self.supervisor.wait_for(part, within=120)
        # beat and relay cannot be asked. They load the same code as the others, so by now they would have failed.
        self.supervisor.must_all_run()

    def _part(
        self, program: Program, ready: Callable[[], bool] = lambda: True, listeners: Sequence[socket.socket] = ()
    ) -> Part:
        return Part(program, self.local.env, ready=ready, listeners=listeners)

    def _step(self, name: str, command: list[str], extra: dict[str, str] | None = None) -> str:
        """Run one command to its end while the supervisor watches the others; return its output."""
        if self.supervisor.stopping:
            return ""
        began = time.monotonic()
        path = self.local.var / "log" / f"{name.replace(' ', '-')}.log"
        with path.open("wb") as output:
            process = processes.start(command, env={**self.local.env, **(extra or {})}, output=output, cwd=ROOT)
        while process.poll() is None and not self.supervisor.stopping:
            self.supervisor.pump(0.05)
        if self.supervisor.stopping:
            processes.stop(process, within=5)
            return ""
        text = path.read_text(errors="replace")
        if process.returncode:
            raise RuntimeError(f"{name} failed (code {process.returncode}); see {path}:\n{text[-3000:]}")
        say(f"{name}: {time.monotonic() - began:.1f} s")
        return text

    def _demonstrate(self) -> str:
        """Create the demonstration world once, and return its text on how to sign in.

        By default not in an external database, because its users have known passwords; DEMO=true or false overrides.
        """
        wanted = self.local.env.get("DEMO") or ("true" if self.local.postgres else "false")
        if wanted.lower() not in YES:
            return "No demonstration world is created here; set DEMO=true to create it."
        database = hashlib.sha256(self.local.env["DATABASE_URL"].encode()).hexdigest()[:12]
        path = self.local.var / f"demonstration-{database}.txt"
        if not path.exists():
            output = self._step("demonstration world", [*MANAGE, "demonstrate"], {"LOG_LEVEL": "WARNING"})
            if self.supervisor.stopping:
                return ""
            # Logs and text come out of the same pipe; its log file has both.
            path.write_text("\n".join(line for line in output.splitlines() if not line.startswith("{")))
        return path.read_text()

    def _tell_where(self, world: str, seconds: float) -> None:
        address = self.local.address
        say(f"\nThe product is running ({seconds:.1f} s).")
        places = {
            "Give": f"{address}/give/",
            "Staff": f"{address}/admin/",
            "API": f"{address}/api/v1/docs/",
            "Health": f"{address}/health/",
        }
        if self.local.stripe:
            places["Stripe"] = f"{self.local.env['STRIPE_API_BASE']}/_control/   (a stand-in; no money moves)"
        places |= {"Mails": str(self.local.var / "mail"), "Logs": str(self.local.var / "log")}
        for name, place in places.items():
            say(f"  {name + ':':8} {place}")
        if world:
            say("\n" + world.strip())
        say("\nCtrl-C stops it; the data stay. `make reset` deletes them.")


def hostname_of(worker: str) -> str:
    """Return the name by which a worker is pinged: unique, even on a shared broker."""
    return f"{worker}-{os.getpid()}@{socket.gethostname()}"


def only_one(var: Path) -> TextIO:
    """Hold the lock of this data folder. Exits if another `make run` holds it."""
    (var / "run").mkdir(parents=True, exist_ok=True)
    lock = (var / "run" / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        sys.exit(f"The product already runs (process {holder}); stop that one first, or set VAR_DIR to another folder.")
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def main() -> int:
    """Run until a signal; the exit code is 0 when nothing went wrong."""
    os.umask(0o077)  # var/ holds people's mails and papers
    var = var_folder()
    try:
        with only_one(var):
            return run(var)
    except (RuntimeError, WrongVersion, OSError) as error:
        say(f"{error}\n{what_to_do(error, var)}".strip())
        return 1


def run(var: Path) -> int:
    path = var / "run" / "processes.json"
    left = left_over.end(path)
    path.unlink(missing_ok=True)
    if left:
        say(f"Ended {left} programs that an earlier run left behind.")
    product = Product(compose())
    try:
        product.start()
        product.watch()
    finally:
        product.stop()
    return 0


def what_to_do(error: Exception, var: Path) -> str:
    """Return advice on an error of the machine; empty if the error itself says what to do."""
    if isinstance(error, PermissionError):
        return (
            f"Files in {var} belong to another account: run this as that account, or set VAR_DIR to a folder of"
            " your own."
        )
    return disk.shortage(var)


if __name__ == "__main__":
    sys.exit(main())
