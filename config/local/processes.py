"""Child processes: started so that they cannot be orphaned, stopped by a signal and then by SIGKILL."""

import contextlib
import errno
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

import psutil

CHILD = Path(__file__).with_name("child.py")
POLL_SECONDS = 0.02


class NotInTime(TimeoutError):
    """Something did not happen before its deadline."""


def wait_until(condition: Callable[[], object], *, within: float, what: str) -> None:
    """Return when the condition holds. Raises NotInTime, naming what was waited for, after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTime(f"Waited {within:g} s for {what}.")
        time.sleep(POLL_SECONDS)


class HeldPort:
    """A port on the loopback interface, reserved for a program that binds it itself.

    While this object lives, the system does not hand out the port as a free one. Nothing listens on it before the
    program does, so it refuses connections until then, and again when the program has ended.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.number = int(self._socket.getsockname()[1])
        if sys.platform == "linux":
            # Set after the bind: servers that set it too can bind the port, but we did not take it from anybody.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:  # elsewhere a port cannot be shared even then
            self._socket.close()

    def __del__(self) -> None:
        self._socket.close()


def listen(port: int, *, as_localhost: bool = False) -> list[socket.socket]:
    """Listen on a port of 127.0.0.1; `as_localhost`: also on ::1 if there is IPv6, as that name means either.

    Listening before the port is announced ensures that no other program answers on it. Raises OSError.
    """
    sockets = [_listening(socket.AF_INET, "127.0.0.1", port)]
    if not as_localhost:
        return sockets
    try:
        sockets.append(_listening(socket.AF_INET6, "::1", port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sockets[0].close()
            raise
    return sockets


def _listening(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier run may linger
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def web_answers(port: int, path: str = "/health/") -> bool:
    """Return whether a web server answers, with any status: its port is open long before it has loaded."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def bound_to_us(command: Sequence[str], *, user: str = "", death_signal: int = signal.SIGTERM) -> list[str]:
    """Return the command wrapped so that it ends when this process does, and runs as `user` if one is named."""
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
    listeners: Sequence[socket.socket] = (),
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own; call it from the main thread only.

    It inherits the sockets `listeners` under the same file descriptors. The kernel ties the child to the *thread* that
    started it, so a child of another thread ends with that thread.
    """
    return subprocess.Popen(
        bound_to_us(command, user=user, death_signal=death_signal),
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        start_new_session=True,
        pass_fds=[listener.fileno() for listener in listeners],
    )


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a program and everything it started; do nothing if they are gone.

    The pid of a program that we have waited for is not reused while its process group has members. So if a process has
    this pid now, it is another program, and the group is gone.
    """
    if process.returncode is not None and psutil.pid_exists(process.pid):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def stop(process: subprocess.Popen[bytes], *, by: int = signal.SIGTERM, within: float = 10.0) -> int:
    """End a program: the signal first, then SIGKILL to its whole group. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(by)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(within)
    # What the program left behind, for example a pool process of a worker that was killed.
    signal_group(process, signal.SIGKILL)
    return process.wait()
