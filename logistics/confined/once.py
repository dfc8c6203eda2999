"""Run a confined child for one request."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logistics.confined import frames

# The environment variables that a child inherits. None holds a secret.
INHERITED = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PATH", "PYTHONPATH",
    "TMPDIR", "XDG_CACHE_HOME",
)  # fmt: skip
BASE_DIR = Path(__file__).resolve().parents[2]


class ChildDied(Exception):
    """The child died without an answer, for a reason that another attempt may not have."""


class OverLimit(Exception):
    """The request needs more memory or time than it is worth."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request: address space of the child, CPU time, wall-clock time, and the size of its answer."""

    memory_mb: int
    cpu_seconds: int
    wall_seconds: float
    answer_max_bytes: int


def ask(program: str, message: Mapping[str, object], file: bytes, limits: Limits) -> dict[str, object]:
    """Start the module `program`, which calls serving.serve, send it a message and a file, and return its answer.

    Raises OverLimit, ChildDied.
    """
    with subprocess.Popen(
        [sys.executable, "-m", program, str(limits.memory_mb), str(limits.cpu_seconds)],
        env=inherited(),
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as child:
        assert child.stdin and child.stdout
        with _killed_after(child, limits.wall_seconds) as timed_out:
            try:
                frames.write(child.stdin.fileno(), message, file)
                answer, _ = frames.read(child.stdout.fileno(), message_max=limits.answer_max_bytes)
            except (EOFError, BrokenPipeError):
                raise _why(child.wait(), timed_out.is_set()) from None
            except frames.Garbled as error:
                raise OverLimit("Its answer is too long.") from error
            finally:
                _end(child)
        return answer


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a child that has answered; make coverage lets it end by itself, which writes what it has run."""
    child.kill()


@contextmanager
def _killed_after(child: "subprocess.Popen[bytes]", seconds: float) -> Iterator[threading.Event]:
    timed_out = threading.Event()

    def kill() -> None:
        timed_out.set()
        child.kill()

    clock = threading.Timer(seconds, kill)
    clock.daemon = True
    clock.start()
    try:
        yield timed_out
    finally:
        clock.cancel()
        clock.join()


def _why(code: int, timed_out: bool) -> Exception:
    if timed_out or code == -signal.SIGXCPU:
        return OverLimit("It takes longer than its time limit allows.")
    # C and Rust code that gets no memory ends itself with SIGABRT; the kernel kills with SIGKILL when memory runs out.
    if code in (frames.EXIT_OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV):
        return OverLimit("It needs more memory than its limit.")
    return ChildDied(f"The child died ({code}).")


def inherited() -> dict[str, str]:
    """Return the environment of a child."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ}
