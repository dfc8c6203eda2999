"""`make demo`: run the story against a temporary product, one line per step; exit 1 if any step fails."""

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from tests import services
from tests.journeys.goods import GoodsStory
from tests.journeys.place import running_place

KEEP = services.ROOT / "var" / "demo"


class Bars:
    """One progress bar for each long-running job that a step watches."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.bars: dict[str, TaskID] = {}

    def __call__(self, what: str, percent: int) -> None:
        if what not in self.bars:
            self.bars[what] = self.progress.add_task(what, total=100)
        self.progress.update(self.bars[what], completed=percent)

    def clear(self) -> None:
        for bar in self.bars.values():
            self.progress.remove_task(bar)
        self.bars.clear()


def tell(console: Console) -> int:
    KEEP.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=services.PREFIX) as folder:
        console.print(
            "Starting a throw-away product: web, worker, relay, PostgreSQL, Redis protocol, Stripe stand-in ..."
        )
        with running_place(Path(folder), keep=KEEP) as place:
            console.print(f"[dim]started in {time.perf_counter() - began:.1f} s[/dim]")
            return _tell_steps(console, GoodsStory(place))


def _tell_steps(console: Console, story: GoodsStory) -> int:
    began = time.perf_counter()
    columns = (TextColumn("     {task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, console=console, transient=True) as progress:
        story.watch = bars = Bars(progress)
        for number, (title, step) in enumerate(story.steps(), 1):
            started = time.perf_counter()
            try:
                result = step()
            except Exception as error:  # a failed step is reported like any other, and ends the story
                console.print(
                    f"[red]{number:>2} ✗[/red] {title}\n     {type(error).__name__}: {error}", highlight=False
                )
                return 1
            bars.clear()
            took = time.perf_counter() - started
            console.print(f"[green]{number:>2} ✓[/green] {title} [dim]— {result} ({took:.1f} s)[/dim]", highlight=False)
    console.print(f"The whole story held, in {time.perf_counter() - began:.1f} s. The papers are in var/demo/.")
    return 0


def main() -> int:
    services.start_for_program()
    return tell(Console())


if __name__ == "__main__":
    sys.exit(main())
