"""A worker's side of its printer: one child process that prints paper after paper, and is replaced when it died."""

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

from logistics.documents import outcomes, printer_settings
from logistics.documents.outcomes import PaperRefused, PrinterDied, Rendered
from logistics.documents.printer import frames

MESSAGE_MAX = 1024 * 1024
PDF_MAX = 512 * 1024 * 1024
PROGRAM = "logistics.documents.printer.child"
# What a child gets of our environment. No secret is among it.
INHERITED = (
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PATH", "PYTHONPATH",
    "TMPDIR", "XDG_CACHE_HOME",
)  # fmt: skip
REFUSALS: dict[str, type[PaperRefused]] = {
    kind.code: kind for kind in (PaperRefused, outcomes.MissingGlyphs, outcomes.TemplateBroken, outcomes.PaperTooDeep)
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one paper may take: address space of its printer, CPU time, and time on the clock.

    And what a printer may keep after a paper; one that keeps more is replaced, as one long list would otherwise cost
    its memory for ever.
    """

    memory_mb: int
    cpu_seconds: int
    wall_seconds: float
    kept_mb: int = 400

    @classmethod
    def of_settings(cls) -> "Limits":
        return cls(settings.PAPER_MEMORY_MB, settings.PAPER_CPU_SECONDS, settings.PAPER_WALL_SECONDS)


class Child:
    """One process that prints. It is started by exec, so it shares no thread, socket or secret with us."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.is_ready = False
        self.is_late = False
        self._shared_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # The kernel ties the child's life to the *thread* that starts it, and only the main one lives as long as we do.
        parent = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", PROGRAM, f"--settings={json.dumps(printer_settings.of_product())}"),
                *(f"--memory-mb={limits.memory_mb}", f"--kept-mb={limits.kept_mb}"),
                *(f"--cpu-seconds={limits.cpu_seconds}", f"--parent={parent}"),
            ],
            env={name: os.environ[name] for name in INHERITED if name in os.environ},
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

    def ask(self, request: frames.Request, progress: Callable[[int], None]) -> tuple[dict[str, object], bytes]:
        """Have one paper printed and return the last answer. Raises EOFError or OSError when the child died."""
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
            self.is_late = True
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
        """Kill it, whatever it is doing, and keep nothing of it."""
        self._kill()
        self.let_go()
        self.process.wait()

    def _kill(self) -> None:
        # Not Popen.kill, which would take the exit code of one that died by itself. Nobody else waits for this process,
        # so until we do, its number is its own.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def let_go(self) -> None:
        """Close our ends of its pipes, of which it ends by itself."""
        self._requests.close()
        self._answers.close()

    def why_it_died(self) -> PaperRefused:
        """Wait for the end of a child that answers no more, and say what it died of."""
        self._kill()  # it may have closed its pipe only; the exit code of one that is dying stays its own
        self.let_go()
        _, status, usage = os.wait4(self.process.pid, 0)
        code = self.process.returncode = os.waitstatus_to_exitcode(status)
        if not self.is_ready:
            return PrinterDied("The printer died before it was ready.")
        if self.is_late or code == -signal.SIGXCPU:
            return outcomes.PaperOutOfTime("The paper takes longer to print than a paper may.")
        # C code that gets no memory ends with a signal, as does whom the kernel kills for want of it. What the child
        # held at most is told from its first moment on, when it shared our memory: below that it says nothing.
        # (In KiB on Linux, in bytes on macOS, where memory is not limited anyway.)
        held_much = sys.platform == "linux" and usage.ru_maxrss > max(
            self._shared_kib, self.limits.memory_mb * 1024 / 2
        )
        # GLib, which Pango allocates with, ends itself with SIGTRAP when it gets no memory.
        if code in (frames.EXIT_OUT_OF_MEMORY, -signal.SIGTRAP) or (code < 0 and held_much):
            return outcomes.PaperOutOfMemory("The paper needs more memory than a paper may have.")
        return PrinterDied(f"The printer died ({code}).")


class Printer:
    """Prints with one child at a time; a new one takes the place of one that died, was killed, or kept too much."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits
        self._child: Child | None = None
        self._one_at_a_time = threading.Lock()

    def start(self) -> Child:
        """Have a child that is alive, or will be soon: this does not wait until it is warm."""
        if self._child is None or not self._child.is_alive:
            self._forget()
            self._child = Child(self._limits or Limits.of_settings())
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
        """Print as rendering.to_pdf does, in the child; what `progress` raises kills it, and is raised.

        Raises what rendering.to_pdf refuses; PaperTooLarge when the paper wants more than its limits; PrinterDied.
        """
        about = {name: said for name, said in structlog.contextvars.get_contextvars().items() if isinstance(said, str)}
        request = frames.Request(template=template, context=context, languages=list(languages), about=about)
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
            if child.is_late or answer.get("last"):
                self.stop()
                self.start()
        return _outcome(answer, pdf)

    def forget_after_fork(self) -> None:
        """Leave the child to our parent process: it belongs there, and ends when nobody else holds its pipe."""
        self._one_at_a_time = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.let_go()


def _outcome(answer: dict[str, object], pdf: bytes) -> Rendered:
    """Turn a child's last answer into pages, or raise it. What is neither is raised as PrinterDied."""
    match answer:
        case {"pages": int(pages)} if pages > 0 and pdf.startswith(b"%PDF-"):
            return Rendered(pdf=pdf, pages=pages)
        case {"refused": str(code), "message": str(message), "details": dict(details)} if code in REFUSALS:
            refusal = REFUSALS[code](message)
            refusal.details = details
            raise refusal
        case {"failed": str(error)} if error.isidentifier():
            raise outcomes.PaperFailed(error)
    raise PrinterDied("The printer answered what no printer answers.")
