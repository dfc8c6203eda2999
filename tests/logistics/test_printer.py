"""The printer's real child process: its refusals, its limits, and recovery for the next paper."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings

from logistics.documents import rendering
from logistics.documents.outcomes import (
    MissingGlyphs,
    PaperFailed,
    PaperOutOfMemory,
    PaperOutOfTime,
    PaperRefused,
    PaperTooDeep,
    PrinterDied,
    TemplateBroken,
)
from logistics.documents.printer import PaperLimits, Printer, process
from tests.donations.receipt_context import FACTS, receipt
from tests.logistics.papers.child import MODULES
from tests.logistics.papers.known import known_to_printers
from tests.processes import Instance, alive, command_of, eventually
from tests.shipments import mali

# A paper takes twice the CPU time on a busy machine: only endless papers may reach these two limits.
LIMITS = PaperLimits(memory_mb=700, cpu_seconds=60, wall_seconds=600)
MANY = list(range(300))
RECEIPT = ("donations/receipt.html", {**receipt(), **FACTS})
PACKING_LIST = (
    "shipments/papers/packing_list.html",
    {**mali.packing_list(packages=mali.packages()[:15]), **mali.FACTS},
)
LANGUAGES = [code for code, _ in settings.LANGUAGES]
CHOICES = [*((language,) for language in LANGUAGES), *permutations(LANGUAGES, 2)]
# Modules that a printer must not load: database, payments, broker, models, settings.
LEFT_OUT = (
    "config", "stripe", "celery", "kombu", "redis", "psycopg", "psycopg_pool", "boto3", "environ", "rest_framework",
    "unfold", "axes", "django_structlog", "django.contrib", "django.db.backends", "django.db.models", "django.http",
    "django.core.mail", "logistics.models", "logistics.documents.models", "shipments", "donations",
)  # fmt: skip
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own nets are Linux's")


@pytest.fixture(scope="module")
def printer() -> Iterator[Printer]:
    with known_to_printers():
        made = Printer(LIMITS)
        yield made
        made.stop()


def printed(printer: Printer, template: str = "note", progress: Callable[[int], None] = lambda _: None, **context: Any):
    said = {"number": "NOTE-1", "issued_on": "2026-03-02", "said": "Hello", "many": []}
    return printer.to_pdf(f"papers/{template}.html", said | context, progress=progress)


def pid_of(printer: Printer) -> int:
    return printer.start().process.pid


class TestPrinting:
    @pytest.mark.long
    @pytest.mark.parametrize("languages", CHOICES, ids="+".join)
    @pytest.mark.parametrize("paper", [RECEIPT, PACKING_LIST], ids=lambda paper: paper[0])
    def test_prints_the_same_bytes_as_this_process(self, printer, paper, languages):
        """This process has loaded the whole product, the child very little; both find the same templates and texts."""
        told: list[int] = []
        here = rendering.to_pdf(*paper, languages=languages)

        there = printer.to_pdf(*paper, languages=languages, progress=told.append)

        assert there == here
        assert told == sorted(set(told))
        assert told[-1] == 100

    def test_one_child_prints_several_papers(self, printer):
        printed(printer)
        pid = pid_of(printer)

        assert printed(printer).pages == 1

        assert pid_of(printer) == pid

    def test_a_child_that_uses_too_much_memory_is_replaced(self):
        with known_to_printers():
            frugal = Printer(replace(LIMITS, kept_mb=1))
            pid = pid_of(frugal)

            first = printed(frugal)

            assert pid_of(frugal) != pid
            assert printed(frugal) == first
            frugal.stop()

    def test_a_refusal_arrives_with_its_details_and_the_child_lives_on(self, printer):
        pid = pid_of(printer)

        with pytest.raises(MissingGlyphs, match=r"U\+1F000") as refusal:
            printed(printer, said="\U0001f000")
        with pytest.raises(TemplateBroken, match="nowhere"):
            printed(printer, "nowhere")

        assert refusal.value.details == {"template": "papers/note.html", "characters": ["\U0001f000"]}
        assert pid_of(printer) == pid

    def test_an_unexpected_error_is_reported_by_its_class(self, printer):
        with pytest.raises(PaperFailed) as refusal:
            printer.to_pdf(
                "papers/note.html", {"number": "1", "issued_on": "2026-03-02", "said": "Hello"}, languages=()
            )

        assert refusal.value.code == "IndexError"

    def test_the_childs_logs_appear_in_the_workers_log_with_the_same_request_id(self):
        program = (
            "import django, structlog; django.setup()\n"
            "from logistics.documents import printer\n"
            "structlog.contextvars.bind_contextvars(request_id='the-request')\n"
            "try: printer.to_pdf('donations/receipt.html', {'donor': 'Awa'}, languages=())\n"
            "except Exception as refusal: print(refusal.code)\n"
        )

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        (line,) = [json.loads(line) for line in done.stderr.splitlines() if "printing failed" in line]
        assert done.stdout == "IndexError\n"
        assert (line["error"], line["request_id"]) == ("IndexError", "the-request")
        assert "Awa" not in done.stderr

    def test_the_child_loads_only_the_modules_for_printing(self, printer):
        printer.to_pdf(*RECEIPT)
        printer.to_pdf(*PACKING_LIST)

        with pytest.raises(PaperRefused) as asked:
            printer.to_pdf(MODULES, {})

        loaded: Any = asked.value.details["modules"]
        assert [name for name in loaded if any(f"{name}.".startswith(f"{left_out}.") for left_out in LEFT_OUT)] == []
        assert {"weasyprint", "logistics.documents.rendering"} < set(loaded)
        print(f"\nThe printer holds {asked.value.details['resident_mb']:.0f} MiB.")  # pytest -s; machines differ

    def test_threads_take_turns(self, printer):
        prints: list[bytes] = []
        threads = [threading.Thread(target=lambda: prints.append(printed(printer).pdf)) for _ in range(3)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(prints) == 3
        assert len(set(prints)) == 1


class TestBombs:
    @pytest.mark.parametrize(
        ("template", "context", "refusal"),
        [
            pytest.param(
                *("memory_bomb", {"many": MANY, "said": "x" * 1_000_000}, PaperOutOfMemory), marks=pytest.mark.long
            ),
            ("note", {"said": "w" * 8_000_000}, PaperOutOfMemory),  # in Pango, which is C and ends with a signal
            ("deep", {"many": MANY}, PaperTooDeep),
        ],
    )
    def test_reports_the_limit_exceeded_and_prints_the_next_paper(self, printer, template, context, refusal):
        with pytest.raises(refusal):
            printed(printer, template, **context)

        assert printed(printer).pages == 1

    @pytest.mark.long
    def test_a_busy_child_is_ended_by_the_cpu_limit(self):
        with known_to_printers():
            short = Printer(replace(LIMITS, cpu_seconds=3))

            with pytest.raises(PaperOutOfTime):
                printed(short, "time_bomb", many=MANY)

            assert printed(short).pages == 1
            short.stop()

    def test_a_stopped_child_is_ended_by_the_wall_clock_limit(self, printer):
        """A stopped child uses no CPU time."""
        printed(printer)
        child = printer.start()
        child.limits = replace(child.limits, wall_seconds=0.2)
        os.kill(child.process.pid, signal.SIGSTOP)

        with pytest.raises(PaperOutOfTime):
            printed(printer)

        assert printed(printer).pages == 1

    def test_a_printer_that_never_becomes_ready_is_not_blamed_on_the_paper(self, monkeypatch):
        monkeypatch.setattr(process, "PROGRAM", "tests.no_such_program")
        broken = Printer(LIMITS)

        with pytest.raises(PrinterDied):
            printed(broken)

        broken.stop()


class TestDeath:
    def test_a_killed_child_does_not_affect_the_next_paper(self, printer):
        printed(printer)
        pid = pid_of(printer)

        with pytest.raises(PrinterDied):
            printed(printer, progress=lambda percent: os.kill(pid, signal.SIGKILL))

        assert printed(printer).pages == 1
        assert pid_of(printer) != pid

    def test_between_two_papers_has_no_effect(self, printer):
        printed(printer)
        os.kill(pid := pid_of(printer), signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # all its threads are gone, but it has not been reaped yet

        assert printed(printer).pages == 1

    def test_a_progress_callback_may_stop_the_printing(self, printer):
        class LeaseLost(Exception):
            pass

        def stop(percent: int) -> None:
            raise LeaseLost

        printed(printer)
        pid = pid_of(printer)
        with pytest.raises(LeaseLost):
            printed(printer, progress=stop)

        assert not psutil.pid_exists(pid)
        assert printed(printer).pages == 1

    def test_sigint_and_sigterm_for_the_whole_group_do_not_end_the_child(self, printer):
        printed(printer)
        pid = pid_of(printer)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)

        assert printed(printer).pages == 1

        assert pid_of(printer) == pid

    @pytest.mark.parametrize("thread", ["main", pytest.param("another", marks=pytest.mark.long)])
    def test_of_the_parent_ends_the_child_in_the_middle_of_a_paper(self, thread):
        """A child of the main thread is ended by the kernel, any child by the end of its pipe."""
        program = (
            "import threading, django; django.setup()\n"
            "from logistics.documents.printer import PaperLimits, Printer\n"
            "from tests.logistics.papers.known import known_to_printers\n"
            "printer = Printer(PaperLimits(700, 60, 60))\n"
            "def work():\n"
            "    with known_to_printers(): print(printer.start().process.pid, flush=True)\n"
            "    said = {'number': '1', 'issued_on': '2026-03-02', 'many': list(range(300)), 'said': 'x'}\n"
            "    printer.to_pdf('papers/note.html', said)\n"
            "    print('printed', flush=True)\n"
            "    printer.to_pdf('papers/time_bomb.html', said)\n"
            + ("work()" if thread == "main" else "threading.Thread(target=work).start()")
        )
        parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        assert parent.stdout.readline() == "printed\n"
        assert alive(child)

        parent.kill()
        parent.wait()

        eventually(lambda: not alive(child))
        parent.stdout.close()


@pytest.mark.long
@pytest.mark.processes
def test_a_papers_worker_starts_its_printers_before_the_first_paper(tmp_path):
    with Instance.started(tmp_path, "worker") as product:
        main = psutil.Process(product["worker"].mine().pid)
        printers = eventually(lambda: printers_below(main))

        pool = printers[0].parent()
        assert pool
        pool.kill()

        eventually(lambda: not alive(printers[0]))


def printers_below(process: psutil.Process) -> list[psutil.Process]:
    return [
        child for child in process.children(recursive=True) if "logistics.documents.printer.child" in command_of(child)
    ]


def confined(program: str) -> str:
    """Return the output of a program with the same confinement as a printer."""
    before = "import ctypes, errno, os, socket, subprocess; from logistics.confined import confinement\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{before}confinement.confine()\n{program}"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class TestConfinement:
    @pytest.mark.parametrize(
        "attempt",
        [
            "socket.socket()",
            "socket.getaddrinfo('localhost', 80)",
            "subprocess.run(['true'])",
            "os.execv('/bin/true', ['true'])",
            "os.system('true')",
            "open('/tmp/printer', 'w')",
            "os.open('/tmp/printer', os.O_CREAT | os.O_WRONLY)",
        ],
    )
    def test_python_refuses_network_programs_and_writing_files(self, attempt):
        assert confined(f"try: {attempt}\nexcept PermissionError as error: print('refused', error)").startswith(
            "refused Refused to a confined process"
        )

    @linux
    @pytest.mark.parametrize("call", ["socket(2, 1, 0)", "connect(0, 0, 0)", "execve(b'/bin/true', 0, 0)"])
    def test_the_kernel_refuses_c_code_as_well(self, call):
        refused = confined(f"libc = ctypes.CDLL(None, use_errno=True)\nprint(libc.{call}, ctypes.get_errno())")

        assert refused == f"-1 {errno.EACCES}"

    def test_files_stay_readable(self):
        assert confined("print(len(open('/dev/null').read()), os.getpid() > 0)") == "0 True"

    @linux
    def test_the_child_is_confined_before_its_first_paper(self, printer):
        printed(printer)
        child = psutil.Process(pid_of(printer))

        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child.pid}/status").read_text().splitlines())

        assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
        assert child.rlimit(resource.RLIMIT_AS) == (700 * 1024 * 1024,) * 2
        assert child.rlimit(resource.RLIMIT_CORE) == (0, 0)
        assert Path(f"/proc/{child.pid}/oom_score_adj").read_text() == "1000\n"

    def test_its_environment_and_arguments_contain_no_secret(self, printer):
        printed(printer)
        child = psutil.Process(pid_of(printer))

        shown = " ".join([*child.environ().values(), *child.cmdline()])

        secrets = [settings.SECRET_KEY, *settings.FIELD_KEYS, settings.STRIPE_SECRET_KEY, os.environ["DATABASE_URL"]]
        assert [secret for secret in secrets if secret in shown] == []
        assert "Hello" not in shown
