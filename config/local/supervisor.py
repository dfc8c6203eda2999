"""Keep a set of programs running: start, log, restart, stop. None of them outlives it.

One thread only: the kernel ties a child's life to the thread that started it (child.py), and a supervisor that waits
in one place only has no races. Programs write to their log files themselves: with a pipe they would break, or hang,
when the supervisor is killed (a worker then did not even end on SIGTERM). A guard (left_over.py) ends what outlives
a killed supervisor.
"""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.local import left_over, processes
from config.local.programs import ROOT, Program

LOG_MAX_BYTES = 20_000_000
READ_MAX_BYTES = 1_000_000
BACKOFF_FIRST, BACKOFF_MAX = 0.5, 30.0  # seconds before a program that ended by itself is started again
# For programs that hang: on a busy machine the web server alone takes most of a minute to load.
START_SECONDS = 120.0
CALM_SECONDS = 60.0  # a program that ran this long is not failing at its start


@dataclass
class Part:
    """One supervised program; `stop_by` is the signal that asks it to end.

    `listeners` are its sockets; they stay open here, so that connections made during a restart are answered after it.
    """

    program: Program
    env: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    is_store: bool = False  # other parts use it: it starts before them and ends after them
    user: str = ""
    stop_by: int = signal.SIGTERM
    stop_within: float = 8.0
    cwd: Path = ROOT
    listeners: Sequence[socket.socket] = ()
    process: subprocess.Popen[bytes] | None = None
    log_began: int = 0  # bytes that the log had when it was last started
    log_read: int = 0  # bytes of the log read so far
    started_at: float = 0.0
    failures: int = 0
    again_at: float | None = None

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ran_for(self) -> float:
        """Seconds since it was last started."""
        return time.monotonic() - self.started_at


@dataclass
class Supervisor:
    """Starts parts one by one, keeps them running, and ends them together."""

    folder: Path  # var: logs go to var/log, process ids to var/run
    tell: Callable[[str], None]
    on_line: Callable[[str, bytes], None] = lambda name, line: None
    parts: list[Part] = field(default_factory=list)
    stopping: bool = False
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def __post_init__(self) -> None:
        for name in ("log", "run"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._wake_on_signals()
        self._guard = left_over.guard(self.processes)

    @property
    def processes(self) -> Path:
        """The file that lists the running processes, for cleaning up after a killed supervisor."""
        return self.folder / "run" / "processes.json"

    def start(self, part: Part, *, within: float = START_SECONDS) -> None:
        """Start a part and return when it is ready. Raises RuntimeError if it ends or is not ready in time."""
        self.launch(part)
        self.wait_for(part, within=within)

    def launch(self, part: Part) -> None:
        """Start a part without waiting for it (see `wait_for`)."""
        self.parts.append(part)
        self._launch(part)

    def wait_for(self, part: Part, *, within: float = START_SECONDS) -> None:
        """Return when a part is ready. Raises RuntimeError if it has ended or is not ready in time."""
        deadline = time.monotonic() + within
        while not self.stopping:
            # In this order: if the part has ended by now, the answer was not its own.
            ready = part.ready()
            self._must_run(part)
            if ready:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"{part.name} was not ready within {within:g} s; {self._end_of_log(part)}")
            self.pump(0.05)

    def must_all_run(self) -> None:
        """Raise RuntimeError if a part has ended."""
        for part in self.parts:
            self._must_run(part)

    def _must_run(self, part: Part) -> None:
        if not part.running and not self.stopping:
            code = part.process.returncode if part.process else None
            raise RuntimeError(f"{part.name} did not start (exit code {code}); {self._end_of_log(part)}")

    def log_path(self, part: Part) -> Path:
        return self.folder / "log" / f"{part.name}.log"

    def watch(self, each_second: Callable[[], None]) -> None:
        """Restart parts that end by themselves, until a stop signal."""
        while not self.stopping:
            self.pump(1.0)
            for part in self.parts:
                self._look_after(part)
            if not self.stopping:
                each_second()

    def restart(self, part: Part, why: str) -> None:
        """End a part that is alive but does not work; it is started again at once."""
        self.tell(f"{part.name}: {why}; restarting it")
        if part.process:
            processes.stop(part.process, by=part.stop_by, within=2)

    def stop(self) -> None:
        """End all parts, data stores last. Each has a time limit."""
        self.stopping = True
        for wave in ([part for part in self.parts if not part.is_store], self.parts):
            self._stop_together([part for part in wave if part.running])
        for part in self.parts:
            if part.process:
                processes.signal_group(part.process, signal.SIGKILL)
        self.pump(0)
        self.processes.unlink(missing_ok=True)
        self._guard.communicate()  # nothing is left for it to end

    def pump(self, seconds: float) -> None:
        """Wait for the given time or until a signal; then show what the parts wrote meanwhile."""
        for key, _ in self._selector.select(seconds):
            with contextlib.suppress(BlockingIOError):
                os.read(key.fd, 512)  # the signal handlers' wake-up
        for part in self.parts:
            self._read_log(part)

    def _stop_together(self, parts: list[Part]) -> None:
        for part in parts:
            if part.process:
                part.process.send_signal(part.stop_by)
        began = time.monotonic()
        while waiting := [part for part in parts if part.running]:
            self.pump(0.05)
            for part in waiting:
                if time.monotonic() - began > part.stop_within and part.process:
                    self.tell(f"{part.name}: still busy after {part.stop_within:g} s; killed (its jobs run next time)")
                    processes.signal_group(part.process, signal.SIGKILL)
                    part.process.wait()

    def _launch(self, part: Part) -> None:
        path = self.log_path(part)
        part.log_began = part.log_read = path.stat().st_size if path.exists() else 0
        with path.open("ab") as output:
            part.process = processes.start(
                part.program.command,
                env={**part.env, **part.program.env},
                output=output,
                user=part.user,
                death_signal=part.stop_by,
                cwd=part.cwd,
                listeners=part.listeners,
            )
        part.started_at, part.again_at = time.monotonic(), None
        self._note_processes()

    def _read_log(self, part: Part) -> None:
        """Show the new complete lines of a log, and rotate it when it is too large."""
        path = self.log_path(part)
        size = path.stat().st_size if path.exists() else 0
        if size <= part.log_read:
            return
        with path.open("rb") as log:
            log.seek(part.log_read)
            new = log.read(READ_MAX_BYTES)
        whole = new.rfind(b"\n") + 1
        part.log_read += whole or len(new) * (len(new) == READ_MAX_BYTES)
        for line in new[:whole].splitlines():
            self.on_line(part.name, line)
        if size > LOG_MAX_BYTES and part.log_read >= size:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)  # the program goes on appending
            part.log_read = 0

    def _look_after(self, part: Part) -> None:
        if part.running or self.stopping:
            return
        if part.again_at is None:
            code = part.process.wait() if part.process else None
            if part.process:
                processes.signal_group(part.process, signal.SIGKILL)  # what it left behind
            part.failures = 0 if part.ran_for() > CALM_SECONDS else part.failures + 1
            delay = min(BACKOFF_FIRST * 2 ** max(0, part.failures - 1), BACKOFF_MAX)
            part.again_at = time.monotonic() + delay
            self.tell(f"{part.name}: ended by itself (code {code}); again in {delay:g} s; see {self.log_path(part)}")
        elif time.monotonic() >= part.again_at:
            self._launch(part)

    def _end_of_log(self, part: Part) -> str:
        """Return the path of a part's log, and the end of what it wrote since it was started."""
        self.pump(0.2)
        path = self.log_path(part)
        with path.open("rb") as log:
            log.seek(min(part.log_began, path.stat().st_size))
            text = log.read().decode(errors="replace")
        return f"the end of its log, {path}:\n{text[-3000:]}"

    def _wake_on_signals(self) -> None:
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing)
        self._selector.register(reading, selectors.EVENT_READ)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, number: int, _: object) -> None:
        self.stopping = True

    def _note_processes(self) -> None:
        alive = [part.process.pid for part in self.parts if part.process and part.process.poll() is None]
        left_over.note(self.processes, alive)
