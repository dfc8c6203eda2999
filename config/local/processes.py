"""Programs as child processes: started so that they cannot be orphaned, stopped politely and then not."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

CHILD = Path(__file__).with_name("child.py")
POLL_SECONDS = 0.02


class NotInTime(TimeoutError):
    """Something that was waited for did not happen before its deadline."""


def wait_until(condition: Callable[[], object], *, within: float, what: str) -> None:
    """Return when the condition holds. Raises NotInTime, naming what was waited for, after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTime(f"Waited {within:g} s for {what}.")
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    """A TCP port on the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def web_answers(port: int) -> bool:
    """Say whether a web server answers, with whatever status: its port is open long before it has loaded."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def bound_to_us(command: Sequence[str], *, user: str = "", death_signal: int = signal.SIGTERM) -> list[str]:
    """The command, wrapped so that it ends when this process does, and runs as `user` if one is named."""
    wrapper = [sys.executable, "-I", "-S", str(CHILD), "--parent", str(os.getpid()), "--signal", str(int(death_signal))]
    return [*wrapper, *(["--user", user] if user else []), "--", *command]


def start(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    user: str = "",
    death_signal: int = signal.SIGTERM,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own; call it from the main thread only.

    The kernel ties the child to the *thread* that started it, so a child of another thread ends with that thread.
    """
    return subprocess.Popen(
        bound_to_us(command, user=user, death_signal=death_signal),
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        start_new_session=True,
    )


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a program and to all that it started; nothing happens if they are gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def stop(process: subprocess.Popen[bytes], *, by: int = signal.SIGTERM, within: float = 10.0) -> int:
    """End a program: the signal first, SIGKILL to its whole group when it has not ended in time. Returns its code."""
    if process.poll() is None:
        process.send_signal(by)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)
    # Whatever the program left behind: a pool child of a worker that was itself killed, for example.
    signal_group(process, signal.SIGKILL)
    return process.wait()
