"""The worker's side of the printer: one child process that prints paper after paper and is replaced when it dies."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from django.conf import settings

from logistics.confined import frames
from logistics.confined.once import inherited
from logistics.documents import outcomes, printer_settings
from logistics.documents.outcomes import PaperRefused, PrinterDied, Rendered
from logistics.documents.printer.request import Request

MESSAGE_MAX = 1024 * 1024
PDF_MAX = 512 * 1024 * 1024
PROGRAM = "logistics.documents.printer.child"
REFUSALS: dict[str, type[PaperRefused]] = {
    kind.code: kind for kind in (PaperRefused, outcomes.MissingGlyphs, outcomes.TemplateBroken, outcomes.PaperTooDeep)
}


@dataclass(frozen=True, slots=True)
class PaperLimits:
    """Limits of one paper: address space of the printer, CPU time and wall-clock time.

    `kept_mb`: what a printer may still hold after a paper; one that holds more is replaced, because one long list would
    otherwise keep its memory for ever.
    """

    memory_mb: int
    cpu_seconds: int
    wall_seconds: float
    kept_mb: int = 400

    @classmethod
    def of_settings(cls) -> "PaperLimits":
        return cls(settings.PAPER_MEMORY_MB, settings.PAPER_CPU_SECONDS, settings.PAPER_WALL_SECONDS)


class Child:
    """A child process that prints. It is started by exec, so it shares no thread, socket or secret with us."""

    def __init__(self, limits: PaperLimits) -> None:
        self.limits = limits
        self.is_ready = False
        self.timed_out = False
        self._shared_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # The kernel ties the child's life to the *thread* that starts it, and only the main one lives as long as we do.
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", PROGRAM, f"--settings={json.dumps(printer_settings.of_product())}"),
                *(f"--memory-mb={limits.memory_mb}", f"--kept-mb={limits.kept_mb}"),
                *(f"--cpu-seconds={limits.cpu_seconds}", f"--parent={parent}"),
            ],
            env=inherited(),
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        assert self.process.stdin and self.process.stdout
        self._requests, self._answers = self.process.stdin, self.process.stdout

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def ask(self, request: Request, progress: Callable[[int], None]) -> tuple[dict[str, object], bytes]:
        """Have one paper printed and return the last answer. Raises EOFError or OSError if the child has died."""
        with self._clock():
            frames.write(self._requests.fileno(), request)
            while True:
                answer, file = frames.read(self._answers.fileno(), message_max=MESSAGE_MAX, file_max=PDF_MAX)
                if answer.get("ready") is True:
                    self.is_ready = True
                elif isinstance(percent := answer.get("progress"), int):
                    progress(max(0, min(percent, 100)))
                else:
                    return answer, file

    @contextmanager
    def _clock(self) -> Iterator[None]:
        def kill() -> None:
            self.timed_out = True
            self._kill()

        clock = threading.Timer(self.limits.wall_seconds, kill)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()
            clock.join()

    def end(self) -> None:
        """Kill the child and release its resources."""
        self._kill()
        self.close_pipes()
        self.process.wait()

    def _kill(self) -> None:
        # Not Popen.kill, which would take the exit code of a child that died by itself. Nothing else waits for this
        # process, so until we do, its pid is not reused.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def close_pipes(self) -> None:
        """Close our ends of its pipes, after which it ends by itself."""
        self._requests.close()
        self._answers.close()

    def why_it_died(self) -> PaperRefused:
        """Wait for the end of a child that stopped answering, and return why it died."""
        self._kill()  # it may only have closed its pipe; if it is dying already, its exit code is kept
        self.close_pipes()
        _, status, usage = os.wait4(self.process.pid, 0)
        code = self.process.returncode = os.waitstatus_to_exitcode(status)
        if not self.is_ready:
            return PrinterDied("The printer died before it was ready.")
        if self.timed_out or code == -signal.SIGXCPU:
            return outcomes.PaperOutOfTime("The paper takes longer to print than its time limit allows.")
        # C code that gets no memory ends with a signal, as does a process that the kernel kills when memory runs out.
        # The peak memory is counted from the child's start, when it still shared ours: below that it says nothing.
        # (In KiB on Linux, in bytes on macOS, where memory is not limited anyway.)
        held_much = sys.platform == "linux" and usage.ru_maxrss > max(
            self._shared_kib, self.limits.memory_mb * 1024 / 2
        )
        # GLib, which Pango allocates with, ends itself with SIGTRAP when it gets no memory.
        if code in (frames.EXIT_OUT_OF_MEMORY, -signal.SIGTRAP) or (code < 0 and held_much):
            return outcomes.PaperOutOfMemory("The paper needs more memory than its limit.")
        return PrinterDied(f"The printer died ({code}).")


class Printer:
    """Prints with one child at a time, and replaces one that died, was killed or kept too much memory."""

    def __init__(self, limits: PaperLimits | None = None) -> None:
        self._limits = limits
        self._child: Child | None = None
        self._one_at_a_time = threading.Lock()

    def start(self) -> Child:
        """Return a live child, starting one if needed; does not wait until it is warm."""
        if self._child is None or not self._child.is_alive:
            self._forget()
            self._child = Child(self._limits or PaperLimits.of_settings())
        return self._child

    def stop(self) -> None:
        """Kill the child if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def to_pdf(
        self,
        template: str,
        context: Mapping[str, object],
        *,
        languages: Sequence[str] = ("en",),
        progress: Callable[[int], None] = lambda percent: None,
    ) -> Rendered:
        """Print in the child, like rendering.to_pdf. An exception of `progress` kills the child and is raised.

        Raises the errors of rendering.to_pdf, PaperTooLarge if the paper exceeds a limit, PrinterDied.
        """
        values = structlog.contextvars.get_contextvars()
        about = {name: value for name, value in values.items() if isinstance(value, str)}
        request = Request(template=template, context=context, languages=list(languages), about=about)
        with self._one_at_a_time:
            child = self.start()
            try:
                answer, pdf = child.ask(request, progress)
            except (EOFError, BrokenPipeError, frames.Garbled) as error:
                self._child = None
                why = child.why_it_died()
                self.start()
                raise why from error
            except BaseException:
                self.stop()
                raise
            if child.timed_out or answer.get("last"):
                self.stop()
                self.start()
        return _outcome(answer, pdf)

    def forget_after_fork(self) -> None:
        """Drop the child, which belongs to our parent process; it ends when nothing else holds its pipe."""
        self._one_at_a_time = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close_pipes()


def _outcome(answer: dict[str, object], pdf: bytes) -> Rendered:
    """Return the pages of a child's last answer, or raise its error. Raises PrinterDied for an invalid answer."""
    match answer:
        case {"pages": int(pages)} if pages > 0 and pdf.startswith(b"%PDF-"):
            return Rendered(pdf=pdf, pages=pages)
        case {"refused": str(code), "message": str(message), "details": dict(details)} if code in REFUSALS:
            refusal = REFUSALS[code](message)
            refusal.details = details
            raise refusal
        case {"failed": str(error)} if error.isidentifier():
            raise outcomes.PaperFailed(error)
    raise PrinterDied("The printer sent an invalid answer.")
