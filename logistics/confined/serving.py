"""The child's side: kept small, because each spreadsheet starts one."""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from logistics.confined import confinement, frames


def pipes() -> tuple[int, int]:
    """Reserve both pipes: any other code reads from /dev/null and writes to the log."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return requests, answers


@contextmanager
def serve(*, file_max: int) -> Iterator[tuple[int, bytes]]:
    """Confine this process and yield the pipe for its answer and the file of its one request."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to our worker too, which finishes the current job
    memory_mb, cpu_seconds = map(int, sys.argv[1:])
    requests, answers = pipes()
    confinement.limit(memory_mb=memory_mb, cpu_seconds=cpu_seconds)
    confinement.confine()
    gc.disable()  # there is one request, and all memory is given back when this process ends
    try:
        _, file = frames.read(requests, message_max=1000, file_max=file_max)
        with contextlib.suppress(BrokenPipeError):
            yield answers, file
    except MemoryError:
        os._exit(frames.EXIT_OUT_OF_MEMORY)
