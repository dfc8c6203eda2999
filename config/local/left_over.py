"""Ends what a supervisor that was itself killed left running.

On Linux the kernel tells each part that its supervisor is gone (child.py), but a part that is frozen, or waits for a
store that has gone first, does not heed that. So a guard waits beside the supervisor:

    python -I left_over.py processes.json

It reads a pipe that only the supervisor holds open. When that closes and the file is still there, nobody stopped the
parts, and the guard ends them. Needs nothing but psutil: it costs 12 MB while it waits.
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

GRACE_SECONDS = 10  # more than any part is given to end by itself


def note(path: Path, pids: Iterable[int]) -> None:
    """Write down who runs, with the time of birth, as the system gives numbers of the dead to others."""
    born = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            born[str(pid)] = psutil.Process(pid).create_time()
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(born))
    unfinished.replace(path)


def end(path: Path) -> int:
    """End those that were written down and still live, politely and then not; return how many they were."""
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
        # Each part leads a group. The number of a dead leader is not given away while one of its group lives.
        if _process(int(pid), born) or not psutil.pid_exists(int(pid)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(int(pid), signal.SIGKILL)
    return len(found)


def _process(pid: int, born: float) -> psutil.Process | None:
    """Return the process that was written down; None when it is gone, or its number is a stranger's now."""
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
