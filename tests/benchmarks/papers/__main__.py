"""Measure papers: python -m tests.benchmarks.papers [lines ...] [--without engine ...] [--continue]

Each engine does each piece of work in a process of its own, after a small one that warms it up; lists of up to 1,000
lines in several processes, of which the median counts, but for plain WeasyPrint. What takes long comes last. After each
result var/bench/papers.json and papers.md are rewritten, so a run that is stopped keeps what it has: --continue does
the rest.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, astuple
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measuring import FOLDER
from tests.benchmarks.papers import chromium, table
from tests.benchmarks.papers.measured import Job

SIZES = [323, 1000, 5000, 10000]
# Ours for the growth exponent: these as well.
LONGER = [20000, 50000]
# Lists of more lines than this, in plain WeasyPrint with all shared, say nothing new.
SHARED_UP_TO = 1000
REPEATED_UP_TO, REPEATED = 1000, 3
SIGN_OF_LIFE_S = 5
RECORD, TABLE = FOLDER / "papers.json", FOLDER / "papers.md"
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "measuring",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
}


def jobs(sizes: list[int], without: list[str], *, longer: bool) -> list[Job]:
    """All the work, in the order in which it is done."""
    return sorted(_jobs(sizes, without, longer=longer), key=_slowness)


def _jobs(sizes: list[int], without: list[str], *, longer: bool) -> Iterator[Job]:
    for engine in table.NAMES:
        if engine in without:
            continue
        if engine != "chromium":  # which is restarted for each: a receipt would say how long that takes
            yield Job("receipts", engine)
        for lines in [*sizes, *(LONGER if longer and engine == "ours" else [])]:
            if engine != "weasyprint_shared" or lines <= SHARED_UP_TO:
                once = lines > REPEATED_UP_TO or "weasyprint" in engine
                yield Job("list", engine, lines, times=1 if once else REPEATED)
    if "ours" not in without:
        yield Job("growth of 1,000 receipts", "ours")
        yield from (Job("layouts", "ours", lines) for lines in sizes)
    if "weasyprint" not in without and sizes:
        yield Job("layouts", "weasyprint", min(sizes))


def _slowness(job: Job) -> tuple[int, int]:
    """Receipts first; lists of other engines as if they had five times the lines; plain WeasyPrint last."""
    return ("weasyprint" in job.engine) * (job.lines > 0), job.lines * (1 if job.engine == "ours" else 5)


def run(job: Job) -> dict[str, Any]:
    """Have a job done in processes of its own: the medians of what they measured, or why there are none.

    "failed" names an engine that could not, "skipped" one that is not there.
    """
    if job.engine == "chromium" and not chromium.program():
        return {**asdict(job), "skipped": "not installed"}
    measured = []
    for _ in range(job.times):
        told = _in_a_process(job)
        if "failed" in told:
            return told
        measured.append(told)
    numbers = {name: statistics.median(of[name] for of in measured) for name in measured[0] if name not in asdict(job)}
    return {**asdict(job), **numbers}


def _in_a_process(job: Job) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.papers.measured", json.dumps(asdict(job))]
    process = subprocess.Popen(
        command, env={**os.environ, **SETTINGS}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while True:
            try:
                out, complaints = process.communicate(timeout=SIGN_OF_LIFE_S)
                break
            except subprocess.TimeoutExpired:
                print(".", end="", flush=True)
    except BaseException:
        process.kill()
        raise
    if process.returncode:
        why = complaints.strip().splitlines()[-1:] or [f"ended with {process.returncode}"]
        return {**asdict(job), "failed": why[0]}
    result: dict[str, Any] = json.loads(out.splitlines()[-1])
    return result


def write(results: table.Results) -> None:
    machine = {"cores": os.cpu_count(), "load_1min": os.getloadavg()[0], "python": platform.python_version()}
    goals = [asdict(figure) | {"held": figure.held} for figure in table.figures(results)]
    record = {"machine": machine, "figures": goals, "results": results}
    FOLDER.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    TABLE.write_text(table.markdown(results), encoding="utf-8")


def _kept() -> table.Results:
    if not RECORD.exists():
        return []
    return [result for result in json.loads(RECORD.read_text(encoding="utf-8"))["results"] if table.is_measured(result)]


def _show(heads: list[str], rows: list[list[str]]) -> None:
    shown = Table(*heads)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)


def _do(work: list[Job], results: table.Results) -> None:
    """Do all the work, add what it measured to the results and write them down each time."""
    for number, job in enumerate(work, start=1):
        print(f"[{number}/{len(work)}] {job} ", end="", flush=True)
        began = time.perf_counter()
        result = run(job)
        results.append(result)
        write(results)
        failed, skipped, cpu = result.get("failed"), result.get("skipped"), result.get("cpu_ms")
        said = f"failed: {failed}" if failed else skipped or (f"{cpu:,.0f} ms of CPU" if cpu else "done")
        print(f" {said} ({time.perf_counter() - began:.0f} s)", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure papers beside other engines.")
    parser.add_argument("lines", nargs="*", type=int, default=SIZES)
    parser.add_argument("--without", nargs="*", default=[], choices=list(table.NAMES))
    parser.add_argument("--growth", action="store_true", help="ours for 20,000 and 50,000 lines as well")
    parser.add_argument("--continue", action="store_true", dest="go_on", help="measure only what papers.json lacks")
    told = parser.parse_args()
    results = _kept() if told.go_on else []
    done = {(result["kind"], result["engine"], result["lines"]) for result in results}
    work = [job for job in jobs(told.lines, told.without, longer=told.growth) if astuple(job)[:3] not in done]
    try:
        _do(work, results)
    except KeyboardInterrupt:
        print(" stopped; --continue measures the rest")
    _show(table.HEADS, table.rows(results))
    _show(table.GOAL_HEADS, table.goal_rows(results))
    return 1 if any("failed" in result for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
