"""Measure papers: python -m tests.benchmarks.papers [lines ...] [--without engine ...] [--growth]

Each engine prints each list in a process of its own, after a small one that warms it up. Prints a table and writes
var/bench/papers.json.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

VAR = Path(__file__).parents[3] / "var" / "bench"
SIZES = [323, 1000, 5000, 10000]
ENGINES = ["ours", "weasyprint", "reportlab_platypus", "reportlab_canvas", "typst"]
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "measuring",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
}


def measure_here(engine: str, lines: int) -> dict[str, Any]:
    """Print one list in this process and say what it took."""
    import django

    django.setup()
    from tests.benchmarks.papers import engines, lists

    print_list = engines.ENGINES[engine]
    print_list(lists.context(100))
    context = lists.context(lines)
    before, wall = _cpu(), time.perf_counter()
    pdf = print_list(context)
    return {
        "engine": engine,
        "lines": lines,
        "cpu_s": round(_cpu() - before, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "kb": len(pdf) // 1024,
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(engine: str, lines: int) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.papers", "--one", engine, str(lines)]
    run = subprocess.run(command, env={**os.environ, **SETTINGS}, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def growth(results: list[dict[str, Any]]) -> float:
    """The exponent of CPU time over lines, between the shortest and the longest list of ours of 1,000 lines or more."""
    points = sorted((r["lines"], r["cpu_s"]) for r in results if r["engine"] == "ours" and r["lines"] >= 1000)
    (few, fast), (many, slow) = points[0], points[-1]
    return round(math.log(slow / fast) / math.log(many / few), 3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("lines", nargs="*", type=int, default=SIZES)
    parser.add_argument("--without", nargs="*", default=[], choices=ENGINES)
    parser.add_argument("--growth", action="store_true", help="ours for 50,000 lines as well")
    parser.add_argument("--one", nargs=2)
    told = parser.parse_args()
    if told.one:
        print(json.dumps(measure_here(told.one[0], int(told.one[1]))))
        return
    results = []
    work = [(engine, lines) for lines in told.lines for engine in ENGINES if engine not in told.without]
    work += [("ours", 50000)] * told.growth
    print(f"{'engine':20} {'lines':>6} {'CPU s':>8} {'wall s':>8} {'peak MB':>8} {'KB':>7}")
    for engine, lines in work:
        r = measure(engine, lines)
        results.append(r)
        print(f"{engine:20} {lines:6} {r['cpu_s']:8} {r['wall_s']:8} {r['peak_mb']:8} {r['kb']:7}", flush=True)
    record: dict[str, Any] = {"papers": results}
    if len({r["lines"] for r in results if r["engine"] == "ours" and r["lines"] >= 1000}) > 1:
        record["growth_exponent_of_ours"] = growth(results)
        print("growth exponent of ours:", record["growth_exponent_of_ours"])
    VAR.mkdir(parents=True, exist_ok=True)
    (VAR / "papers.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
