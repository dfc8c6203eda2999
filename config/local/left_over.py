"""End the programs that a killed supervisor left running.

On Linux the kernel signals each part when its supervisor dies (child.py), but a part that is frozen, or waits for a
store that died first, does not react. So a guard waits beside the supervisor:

    python -I left_over.py processes.json

It reads a pipe that only the supervisor holds open. If the pipe closes while the file still exists, the parts were not
stopped, and the guard ends them. It imports only psutil and takes 12 MB while it waits.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

GRACE_SECONDS = 10  # longer than any part's own time to stop


def note(path: Path, pids: Iterable[int]) -> None:
    """Record the running processes with their start times, because the system reuses pids."""
    born = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            born[str(pid)] = psutil.Process(pid).create_time()
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(born))
    unfinished.replace(path)


def end(path: Path) -> int:
    """End the recorded processes that still run, by SIGTERM and then SIGKILL; return how many there were."""
    try:
        noted = json.loads(path.read_text())
    except FileNotFoundError:
        return 0
    found = [process for pid, born in noted.items() if (process := _process(int(pid), born))]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    psutil.wait_procs(found, timeout=GRACE_SECONDS)
    for pid, born in noted.items():
        # Each part leads a process group. The pid of a dead leader is not reused while its group has members.
        if _process(int(pid), born) or not psutil.pid_exists(int(pid)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(int(pid), signal.SIGKILL)
    return len(found)


def _process(pid: int, born: float) -> psutil.Process | None:
    """Return the recorded process; None if it is gone or its pid was reused."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if abs(process.create_time() - born) < 1:
            return process
    return None


def guard(path: Path) -> "subprocess.Popen[bytes]":
    """Start the guard. It acts when its standard input closes, which this process holds open."""
    return subprocess.Popen(
        [sys.executable, "-I", __file__, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the supervisor
    )


if __name__ == "__main__":
    sys.stdin.read()
    end(Path(sys.argv[1]))
