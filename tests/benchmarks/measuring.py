"""Measure a piece of work, and show the figures beside their goals."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"


@dataclass(frozen=True)
class Figure:
    """One measured figure and its goal, if any."""

    what: str
    value: float
    unit: str
    most: float | None = None  # goal: at most this
    least: float | None = None  # goal: at least this

    @property
    def held(self) -> bool | None:
        """Whether the goal is reached; None if there is none."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def goal(self) -> str:
        if self.most is not None:
            return f"≤ {_written(self.most)} {self.unit}"
        return f"≥ {_written(self.least)} {self.unit}" if self.least is not None else ""

    @property
    def measured(self) -> str:
        return f"{_written(self.value)} {self.unit}"


@dataclass
class Report:
    """All figures of one run."""

    figures: dict[str, list[Figure]] = field(default_factory=dict)

    def add(self, topic: str, *figures: Figure) -> None:
        """Add figures of one topic, and save them at once, because a later benchmark may fail."""
        self.figures.setdefault(topic, []).extend(figures)
        FOLDER.mkdir(parents=True, exist_ok=True)
        machine = {"cores": os.cpu_count(), "load_1min": os.getloadavg()[0], "python": platform.python_version()}
        told = [asdict(figure) | {"held": figure.held} for figure in self.figures[topic]]
        text = json.dumps({"topic": topic, "machine": machine, "figures": told}, indent=2, ensure_ascii=False)
        (FOLDER / f"{topic.replace(' ', '_')}.json").write_text(text + "\n", encoding="utf-8")

    def show(self, console: Console) -> None:
        """Print the table, and leave it in Markdown beside the figures."""
        lines = ["| work | figure | measured | goal | |", "|---|---|---|---|---|"]
        for topic, figures in self.figures.items():
            for number, one in enumerate(figures):
                mark = {True: "✓", False: "✗", None: ""}[one.held]
                lines.append(f"| {'' if number else topic} | {one.what} | {one.measured} | {one.goal} | {mark} |")
        (FOLDER / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        table = Table("work", "figure", "measured", "goal", "")
        for topic, figures in self.figures.items():
            for number, one in enumerate(figures):
                mark = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: ""}[one.held]
                table.add_row("" if number else topic, one.what, one.measured, one.goal, mark)
            table.add_section()
        console.print(table)


def _written(value: float | None) -> str:
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


@dataclass(frozen=True)
class Cost:
    """The cost of one piece of work, medians over its repetitions."""

    cpu_ms: float  # of this thread: a stand-in in another thread does not count
    wall_ms: float
    wall_p95_ms: float


def cost(work: Callable[[], Any], *, times: int, warm: int = 1, before: Callable[[], Any] = lambda: None) -> Cost:
    """Repeat the work after warming up; `before` each repetition is not measured."""
    cpu, wall = [], []
    for number in range(warm + times):
        before()
        began, thread = time.perf_counter(), time.thread_time()
        work()
        used, took = time.thread_time() - thread, time.perf_counter() - began
        if number >= warm:
            cpu.append(used * 1000)
            wall.append(took * 1000)
    return _cost(cpu, wall)


def costs(works: Mapping[str, Callable[[], Any]], *, times: int, warm: int = 1) -> dict[str, Cost]:
    """Repeat several pieces of work in turns, so that a busy moment of the machine meets all of them."""
    for work in works.values():
        cost(work, times=0, warm=warm)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(times):
        for name, work in works.items():
            began, thread = time.perf_counter(), time.thread_time()
            work()
            used, took = time.thread_time() - thread, time.perf_counter() - began
            taken[name].append((used * 1000, took * 1000))
    return {name: _cost([cpu for cpu, _ in both], [wall for _, wall in both]) for name, both in taken.items()}


def _cost(cpu: list[float], wall: list[float]) -> Cost:
    return Cost(statistics.median(cpu), statistics.median(wall), quantile(wall, 0.95)) if cpu else Cost(0, 0, 0)


def quantile(values: list[float], share: float) -> float:
    """Return the percentile (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def statements(work: Callable[[], Any]) -> list[str]:
    """Return the statements of the work that read or write, without savepoints."""
    with CaptureQueriesContext(connection) as asked:
        work()
    around = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    return [query["sql"] for query in asked.captured_queries if not query["sql"].startswith(around)]
