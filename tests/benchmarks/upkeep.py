"""`make bench-upkeep`: what the hourly and nightly work costs in a large database (see `make seed`).

Each piece of work runs as its task does, except those that ask Stripe: each statement of the hourly check, once with
all rows and once in part, the periodic tasks, a sweep of the relay and a scrape of /metrics. Exits non-zero if one is
outside its limit.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.benchmarks import seed
from tests.benchmarks.kept import Kept, database_of, kept_server, use
from tests.benchmarks.measuring import FOLDER

# The hourly task is stopped after nine minutes; half of them leave room for a slower machine and a larger table.
HOURLY_S = 270
TASK_S = 10
SCRAPE_S = SWEEP_S = 0.1
GROWTH_MB = 60  # of a process that keeps nothing but ids and slices
ASKS_STRIPE = {"donations.catch_up_with_stripe"}
IS_THE_CHECK = {"logistics.verify_invariants"}


@dataclass(frozen=True)
class Work:
    name: str
    run: Callable[[], object]
    most_s: float


@dataclass(frozen=True)
class Cost:
    took_s: float
    cpu_s: float
    grown_mb: float


def measured(run: Callable[[], object]) -> Cost:
    """Run it once. Memory is the peak of this process above what it had before (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, began, began_cpu = _memory_mb("VmRSS"), time.perf_counter(), time.process_time()
    run()
    took = time.perf_counter() - began
    return Cost(took, time.process_time() - began_cpu, _memory_mb("VmHWM") - before)


def _memory_mb(name: str) -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) / 1024


def works() -> Iterator[Work]:
    """Yield the work that an hour or a night brings, in the order in which it grows."""
    from django.test import Client  # after Django is set up

    from config.celery import app
    from logistics.health import services as health
    from logistics.jobs import relay

    client = Client(headers={"host": "localhost"})

    def scrape() -> None:
        assert client.get("/metrics").status_code == 200

    scrape()  # the first one imports and connects
    yield Work("scrape of /metrics", scrape, SCRAPE_S)
    relay.sweep()
    yield Work("sweep of the relay", relay.sweep, SWEEP_S)
    app.finalize()  # apps declare their periodic tasks
    tasks = dict.fromkeys((str(one["task"]), tuple(one.get("args", ()))) for one in app.conf.beat_schedule.values())
    for task, arguments in tasks:
        if task not in ASKS_STRIPE | IS_THE_CHECK:
            yield Work(f"task {task}", partial(app.tasks[task], *arguments), TASK_S)
    for statement, query in health.invariants():
        yield Work(f"hourly: {statement}", partial(health.check, statement, query), HOURLY_S)
    yield Work("the whole hourly check", health.check_all, HOURLY_S)
    yield Work("manage.py verify, all rows", lambda: health.check_all(progress=lambda _done, _all: None), float("inf"))


def table(rows: list[tuple[Work, Cost]]) -> str:
    lines = ["| work | s | CPU here, s | memory, MB |", "|---|--:|--:|--:|"]
    return "\n".join(
        lines + [f"| {work.name} | {cost.took_s:.2f} | {cost.cpu_s:.2f} | {cost.grown_mb:.0f} |" for work, cost in rows]
    )


def prepare(server: Kept, gifts: int) -> None:
    """Connect to the database with so many gifts, filled if it is not yet."""
    if not server.is_filled(gifts):
        use(server, database_of(server, gifts))
        seed.fill(gifts)
        server.finished(gifts)
    use(server, database_of(server, gifts))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-upkeep", description=__doc__)
    parser.add_argument("--gifts", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="work whose name holds this")
    arguments = parser.parse_args()
    with kept_server() as server:
        prepare(server, arguments.gifts)
        rows = []
        for work in works():
            if arguments.only in work.name:
                rows.append((work, measured(work.run)))
                print(f"{rows[-1][1].took_s:8.2f} s  {work.name}", flush=True)
    outside = [(work, cost) for work, cost in rows if cost.took_s > work.most_s or cost.grown_mb > GROWTH_MB]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "upkeep.md").write_text(table(rows) + "\n", encoding="utf-8")
    print(table(rows))
    print(f"{arguments.gifts:,} gifts, load {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print("Outside:", *([work.name for work, _cost in outside] or ["none"]), sep="\n  ")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
