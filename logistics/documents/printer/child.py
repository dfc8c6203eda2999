"""The printer's child process, started by printer.process as `python -m logistics.documents.printer.child`.

It reads requests from its standard input, prints one paper after the other, so that fonts, stylesheets and layouts are
kept between papers, and answers on its original standard output. It has no secrets, opens no connections, knows only
`printer_settings` of the product, and ends with its worker.
"""

import argparse
import contextlib
import json
import logging
import os
import select
import signal
import sys
import threading
from pathlib import Path
from typing import cast

import structlog

from logistics.confined import confinement, frames, serving
from logistics.documents import printer_settings
from logistics.documents.outcomes import PaperRefused, PaperTooDeep
from logistics.documents.printer.request import Request

log = logging.getLogger("logistics.documents.printer")

REQUEST_MAX = 512 * 1024 * 1024
START_CPU_SECONDS = 60  # limit for start-up, which takes one second
WARM_UP = "documents/warm_up.html"


def main() -> None:
    requests, answers = serving.pipes()
    asked = _arguments()
    confinement.limit(memory_mb=asked.memory_mb, cpu_seconds=START_CPU_SECONDS)
    if asked.parent:
        confinement.end_with(asked.parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to our worker too, which lets the current paper finish

    printer_settings.apply(asked.settings)
    from logistics.documents import rendering

    confinement.confine()
    threading.Thread(target=_end_without_parent, args=(requests,), daemon=True).start()
    if not select.select([requests], [], [], 0)[0]:  # a waiting paper is a better warm-up
        rendering.to_pdf(WARM_UP, {"number": "0", "issued_on": "2026-01-01"})
    rendering.freeze()
    frames.write(answers, {"ready": True})

    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            request, _ = frames.read(requests, message_max=REQUEST_MAX)
            confinement.allow_cpu(asked.cpu_seconds)
            answer, pdf = _print(cast(Request, request), answers)
            full = _kept_mb() > asked.kept_mb
            frames.write(answers, {**answer, "last": full}, pdf)
            if full:
                return


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--kept-mb", type=int, required=True)
    parser.add_argument("--cpu-seconds", type=int, required=True)
    parser.add_argument("--parent", type=int, default=0)
    return parser.parse_args()


def _end_without_parent(requests: int) -> None:
    """End this process at once when the other end of its pipe is closed, because its worker is gone."""
    pipe = select.poll()
    pipe.register(requests, 0)  # reports only that the other end was closed
    pipe.poll()
    os._exit(0)


def _print(request: Request, answers: int) -> tuple[dict[str, object], bytes]:
    from logistics.documents import rendering

    def report(percent: int) -> None:
        frames.write(answers, {"progress": percent})

    with structlog.contextvars.bound_contextvars(**request["about"]):
        try:
            printed = rendering.to_pdf(
                request["template"], request["context"], languages=request["languages"], progress=report
            )
        except Exception as error:
            return _refusal(error), b""
    return {"pages": printed.pages}, printed.pdf


def _refusal(error: Exception) -> dict[str, object]:
    """Describe an error for our worker. Out of memory, exit instead with a code that says so."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(cause, MemoryError) for cause in causes):
        os._exit(frames.EXIT_OUT_OF_MEMORY)
    if any(isinstance(cause, RecursionError) for cause in causes):
        return {"refused": PaperTooDeep.code, "message": "Elements are nested too deeply.", "details": {}}
    if isinstance(error, PaperRefused):
        return {"refused": error.code, "message": str(error), "details": error.details}
    log.error("printing failed", exc_info=error)
    return {"failed": type(error).__name__}


def _kept_mb() -> float:
    """Return the memory that this process holds now, in MiB; 0 if the system does not report (Linux does)."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if statm.exists() else 0


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        os._exit(frames.EXIT_OUT_OF_MEMORY)
    sys.exit()
