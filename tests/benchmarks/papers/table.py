"""The results beside the goals, as figures and as Markdown tables."""

import math
import statistics
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.measuring import Figure

Results = list[dict[str, Any]]
NAMES = {
    "ours": "ours",
    "weasyprint": "WeasyPrint as everyone uses it",
    "weasyprint_shared": "WeasyPrint, fonts and stylesheets shared",
    "reportlab_platypus": "ReportLab platypus",
    "reportlab_canvas": "ReportLab canvas, drawn by hand",
    "typst": "typst",
    "chromium": "Chromium",
}
# How many times less CPU than these we want to need, for the longest of the lists that all print, and for receipts.
LONG = 10_000
LIST_GOALS = {"weasyprint": 40, "reportlab_canvas": 1, "typst": 1, "chromium": 1}
RECEIPT_GOALS = {"weasyprint": 8, "reportlab_platypus": 2}


def is_measured(result: dict[str, Any]) -> bool:
    return "failed" not in result and "skipped" not in result


def _one(results: Results, kind: str, engine: str, lines: int = 0) -> dict[str, Any] | None:
    for result in results:
        if (result["kind"], result["engine"], result["lines"]) == (kind, engine, lines) and is_measured(result):
            return result
    return None


def figures(results: Results) -> list[Figure]:
    """Return all figures with goals that were measured."""
    return [*_of_lists(results), *_of_receipts(results)]


def _of_lists(results: Results) -> Iterator[Figure]:
    if mali := _one(results, "list", "ours", 323):
        yield Figure("the Mali packing list (323 lines), warm: CPU", mali["cpu_ms"] / 1000, "s", most=0.5)
    for lines in sorted({result["lines"] for result in results if result["kind"] == "list"}):
        for engine in NAMES:
            least = LIST_GOALS.get(engine) if lines == LONG else None
            yield from _ratio(results, "list", engine, lines, least)
    starts = [result["start_cpu_ms"] for result in results if "start_cpu_ms" in result]
    if starts:
        yield Figure("the start of Chromium, in each of its figures: CPU", statistics.median(starts) / 1000, "s")
    if long := _one(results, "list", "ours", LONG):
        printing = (long["peak_kib"] - long["before_kib"]) / 1024
        yield Figure(f"{LONG:,} lines: memory for printing, above the warm process", printing, "MiB")
        yield Figure(f"{LONG:,} lines: peak memory of the process", long["peak_kib"] / 1024, "MiB", most=150)
        if short := _one(results, "list", "ours", 1000):
            a_line = (long["peak_kib"] - short["peak_kib"]) / (LONG - 1000)
            yield Figure(f"memory a line, from 1,000 to {LONG:,}", a_line, "KiB", most=5)
    for result in results:
        if result["kind"] == "layouts" and is_measured(result):
            most = 0.5 if (result["engine"], result["lines"]) == ("ours", LONG) else None
            what = f"{result['lines']:,} lines, {NAMES[result['engine']]}: Pango layouts a line"
            yield Figure(what, result["layouts"] / result["lines"], "", most=most)
    ours = [r for r in results if (r["kind"], r["engine"]) == ("list", "ours") and is_measured(r)]
    points = [(r["lines"], r["cpu_ms"]) for r in ours]
    for few, most in ((1000, 1.05), (LONG, None)):  # a short list is mostly its samples, which do not grow
        fitted = [(lines, cpu) for lines, cpu in points if lines >= few]
        if len(fitted) > 1:
            what = f"growth exponent of CPU, {len(fitted)} lists from {few:,} to {max(fitted)[0]:,} lines"
            yield Figure(what, exponent(fitted), "", most=most)


def _of_receipts(results: Results) -> Iterator[Figure]:
    if receipt := _one(results, "receipts", "ours"):
        yield Figure("a receipt, warm: CPU", receipt["cpu_ms"], "ms")
        yield Figure("a receipt for a Latin name, the largest of 50", receipt["bytes_most"] / 1024, "KiB", most=20)
    for engine in NAMES:
        yield from _ratio(results, "receipts", engine, 0, RECEIPT_GOALS.get(engine))
    if growth := _one(results, "growth of 1,000 receipts", "ours"):
        yield Figure("growth of memory over 1,000 receipts", growth["growth_kib"] / 1024, "MiB", most=5)


def _ratio(results: Results, kind: str, engine: str, lines: int, goal: float | None) -> Iterator[Figure]:
    ours, other = _one(results, kind, "ours", lines), _one(results, kind, engine, lines)
    if engine != "ours" and ours and other:
        what = f"{lines:,} lines" if lines else "a receipt"
        times = other["cpu_ms"] / ours["cpu_ms"]
        yield Figure(f"{what}: CPU of {NAMES[engine]} over ours", times, "×", least=goal)


def exponent(points: list[tuple[int, float]]) -> float:
    """Return the slope of the log-log regression: 1 means time proportional to length."""
    logs = [(math.log(lines), math.log(cpu)) for lines, cpu in points]
    x, y = (sum(of) / len(logs) for of in zip(*logs, strict=True))
    return sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)


def rows(results: Results) -> list[list[str]]:
    """Return one row per paper and engine, grouped by paper."""
    order = list(NAMES)
    made = []
    shown = [result for result in results if result["kind"] in ("list", "receipts")]
    for result in sorted(shown, key=lambda r: (r["kind"], r["lines"], order.index(r["engine"]))):
        what = f"{result['lines']:,} lines" if result["lines"] else "a receipt"
        if not is_measured(result):
            made.append([what, NAMES[result["engine"]], result.get("skipped", "failed"), "", "", "", ""])
            continue
        unit, scale = ("s", 1000) if result["lines"] else ("ms", 1)
        cpu, wall = (f"{result[of] / scale:,.{2 if scale > 1 else 1}f} {unit}" for of in ("cpu_ms", "wall_ms"))
        peak, more = result["peak_kib"] / 1024, (result["peak_kib"] - result["before_kib"]) / 1024
        size = f"{result['bytes'] / 1024:,.0f} KiB"
        made.append([what, NAMES[result["engine"]], cpu, wall, f"{peak:,.0f} MiB", f"{max(0, more):,.0f} MiB", size])
    return made


HEADS = ["paper", "engine", "CPU", "wall", "peak memory", "of it, printing", "size"]
GOAL_HEADS = ["figure", "measured", "goal", ""]


def goal_rows(results: Results) -> list[list[str]]:
    mark = {True: "✓", False: "✗", None: ""}
    return [[one.what, one.measured, one.goal, mark[one.held]] for one in figures(results)]


def markdown(results: Results) -> str:
    """Return both tables for a README."""
    made = []
    for heads, of in ((HEADS, rows(results)), (GOAL_HEADS, goal_rows(results))):
        ruled = [heads, ["---"] * len(heads), *of]
        made.append("".join(f"| {' | '.join(row)} |\n" for row in ruled))
    return "\n".join(made)
