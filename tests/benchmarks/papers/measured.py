"""The measurement of one process: one engine at one piece of work, after a small one as warm-up.

It is set up as the printer's child is, with nothing else of the product loaded, and holds no engine but its own.

python -m tests.benchmarks.papers.measured '{"kind": "list", "engine": "ours", "lines": 1000, "times": 1}'
"""

import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from logistics.documents import printer_settings
from tests.benchmarks.papers import chromium, engines, lists, receipts

WARM_LINES = 100
RECEIPTS, WARM_RECEIPTS, MANY_RECEIPTS = 50, 5, 1000
CLEAR_REFS, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
# The whole product, asked in a process that ends with its answer.
ASK_PRODUCT = """
import json, django
django.setup()
from logistics.documents import printer_settings
print(json.dumps(printer_settings.of_product()))
"""


@dataclass(frozen=True)
class Job:
    """A piece of work: `kind` is one of WORK, `lines` is 0 for receipts, `times` how often to repeat it."""

    kind: str
    engine: str
    lines: int = 0
    times: int = 1

    def __str__(self) -> str:
        what = {"list": f"{self.lines:,} lines", "layouts": f"layouts of {self.lines:,} lines"}
        return f"{self.engine}: {what.get(self.kind, self.kind)}"


def measure(job: Job) -> dict[str, Any]:
    """Do the work in this process and return what it took."""
    told = subprocess.run([sys.executable, "-c", ASK_PRODUCT], check=True, stdout=subprocess.PIPE).stdout
    printer_settings.apply(json.loads(told))
    return {**asdict(job), **WORK[job.kind](job)}


def _list(job: Job) -> dict[str, Any]:
    if job.engine == "chromium":
        return _list_by_chromium(job)
    print_list = engines.ENGINES[job.engine]
    print_list(lists.context(WARM_LINES))
    context = lists.context(job.lines)
    before = _resident_kib()
    _forget_peak()
    cpu, wall = time.process_time(), time.perf_counter()
    pdf = print_list(context)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "cpu_ms": cpu * 1000,
        "wall_ms": wall * 1000,
        "before_kib": before,
        "peak_kib": _peak_kib(),
        "bytes": len(pdf),
    }


def _list_by_chromium(job: Job) -> dict[str, Any]:
    """The template is ours and rendered in this process; memory is that of the browser alone."""
    browser = chromium.Browser()

    def print_list(lines: int) -> tuple[chromium.Printed, float]:
        context = lists.context(lines)
        cpu, wall = time.process_time(), time.perf_counter()
        html = chromium.html(engines.TEMPLATE, context, lists.LANGUAGES)
        cpu = time.process_time() - cpu
        printed = browser.to_pdf(html)
        return replace(printed, cpu_s=cpu + printed.cpu_s), time.perf_counter() - wall

    print_list(WARM_LINES)
    start = browser.to_pdf("<!DOCTYPE html><title>Nothing</title>")
    printed, wall = print_list(job.lines)
    return {
        "cpu_ms": printed.cpu_s * 1000,
        "wall_ms": wall * 1000,
        "start_cpu_ms": start.cpu_s * 1000,
        "before_kib": start.peak_kib,
        "peak_kib": printed.peak_kib,
        "bytes": len(printed.pdf),
    }


def _layouts(job: Job) -> dict[str, Any]:
    """Return how many texts WeasyPrint has Pango lay out for one list, including samples and repeats."""
    import_module("logistics.documents.rendering")  # before WeasyPrint, for which it names the fonts

    from weasyprint.text.line_break import Layout

    set_text, count = Layout.set_text, 0

    def counted(*told: Any, **named: Any) -> None:
        nonlocal count
        count += 1
        set_text(*told, **named)

    Layout.set_text = counted
    engines.ENGINES[job.engine](lists.context(job.lines))
    return {"layouts": count}


def _receipts(job: Job) -> dict[str, Any]:
    print_receipt = receipts.ENGINES[job.engine]
    contexts = receipts.contexts(WARM_RECEIPTS + RECEIPTS)
    for context in contexts[:WARM_RECEIPTS]:
        print_receipt(context)
    before = _resident_kib()
    _forget_peak()
    cpu, wall, sizes = [], [], []
    for context in contexts[WARM_RECEIPTS:]:
        began, used = time.perf_counter(), time.process_time()
        pdf = print_receipt(context)
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
        sizes.append(len(pdf))
    return {
        "cpu_ms": statistics.median(cpu),
        "wall_ms": statistics.median(wall),
        "before_kib": before,
        "peak_kib": _peak_kib(),
        "bytes": statistics.median_high(sizes),
        "bytes_most": max(sizes),
    }


def _growth(job: Job) -> dict[str, Any]:
    """Return how much the process grows over many receipts, after printing a few."""
    print_receipt = receipts.ENGINES[job.engine]
    contexts = receipts.contexts(RECEIPTS + MANY_RECEIPTS)
    for context in contexts[:RECEIPTS]:
        print_receipt(context)
    before = _resident_kib()
    for context in contexts[RECEIPTS:]:
        print_receipt(context)
    return {"receipts": MANY_RECEIPTS, "growth_kib": _resident_kib() - before}


def _forget_peak() -> None:
    """Reset the peak, to exclude the warm-up. Linux only."""
    if CLEAR_REFS.exists():
        CLEAR_REFS.write_text("5")


def _peak_kib() -> int:
    """Return the peak memory of the process, since _forget_peak where supported."""
    if STATUS.exists():
        return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def _resident_kib() -> int:
    """Return the current memory of the process, or its peak if only that is known."""
    gc.collect()
    told = Path("/proc/self/statm")
    if not told.exists():
        return _peak_kib()
    return int(told.read_text().split()[1]) * resource.getpagesize() // 1024


WORK: dict[str, Callable[[Job], dict[str, Any]]] = {
    "list": _list,
    "layouts": _layouts,
    "receipts": _receipts,
    "growth of 1,000 receipts": _growth,
}

if __name__ == "__main__":
    print(json.dumps(measure(Job(**json.loads(sys.argv[1])))))
